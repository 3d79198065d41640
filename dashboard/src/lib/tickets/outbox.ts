import type { TicketActionRequest, TicketReportRequest } from '#model/api'
import type { Label } from '#model/label'
import { minutes, seconds, type Millis } from '#model/time'

/** What somebody did that a phone keeps until the server has answered it. */
interface Kept {
  /** The Idempotency-Key: however often it is sent, it happens once. */
  key: string
  title: Label
  place: string
  /** Whose it is: nobody sends what another did on the same phone. */
  who: string
  savedAt: Millis
  /** What the server said when it would not have it; it is shown until its person has read it. */
  refused?: string
}
export type WaitingAction = Kept & { ticket: string; request: TicketActionRequest }
export type WaitingReport = Kept & { report: TicketReportRequest }
export type WaitingScan = Kept & { facility: string; scan: { token: string } }
export type Waiting = WaitingAction | WaitingReport | WaitingScan
export const isAction = (one: Waiting): one is WaitingAction => 'request' in one

/** `again`: it may have arrived, or not; asking once more is safe. */
export type Answer = 'done' | 'again' | { refused: string }

export interface Shelf {
  getItem(name: string): string | null
  setItem(name: string, value: string): void
}

const NAME = 'mingjie.outbox'
const FIRST_WAIT_MS = seconds(2)
const LONGEST_WAIT_MS = minutes(1)

/** How long to wait after so many tries in vain: longer each time, never all phones at once. `random`: 0 to 1. */
export const waitMs = (tries: number, random: number): Millis =>
  Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** tries) * (0.5 + random / 2)

/** What is kept, oldest first; a shelf that holds something else holds nothing of ours. */
export function kept(shelf: Shelf): Waiting[] {
  try {
    const found: unknown = JSON.parse(shelf.getItem(NAME) ?? '[]')
    return Array.isArray(found) ? (found as Partial<WaitingAction>[]).filter(isOurs) : []
  } catch {
    return []
  }
}

const isOurs = (one: Partial<WaitingAction & WaitingReport & WaitingScan> | null): one is Waiting =>
  Boolean(one?.key && (one.request?.action ?? one.report ?? one.scan))

/**
 * In its place when it is kept already, else last.
 * @throws when the phone keeps nothing: then it must not be said that it is saved
 */
export function keep(shelf: Shelf, one: Waiting): void {
  const all = kept(shelf)
  const known = all.some(({ key }) => key === one.key)
  shelf.setItem(
    NAME,
    JSON.stringify(known ? all.map(old => (old.key === one.key ? one : old)) : [...all, one])
  )
}

/** Read anew each time: another tab may have added to it. */
export function drop(shelf: Shelf, key: string): void {
  shelf.setItem(NAME, JSON.stringify(kept(shelf).filter(one => one.key !== key)))
}

function refuse(shelf: Shelf, key: string, refused: string): void {
  const marked = kept(shelf).map(one => (one.key === key ? { ...one, refused } : one))
  shelf.setItem(NAME, JSON.stringify(marked))
}

/**
 * Sends what `who` did, in the order it was done, and takes away what was answered. Stops at the first that could not be asked: an
 * acceptance goes before its claim. Answers whether nothing is left to send.
 */
export async function sendAll(
  shelf: Shelf,
  who: string,
  send: (one: Waiting) => Promise<Answer>
): Promise<boolean> {
  for (;;) {
    const one = kept(shelf).find(waiting => waiting.who === who && waiting.refused === undefined)
    if (!one) return true
    const answer = await send(one)
    if (answer === 'again') return false
    if (answer === 'done') drop(shelf, one.key)
    else refuse(shelf, one.key, answer.refused)
  }
}
