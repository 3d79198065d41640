import { minutes, type Millis } from '#model/time'
import { TICKET_SOURCES, type TicketSource } from '#model/tickets'
import type { Book } from './book.ts'
import type { OpenTicket } from './desk-parts.ts'

/** A backlog may tell in its next message that all is over: who is sent waits so long for it. */
const BACKLOG_MS = minutes(1)
/** Nobody is on shift: asked again this often. */
const ASK_AGAIN_MS = minutes(5)

/** When the crew of a ticket that has just opened is looked for. Not at once: what ends in the same moment sends nobody. */
export function firstDispatchAt(book: Book, ticket: OpenTicket, lagMs: Millis): Millis | null {
  const { row } = ticket
  if (!book.policy.autoDispatch || !book.addressees || row.area === null) return null
  if (TICKET_SOURCES[row.source as TicketSource].personMade) return null
  const urgent = book.policy.redAtOnce.some(severity => severity === row.severity)
  return row.openedAt + (lagMs > BACKLOG_MS && !urgent ? BACKLOG_MS : 0)
}

/** The crew on shift for the ticket's place, if there is one. */
export function crewFor(book: Book, { row }: OpenTicket, at: Millis): string | undefined {
  if (row.area === null) return undefined
  const kind = row.facilityKind as Parameters<NonNullable<Book['addressees']>['crewFor']>[0]['kind']
  return book.addressees?.crewFor({ area: row.area, kind, at })?.id
}

/** Sends the crew on shift, or looks again later. */
export function dispatch(book: Book, ticket: OpenTicket, at: Millis): void {
  ticket.dispatchAt = null
  if (ticket.row.state !== 'new') return
  const crew = crewFor(book, ticket, at)
  if (crew === undefined) {
    ticket.dispatchAt = at + ASK_AGAIN_MS
    return
  }
  send(book, ticket, { at, who: 'system', action: 'dispatch', crew })
}

/** To a crew (or a unit), with word to it. */
export function send(
  book: Book,
  ticket: OpenTicket,
  sent: {
    at: Millis
    who: string
    action: 'dispatch' | 'transfer'
    crew?: string | undefined
    unit?: string | undefined
    note?: string | null
    data?: Record<string, unknown>
  }
): void {
  const { at, who, action, crew, unit, note, data } = sent
  ticket.dispatchAt = null
  const to = { ...(crew !== undefined && { crew }), ...(unit !== undefined && { unit }) }
  book.set(ticket, { crew: crew ?? null, unit: unit ?? ticket.row.unit })
  book.note(ticket, { at, who, action, to: 'dispatched', note: note ?? null, data: { ...to, ...data } })
  const addressee = crew === undefined ? unit && `unit:${unit}` : `crew:${crew}`
  if (addressee)
    book.tell(ticket, { kind: action === 'dispatch' ? 'dispatched' : 'transferred', at, addressee })
}
