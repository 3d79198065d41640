import { seconds, type Millis } from '#model/time'
import type { Journal, JournalEntry } from './journal.ts'

/** The record that says we were alive for another `periodMs`. */
export const tick = (periodMs: Millis): JournalEntry => ({
  kind: 'tick',
  deviceId: '',
  payload: Buffer.from(`${periodMs}`)
})

/**
 * Appends a tick every period of real time. While the journal refuses there are none, and the gap tells the rules that
 * the outage was ours; at most one tick waits.
 */
export function keepTicking({ journal, periodMs = seconds(1) }: { journal: Journal; periodMs?: Millis }): {
  close: () => void
} {
  let waiting = false
  const timer = setInterval(() => {
    if (waiting) return
    waiting = true
    journal.appendThen(tick(periodMs), () => (waiting = false))
  }, periodMs)
  return { close: () => clearInterval(timer) }
}
