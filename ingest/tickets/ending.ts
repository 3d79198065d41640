import { createHash } from 'node:crypto'
import { days, type Millis } from '#model/time'
import type { CloseReason, Pause } from '#model/tickets'
import { INSPECTORS, type Book } from './book.ts'
import type { OpenTicket } from './desk-parts.ts'
import { foldPauses } from './pauses.ts'

/** A second look that nobody took is given up. */
const RECHECK_WITHIN_MS = days(30)

/** A time without clocks begins. */
export function beginPause(book: Book, ticket: OpenTicket, pause: Pause): void {
  const row = { ...ticket.row, pauses: [...ticket.row.pauses, pause] }
  book.set(ticket, { pauses: foldPauses(row, book.calendar(), book.now) })
  book.redue(ticket)
}

/** The one of that kind that goes on ends at `at`. Whether there was one. */
export function endPause(book: Book, ticket: OpenTicket, why: Pause['why'], at: Millis): boolean {
  const goesOn = ({ until, why: its }: Pause) => its === why && (until === null || until > at)
  if (!ticket.row.pauses.some(goesOn)) return false
  const pauses = ticket.row.pauses.map(pause => (goesOn(pause) ? { ...pause, until: at } : pause))
  book.set(ticket, { pauses })
  book.redue(ticket)
  return true
}

/** Somebody says that it was seen to: that can be looked at again. */
const WORKED_ON: readonly CloseReason[] = ['verified', 'person', 'one-step']

/** Ends a ticket whose last move is noted, and draws lots for a second look. */
export function close(book: Book, ticket: OpenTicket, at: Millis, reason: CloseReason): void {
  const { share, afterMs } = book.policy.recheck
  const drawn = WORKED_ON.includes(reason) && lot(ticket.row.id) < share
  book.end(ticket, at, reason)
  if (!drawn) return
  book.set(ticket, { recheck: 'planned', recheckAt: at + afterMs })
  book.rechecks.set(ticket.row.id, ticket)
  alarmRecheck(book, ticket)
}

/** The same number in [0, 1) for a ticket, whoever asks and whenever: it is drawn, not chosen. */
export const lot = (ticket: string): number =>
  createHash('sha256').update(`recheck|${ticket}`).digest().readUInt32BE(0) / 2 ** 32

/** When a planned second look is due, or a due one given up. */
export function alarmRecheck(book: Book, { row }: OpenTicket): void {
  const due = (row.recheckAt ?? Infinity) + (row.recheck === 'due' ? RECHECK_WITHIN_MS : 0)
  book.alarm({ key: row.id, order: `${row.rule ?? row.kind}|${row.subject}|${row.id}`, due })
}

export function recheckDue(book: Book, ticket: OpenTicket, at: Millis): void {
  if (ticket.row.recheck === 'planned') {
    book.set(ticket, { recheck: 'due' })
    book.note(ticket, { at, who: 'system', action: 'recheck-due' })
    book.tell(ticket, { kind: 'recheck', at, addressee: INSPECTORS })
    return alarmRecheck(book, ticket)
  }
  recheckDone(book, ticket, 'lapsed')
  book.note(ticket, { at, who: 'system', action: 'recheck-lapsed' })
}

export function recheckDone(book: Book, ticket: OpenTicket, recheck: 'ok' | 'failed' | 'lapsed'): void {
  book.set(ticket, { recheck })
  book.rechecks.delete(ticket.row.id)
  book.alarm({ key: ticket.row.id, order: '', due: Infinity })
}
