import type { TicketActionRequest } from '#model/api'
import type { Label } from '#model/label'
import { minutes, seconds, type Millis } from '#model/time'

/** An action that a phone keeps until the server has answered it. */
export interface Waiting {
  /** The Idempotency-Key: however often it is sent, it happens once. */
  key: string
  ticket: string
  title: Label
  place: string
  request: TicketActionRequest
  /** Whose it is: nobody sends what another did on the same phone. */
  who: string
  savedAt: Millis
  /** What the server said when it would not have it; it is shown until its person has read it. */
  refused?: string
}

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
    return Array.isArray(found) ? (found as Waiting[]).filter(one => one?.key && one.request?.action) : []
  } catch {
    return []
  }
}

/** @throws when the phone keeps nothing: then it must not be said that it is saved. */
export function keep(shelf: Shelf, one: Waiting): void {
  shelf.setItem(NAME, JSON.stringify([...kept(shelf).filter(({ key }) => key !== one.key), one]))
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
