import type { FacilityKind } from '#model/kinds'
import { minutes, type Millis } from '#model/time'
import { COLOURS, TICKET_SOURCES, type TicketSource } from '#model/tickets'
import { OPERATORS, type Book } from './book.ts'
import type { OpenTicket } from './desk-parts.ts'

/** A backlog may tell in its next message that all is over: who is sent waits so long for it. */
const BACKLOG_MS = minutes(1)
/** Nobody is on shift: asked again at each such moment of the clock, where shifts begin. */
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
  // What a rule says of a road or a district it says of their lights.
  const kind = (row.facilityKind ?? (row.rule === null ? null : 'light')) as FacilityKind | null
  return book.addressees?.crewFor({ area: row.area, kind, at })?.id
}

/** Somebody has to go and nobody is named: from now on a crew is looked for. Not where people send by hand. */
export function lookForCrew(book: Book, ticket: OpenTicket, at: Millis): void {
  const { crew, unit, area } = ticket.row
  if (book.policy.autoDispatch && book.addressees && area !== null && crew === null && unit === null)
    ticket.dispatchAt = at
}

/** Sends the crew on shift, or says that there is none and looks again when a shift may have begun. */
export function dispatch(book: Book, ticket: OpenTicket, at: Millis): void {
  ticket.dispatchAt = null
  const { state, crew: has, unit, clearedAt } = ticket.row
  const waits = state === 'new' || (state === 'dispatched' && has === null && unit === null)
  if (!waits || clearedAt !== null) return
  const crew = crewFor(book, ticket, at)
  if (crew === undefined) {
    ticket.dispatchAt = (Math.floor(at / ASK_AGAIN_MS) + 1) * ASK_AGAIN_MS
    return nobody(book, ticket, at)
  }
  send(book, ticket, { at, who: 'system', action: 'dispatch', crew })
}

/** Once for each time somebody is missing: to the operators, and to the street chief of the place. */
function nobody(book: Book, ticket: OpenTicket, at: Millis): void {
  const { area } = ticket.row
  if (ticket.unmanned || book.addressees?.anybody?.() === false) return
  ticket.unmanned = true
  const chief = area === null ? undefined : book.addressees?.chiefOf(area, COLOURS.white.chief)?.username
  book.note(ticket, { at, who: 'system', action: 'nobody', data: { addressee: chief ?? OPERATORS } })
  book.tell(ticket, { kind: 'nobody', at })
  if (chief) book.tell(ticket, { kind: 'nobody', at, addressee: chief, also: true })
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
  if (crew !== undefined || unit !== undefined) ticket.unmanned = false
  const to = { ...(crew !== undefined && { crew }), ...(unit !== undefined && { unit }) }
  book.set(ticket, { crew: crew ?? null, unit: unit ?? ticket.row.unit })
  book.note(ticket, { at, who, action, to: 'dispatched', note: note ?? null, data: { ...to, ...data } })
  const addressee = crew === undefined ? unit && `unit:${unit}` : `crew:${crew}`
  if (addressee)
    book.tell(ticket, { kind: action === 'dispatch' ? 'dispatched' : 'transferred', at, addressee })
}
