import { expectedIntervalMs } from '#model/device-models'
import { parseSubject } from '#model/ids'
import type { Millis } from '#model/time'
import type { Device, Facility } from '#model/registry'
import type { TicketState } from '#model/tickets'
import type { Registry } from '../registry.ts'
import { INSPECTORS, type Book } from './book.ts'
import type { OpenTicket } from './desk-parts.ts'
import { lookForCrew } from './dispatch.ts'
import { close, endPause } from './ending.ts'

/** Whether what is over is proof enough: where the rule names what verifies it, a report has met that since it was last so. */
export const isProven = ({ needsProof = false, provenAt = null }: OpenTicket): boolean =>
  !needsProof || provenAt !== null

/** What follows a claim: a sensor that is clear already verifies it, one that can tell is waited for, else a person. */
export function claimed(book: Book, ticket: OpenTicket, { at, by }: { at: Millis; by: string }): void {
  const { row } = ticket
  book.set(ticket, { claimedAt: at, claimedBy: by })
  ticket.askAt = null
  const isOver = row.clearedAt !== null
  if (isOver && isProven(ticket)) return verified(book, ticket, at)
  if (row.rule === null || row.terms.byPerson || !(ticket.episode || isOver)) {
    book.set(ticket, { verification: 'person', verifyBy: null })
    return book.tell(ticket, { kind: 'to-verify', at, addressee: INSPECTORS })
  }
  const verifyBy = at + Math.max(row.terms.verifyWithinMs, 2 * intervalOf(book, row.subject))
  book.set(ticket, { verification: 'report', verifyBy })
}

/** No report came in time: a person decides. That is nobody's rework. */
export function unheard(book: Book, ticket: OpenTicket, at: Millis): void {
  book.set(ticket, { verification: 'person', verifyBy: null })
  book.note(ticket, { at, who: 'system', action: 'no-report' })
  book.tell(ticket, { kind: 'no-report', at })
}

/** A sensor confirmed it. */
export function verified(book: Book, ticket: OpenTicket, at: Millis): void {
  book.note(ticket, { at, who: 'sensor', action: 'verify', to: 'closed' })
  close(book, ticket, at, 'verified')
}

/** The crew has to go again, as a person or a sensor says. */
export function returned(
  book: Book,
  ticket: OpenTicket,
  back: { at: Millis; who: string; note: string | null; falseClaim: boolean; data?: Record<string, unknown> }
): void {
  const { row } = ticket
  const { at, who, note, falseClaim, data } = back
  // What is over waits for its claim once more.
  if (row.clearedAt !== null) ticket.askAt = at + book.policy.claimWaitMs
  book.set(ticket, {
    claimedAt: null,
    claimedBy: null,
    verification: null,
    verifyBy: null,
    returns: row.returns + 1,
    falseClaims: row.falseClaims + (falseClaim ? 1 : 0)
  })
  const suspected = falseClaim ? { suspectedFalse: true, claimedBy: row.claimedBy } : {}
  book.note(ticket, { at, who, action: 'return', to: 'dispatched', note, data: { ...suspected, ...data } })
  book.tell(ticket, {
    kind: 'returned',
    at,
    addressee: row.crew === null ? undefined : `crew:${row.crew}`
  })
  lookForCrew(book, ticket, at)
}

/** A report measured after the claim says whether it is true. */
export function heard(
  book: Book,
  ticket: OpenTicket | undefined,
  { verdict, at, knownAt }: { verdict: 'met' | 'cleared'; at: Millis; knownAt: Millis }
): 'confirmed' | 'returned' | undefined {
  const row = ticket?.row
  if (!row || row.terms.byPerson) return undefined
  if (row.state !== ('claimed-done' satisfies TicketState)) {
    ticket.provenAt = verdict === 'cleared' ? at : null
    return undefined
  }
  const isOver = row.clearedAt !== null
  if (row.claimedAt === null || at <= row.claimedAt || !(ticket.episode || isOver)) return undefined
  if (verdict === 'met') {
    ticket.provenAt = null
    returned(book, ticket, { at: knownAt, who: 'sensor', note: null, falseClaim: true })
    return 'returned'
  }
  if (ticket.episode) book.endEpisode(ticket.episode, at)
  ticket.episode = undefined
  endPause(book, ticket, 'suppressed', knownAt)
  if (!isOver) book.set(ticket, { clearedAt: at })
  verified(book, ticket, knownAt)
  return 'confirmed'
}

/** How often the slowest device of a subject reports; of a street or a district's grade, the slowest of its lamps' controllers. */
function intervalOf({ registry }: Book, subject: string): Millis {
  const { type, id } = parseSubject(subject) ?? {}
  if (id === undefined) return 0
  const device = type === 'device' ? registry.device(id) : undefined
  if (device) return expectedIntervalMs(device)
  if (type === 'facility') return slowest(registry.devicesOf(id))
  if (type !== 'road' && type !== 'area') return 0
  let longest = 0
  for (const facility of registry.facilities()) {
    if (facility.kind !== 'light' || !isIn(registry, facility, { type, id })) continue
    const controllers = registry.devicesOf(facility.id).filter(({ kind }) => kind === 'lamp-controller')
    longest = Math.max(longest, slowest(controllers))
  }
  return longest
}

const slowest = (devices: readonly Device[]): Millis => Math.max(0, ...devices.map(expectedIntervalMs))

/** Whether a lamp is one of a road's, or of a district's grade (`district:grade`). */
function isIn(
  registry: Registry,
  { parent, attributes }: Facility,
  { type, id }: { type: 'road' | 'area'; id: string }
): boolean {
  if (type === 'road') return attributes.road === id
  const road = attributes.road === undefined ? undefined : registry.road(attributes.road)
  const grade = attributes.lightingGrade ?? road?.attributes.lightingGrade
  return grade !== undefined && `${registry.districtOf(parent)?.id}:${grade}` === id
}
