import type { BrokerLimits } from './limits.ts'

/**
 * A device's rate as one virtual clock (the generic cell rate algorithm of ATM): each packet moves `due` on by what it
 * costs in messages or in bytes, whichever is dearer, and may pass while `due` is no more than the burst ahead.
 */
export function pace({ messagesPerSecond, bytesPerSecond, burstMs }: BrokerLimits) {
  const perMessage = 1000 / messagesPerSecond
  const perByte = 1000 / bytesPerSecond
  let due = 0
  return {
    spend(bytes: number, now: number) {
      due = Math.max(due, now) + Math.max(perMessage, bytes * perByte)
    },
    /** Milliseconds until the next packet may pass; 0 when it may now. */
    wait: (now: number): number => Math.max(0, due - now - burstMs)
  }
}
