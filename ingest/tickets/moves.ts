import type { TicketActionBody } from '#model/changes'
import { withOdour, type StoredChecklist } from '#model/checklists'
import { isOpen, isLateClaim, needsOf, ticketMove, whyNot } from '#model/tickets'
import type { Actor, TicketAction, TicketFacts } from '#model/tickets'
import type { Millis } from '#model/time'
import type { TicketRow } from '../effects.ts'
import type { Book, TicketNote } from './book.ts'
import { allowedMs, dueOf } from './clock.ts'
import type { OpenTicket, Outcome } from './desk-parts.ts'
import { crewFor, lookForCrew, send } from './dispatch.ts'
import { beginPause, close, endPause, recheckDone } from './ending.ts'
import { handOver } from './followers.ts'
import { ticketId } from './ticket-id.ts'
import { rowOfRework } from './ticket-row.ts'
import { claimed, returned } from './verification.ts'

/** What was asked for, its checklist with what the sensor answers at that moment. */
type AskedMove = Omit<TicketActionBody, 'checklist'> & { checklist?: StoredChecklist }

/** One asked-for move of one ticket, checked against the table. */
interface Move {
  book: Book
  ticket: OpenTicket
  body: AskedMove
  who: string
  at: Millis
  /** The entry of the history that every move makes, for those that have nothing to add. */
  note: (more?: Partial<TicketNote>) => void
}
/** What a move does; answers why it cannot be. */
type Effect = (move: Move) => string | undefined | void

export const factsOf = (row: TicketRow): TicketFacts =>
  ({
    state: row.state,
    source: row.source,
    asked: row.asked,
    deferredUntil: row.deferredUntil,
    claimedBy: row.claimedBy,
    closeReason: row.closeReason,
    recheck: row.recheck
  }) as TicketFacts

/** A person's move at journal time `at`: what the table says, then what it does. */
export function act(book: Book, request: TicketActionBody, who: string, at: Millis): Outcome {
  const ticket = book.find(request.ticket)
  if (!ticket) return { refused: 'the ticket is not open any more' }
  const body = withSensor(book, ticket, request, at)
  const facts = factsOf(ticket.row)
  const actor: Actor = { username: who, role: body.role }
  const { crew } = ticket.row
  // It may have gone to another crew after the request was checked.
  if (body.role === 'crew' && crew !== null && book.addressees?.isOf?.(who, crew) === false)
    return { refused: `this is the ticket of crew ${crew}` }
  if (isLateClaim(facts, body.action)) return lateClaim(book, ticket, { body, who, at })
  const refused =
    whyNot(facts, body.action, actor) ?? missing(body, at) ?? stillHolds(ticket, body, at) ?? undefined
  if (refused !== undefined) return { refused }

  const { episode } = ticket
  const { facility, rule, subject } = ticket.row
  const { to } = ticketMove(body.action)
  const note = (more: Partial<TicketNote> = {}) =>
    book.note(ticket, {
      at,
      who,
      action: body.action,
      note: body.note,
      ...(to && { to }),
      ...withPhotos(body, more)
    })
  const wrong = EFFECTS[body.action]({ book, ticket, body, who, at, note })
  if (wrong !== undefined) return { refused: wrong }
  const ended = episode !== undefined && ticket.episode === undefined && body.quietUntil !== null
  return {
    facility,
    ...(ended && rule !== null && { quiet: { rule, subject, until: body.quietUntil ?? at } })
  }
}

/** Answered here and not where it was asked for: the request stays what it was, and a replay hears the same sensor. */
function withSensor(book: Book, ticket: OpenTicket, request: TicketActionBody, at: Millis): AskedMove {
  const { checklist, ...asked } = request
  return checklist
    ? { ...asked, checklist: withOdour(checklist, book.smell(ticket.row.facility, at)) }
    : asked
}

const withPhotos = (
  { photos, checklist, claimedAt }: AskedMove,
  more: Partial<TicketNote>
): Partial<TicketNote> => {
  const data = {
    ...(photos && photos.length > 0 && { photos }),
    ...(checklist && { checklist }),
    ...(claimedAt !== null && { claimedAt }),
    ...more.data
  }
  return { ...more, ...(Object.keys(data).length > 0 && { data }) }
}

/** What the action needs and the request does not have. */
function missing(body: AskedMove, at: Millis): string | undefined {
  const needs = needsOf(body.action)
  if (needs.includes('reason') && !body.note?.trim()) return `"${body.action}" needs a reason`
  if (needs.includes('until') && !(body.until !== undefined && body.until > at))
    return `"${body.action}" needs a time in the future (until)`
  if (needs.includes('extendMs') && !(body.extendMs !== undefined && body.extendMs > 0))
    return `"${body.action}" needs how much more time (extendMs)`
  if (needs.includes('crew or unit') && !body.crew && !body.unit)
    return `"${body.action}" needs a crew or a unit`
  if (needs.includes('into') && !body.into) return `"${body.action}" needs the other ticket (into)`
  return undefined
}

/** What still goes on is ended by hand only with a quiet time; else the next ticket would follow at once. */
function stillHolds(ticket: OpenTicket, { action, quietUntil }: AskedMove, at: Millis): string | undefined {
  const { to } = ticketMove(action)
  if (!ticket.episode || to === undefined || isOpen(to)) return undefined
  // A cleaning that somebody has seen is what ends this condition.
  if (action === 'verify' && ticket.row.terms.byPerson) return undefined
  return quietUntil !== null && quietUntil > at
    ? undefined
    : 'the condition still holds: say until when it shall stay quiet (quietUntil, in the future)'
}

function endedBy({ book, ticket, at, note }: Move, reason: 'person' | 'void' | 'verified' | 'merged'): void {
  if (ticket.episode) book.endEpisode(ticket.episode, at)
  ticket.episode = undefined
  note()
  close(book, ticket, at, reason)
}

function asked({ book, ticket, body, who, at, note }: Move, what: 'defer' | 'extend'): void {
  const { until = null, extendMs: ms = null, role = 'operator' } = body
  book.set(ticket, { asked: { what, by: who, role, at, until, ms, note: body.note ?? '' } })
  note({ data: what === 'defer' ? { until } : { ms } })
  book.tell(ticket, { kind: 'asked', at, addressee: 'role:manager' })
}

function answered({ book, ticket, at, note }: Move, by: string): void {
  book.set(ticket, { asked: null })
  note()
  book.tell(ticket, { kind: 'answered', at, addressee: by })
}

function undefer(book: Book, ticket: OpenTicket, at: Millis): void {
  if (ticket.row.deferredUntil === null) return
  book.set(ticket, { deferredUntil: null })
  endPause(book, ticket, 'deferred', at)
}

/** A deferral is over by itself. */
export function deferralOver(book: Book, ticket: OpenTicket, at: Millis): void {
  undefer(book, ticket, at)
  book.note(ticket, { at, who: 'system', action: 'resume' })
}

const EFFECTS: Record<TicketAction, Effect> = {
  check: ({ note }) => note(),

  dispatch({ book, ticket, body, who, at }) {
    const crew = body.crew ?? crewFor(book, ticket, at)
    const data = withPhotos(body, {}).data
    send(book, ticket, { at, who, action: 'dispatch', crew, note: body.note, ...(data && { data }) })
    lookForCrew(book, ticket, at)
  },

  accept({ book, ticket, body, at, note }) {
    ticket.dispatchAt = null
    ticket.unmanned = false
    book.set(ticket, {
      acceptedAt: ticket.row.acceptedAt ?? at,
      ...(body.crew !== undefined && ticket.row.crew === null && { crew: body.crew })
    })
    note()
  },

  start: ({ note }) => note(),

  claim({ book, ticket, who, at, note }) {
    undefer(book, ticket, at)
    if (ticket.row.asked) book.set(ticket, { asked: null })
    note()
    claimed(book, ticket, { at, by: who })
  },

  verify: move => endedBy(move, 'verified'),

  return({ book, ticket, body, who, at }) {
    const data = withPhotos(body, {}).data
    returned(book, ticket, { at, who, note: body.note, falseClaim: false, ...(data && { data }) })
  },

  refuse({ book, ticket, at, note }) {
    const { crew } = ticket.row
    book.set(ticket, { crew: null, acceptedAt: null })
    note({ data: { crew } })
    book.tell(ticket, { kind: 'refused', at })
  },

  transfer({ book, ticket, body, who, at }) {
    const { crew, unit, note } = body
    send(book, ticket, { at, who, action: 'transfer', crew, unit, note, data: { from: ticket.row.crew } })
  },

  defer(move) {
    const { book, body, at } = move
    if ((body.until ?? 0) > at + book.policy.deferMaxMs)
      return `it can be deferred by ${book.policy.deferMaxMs / 86_400_000} days at most`
    asked(move, 'defer')
  },

  extend(move) {
    const { book, ticket, body } = move
    const { terms, extendedMs } = ticket.row
    const most = Math.round(book.policy.extendMaxShare * terms.allowedMs) - extendedMs
    if ((body.extendMs ?? 0) > most)
      return `it can be extended by ${Math.floor(most / 60_000)} minutes at most`
    asked(move, 'extend')
  },

  approve(move) {
    const { book, ticket, at } = move
    const request = ticket.row.asked
    if (!request) return 'nothing is asked for'
    const { until, ms } = request
    if (request.what === 'defer' && (until === null || until <= at)) return 'the time asked for is over'
    answered(move, request.by)
    if (request.what === 'defer' && until !== null) {
      book.set(ticket, { deferredUntil: until })
      beginPause(book, ticket, { from: at, until, why: 'deferred' })
    } else {
      book.set(ticket, { extendedMs: ticket.row.extendedMs + (ms ?? 0) })
      book.redue(ticket)
    }
    return undefined
  },

  deny(move) {
    const by = move.ticket.row.asked?.by
    if (by === undefined) return 'nothing is asked for'
    answered(move, by)
    return undefined
  },

  resume({ book, ticket, at, note }) {
    undefer(book, ticket, at)
    note()
  },

  merge(move) {
    const { book, ticket, body } = move
    const other = book.open.get(body.into ?? '')
    if (!other || other === ticket) return `${body.into} is no other open ticket`
    mergeInto(move, other)
    return undefined
  },

  close: move => endedBy(move, 'person'),
  void: move => endedBy(move, 'void'),

  reopen(move) {
    const { at, ticket } = move
    const { terms, closedAt } = ticket.row
    return again(move, { rework: at - (closedAt ?? 0) <= terms.reworkWithinMs })
  },

  'recheck-ok'({ book, ticket, note }) {
    recheckDone(book, ticket, 'ok')
    note()
  },

  'recheck-failed'(move) {
    const { book, ticket } = move
    const open = openForTheSame(book, ticket.row)
    if (open) bearsWitness(move, open)
    const refused = open ? undefined : again(move, { rework: true })
    if (refused === undefined) recheckDone(book, ticket, 'failed')
    return refused
  },

  comment: ({ note }) => note()
}

function mergeInto(move: Move, other: OpenTicket): void {
  const { book, ticket, at, who } = move
  const { id, reporters } = ticket.row
  book.set(ticket, { mergedInto: other.row.id })
  endedBy({ ...move, note: () => move.note({ data: { into: other.row.id } }) }, 'merged')
  handOver(ticket, other)
  book.set(other, { reporters: other.row.reporters + reporters })
  book.note(other, { at, who, action: 'joined', data: { ticket: id } })
}

/** The open ticket of the same rule and subject, or the one that opened a person's again. */
const openForTheSame = (book: Book, { id, rule, subject }: TicketRow): OpenTicket | undefined =>
  rule === null ? [...book.made].find(({ row }) => row.reworkOf === id) : book.byRule(rule, subject)

/** It did not hold, and a ticket is open for it already: that one is the rework, and says what was seen. */
function bearsWitness(move: Move, open: OpenTicket): void {
  const { book, ticket, at, who, body, note } = move
  const { id } = ticket.row
  note({ data: { ticket: open.row.id } })
  handOver(ticket, open)
  book.set(open, { rework: true, reworkOf: open.row.reworkOf ?? id })
  const seen = withPhotos(body, { data: { ticket: id } }).data
  book.note(open, { at, who, action: 'joined', note: body.note, ...(seen && { data: seen }) })
}

/** The trouble once more, as a ticket of its own that names this one. */
function again(move: Move, { rework }: { rework: boolean }): string | undefined {
  const { book, ticket, at, who, note, body } = move
  const before = ticket.row
  const open = openForTheSame(book, before)
  if (open) return `ticket ${open.row.id} is open for the same already`
  const id = ticketId(`again|${before.id}`, before.subject, at)
  if (book.find(id)) return 'it was opened again a moment ago'
  const row = rowOfRework(before, { id, at, rework, dueAt: at + allowedMs({ ...before, extendedMs: 0 }) })
  const next: OpenTicket = { row, events: 0, dispatchAt: null, askAt: null }
  const due = dueOf(row, book.calendar())
  if (Number.isFinite(due)) next.row = { ...row, dueAt: due, firstDueAt: due }
  note({ data: { ticket: id } })
  handOver(ticket, next)
  book.keep(next)
  book.note(next, { at, who, action: 'open', to: 'new', note: body.note, data: { reworkOf: before.id } })
  // It was real once: it needs no check, only somebody to go.
  const crew = before.crew ?? crewFor(book, next, at)
  if (crew !== undefined) send(book, next, { at, who: 'system', action: 'dispatch', crew })
  else lookForCrew(book, next, at)
  return undefined
}

/** The crew was there, though the sensor was faster than its phone: it counts for the crew. */
function lateClaim(
  book: Book,
  ticket: OpenTicket,
  { body, who, at }: { body: AskedMove; who: string; at: Millis }
): Outcome {
  if (body.role && !ticketMove('claim').by.includes(body.role))
    return { refused: `a claim is not for ${body.role}` }
  if (ticket.row.lateClaimAt !== null) return { refused: 'it was claimed already' }
  book.set(ticket, { lateClaimAt: at, claimedBy: who, crew: ticket.row.crew ?? body.crew ?? null })
  const { facility } = ticket.row
  book.note(ticket, { at, who, action: 'late-claim', note: body.note, ...withPhotos(body, {}) })
  return { facility }
}
