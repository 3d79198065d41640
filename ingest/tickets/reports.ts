import type { TicketReportBody } from '#model/changes'
import { metresBetween } from '#model/ids'
import { ticketKind } from '#model/ticket-kinds'
import { PERSON_SOURCES, type TicketState } from '#model/tickets'
import type { Millis } from '#model/time'
import type { TicketRow } from '../effects.ts'
import type { Book } from './book.ts'
import { dueOf } from './clock.ts'
import type { OpenTicket, Outcome } from './desk-parts.ts'
import { close } from './ending.ts'
import { follow, handOver } from './followers.ts'
import { placeOf, type Place } from './places.ts'
import { rowOfKind, termsOfKind } from './ticket-row.ts'

/** What a person saw: a ticket of its own, or one more report of one that is open. */
export function report(book: Book, body: TicketReportBody, who: string, at: Millis): Outcome {
  const place = placeOf(book.registry, body.subject)
  if (!place) return { refused: `there is no ${body.subject}` }
  if (!PERSON_SOURCES.includes(body.source)) return { refused: `no person reports as ${body.source}` }
  if (book.find(body.report)) return { refused: `ticket ${body.report} is there already` }
  // Without an account anybody can send anything: only what lies in the city.
  if (body.role === undefined && place.area === null) return { refused: 'there is nothing of ours near it' }
  if (body.oneStep && body.photos.length < 2)
    return { refused: 'put right on the spot needs two photos, before and after' }

  const spot = spotOf(body, place)
  const same = body.oneStep ? undefined : sameTrouble(book, body, { place, spot })
  const ticket = same ?? open(book, body, { at, place, spot, who })
  const { id, facility, reporters } = ticket.row
  const { report: name, source, what: kind, subject, note, photos, codeHash = null } = body
  const said = { source, kind, subject, ...spot, note, photos, codeHash }
  book.effects().reports.push({ id: name, ticket: id, at, who, ...said })
  if (codeHash !== null) follow(ticket, name)
  book.set(ticket, { reporters: reporters + 1 })
  const data = { report: name, ...(photos.length > 0 && { photos }) }
  if (same) book.note(ticket, { at, who, action: 'joined', note, data })
  else if (body.oneStep) oneStep(book, ticket, { at, who, data })
  return { facility }
}

interface Spot {
  lat: number | null
  lon: number | null
}

/** Where exactly, as far as known. A road or an area is longer than one trouble: it is no spot itself. */
function spotOf({ lat, lon, subject }: TicketReportBody, place: Place): Spot {
  if (lat !== null && lon !== null) return { lat, lon }
  return /^(road|area):/.test(subject) ? { lat: null, lon: null } : { lat: place.lat, lon: place.lon }
}

function open(
  book: Book,
  body: TicketReportBody,
  { at, place, spot, who }: { at: Millis; place: Place; spot: Spot; who: string }
): OpenTicket {
  const terms = termsOfKind(body.what, { policy: book.policy, place })
  const { report: id, source, what: kind, subject, note, photos } = body
  const row = rowOfKind({ id, source, kind, subject, terms, place, at, dueAt: at + terms.allowedMs, ...spot })
  const ticket = opened(book, row)
  const data = photos.length > 0 ? { data: { photos } } : {}
  book.note(ticket, { at, who, action: 'open', to: 'new', note, ...data })
  if (!body.oneStep) book.tell(ticket, { kind: 'to-check', at })
  return ticket
}

/** Into memory, with the deadline its hours make of its terms. */
export function opened(book: Book, row: TicketRow): OpenTicket {
  const due = dueOf(row, book.calendar())
  const ticket: OpenTicket = {
    row: Number.isFinite(due) ? { ...row, dueAt: due, firstDueAt: due } : row,
    events: 0,
    dispatchAt: null,
    askAt: null
  }
  book.keep(ticket)
  return ticket
}

function oneStep(
  book: Book,
  ticket: OpenTicket,
  { at, who, data }: { at: Millis; who: string; data: Record<string, unknown> }
): void {
  book.set(ticket, { oneStep: true })
  book.note(ticket, { at, who, action: 'close', to: 'closed', data })
  close(book, ticket, at, 'one-step')
}

/**
 * The open ticket that this is one more report of: a rule's that says the same of the facility, else the same kind at the same
 * facility, else the nearest of that kind within 50 m.
 */
function sameTrouble(
  book: Book,
  { what }: TicketReportBody,
  { place, spot }: { place: Place; spot: Spot }
): OpenTicket | undefined {
  const { sameAs = [] } = ticketKind(what)
  if (place.facility !== null) {
    for (const rule of sameAs) {
      const found = book.byRule(rule, `facility:${place.facility}`)
      if (found) return found
    }
  }
  const alike = [...book.made].filter(({ row }) => row.kind === what)
  const here = alike.find(({ row }) => row.facility !== null && row.facility === place.facility)
  if (here) return here
  let best: { ticket: OpenTicket; metres: number } | undefined
  for (const ticket of alike) {
    const { row } = ticket
    if (ticketKind(what).ofFacility && row.facility !== null && place.facility !== null) continue
    const metres = apart(row, spot)
    if (metres > book.policy.joinWithinM) continue
    if (!best || metres < best.metres) best = { ticket, metres }
  }
  return best?.ticket
}

/** Metres between an open ticket and a report; Infinity where one of them has no spot. */
function apart({ lat, lon }: TicketRow, spot: Spot): number {
  if (lat === null || lon === null || spot.lat === null || spot.lon === null) return Infinity
  return metresBetween({ lat, lon }, { lat: spot.lat, lon: spot.lon })
}

/** A sensor now says what people said: their ticket joins its, while nobody was sent for theirs. */
export function joinReported(book: Book, ticket: OpenTicket, at: Millis): void {
  const { rule, facility, id } = ticket.row
  if (rule === null || facility === null) return
  for (const other of [...book.made]) {
    const { row } = other
    if (row.facility !== facility || row.kind === null || row.plan !== null) continue
    const sameAs = ticketKind(row.kind as TicketReportBody['what']).sameAs ?? []
    if (!sameAs.includes(rule) || !(['new', 'checked'] as TicketState[]).includes(row.state as TicketState))
      continue
    book.set(other, { mergedInto: id })
    book.note(other, { at, who: 'system', action: 'merge', to: 'closed', data: { into: id } })
    book.end(other, at, 'merged')
    handOver(other, ticket)
    book.set(ticket, { reporters: ticket.row.reporters + row.reporters })
    book.note(ticket, { at, who: 'system', action: 'joined', data: { ticket: row.id } })
  }
}
