import type { CleaningGrade } from '#model/kinds'
import { SETTING_IDS } from '#model/rule-shapes'
import type { Rule } from '#model/rules'
import { kindDueMs, ticketKind, type TicketKind } from '#model/ticket-kinds'
import type { TicketPolicy } from '#model/ticket-policy'
import type { TicketTerms } from '#model/tickets'
import { minutes, type Millis } from '#model/time'
import type { EpisodeRow, TicketRow } from '../effects.ts'
import type { Fired } from './desk-parts.ts'
import type { Place } from './places.ts'
import { episodeId, ticketId } from './ticket-id.ts'

/** What a ticket begins with, whoever opened it. */
const FRESH = {
  rule: null,
  ruleVersion: null,
  kind: null,
  plan: null,
  crew: null,
  unit: null,
  state: 'new',
  acceptedAt: null,
  claimedAt: null,
  claimedBy: null,
  extendedMs: 0,
  pauses: [],
  deferredUntil: null,
  asked: null,
  clearedAt: null,
  resolvedAt: null,
  closedAt: null,
  closeReason: null,
  colour: null,
  level: 0,
  verification: null,
  verifyBy: null,
  falseClaims: 0,
  returns: 0,
  rework: false,
  reworkOf: null,
  oneStep: false,
  reporters: 0,
  mergedInto: null,
  lateClaimAt: null,
  recheck: null,
  recheckAt: null,
  bornCleared: false,
  parameters: {},
  evidence: [],
  shard: 0
} satisfies Partial<TicketRow>

/** What of a rule a ticket keeps: all that counted, and one that opened it was switched on. */
const SETTINGS = SETTING_IDS.filter(field => field !== 'enabled')

const parametersOf = (rule: Rule, sources: Record<string, string> | undefined): Record<string, unknown> => ({
  ...Object.fromEntries(SETTINGS.map(field => [field, rule[field]])),
  ...(sources && Object.keys(sources).length > 0 && { sources })
})

/** The ticket of an episode. `allowed`: running time until the deadline the rule gives. */
export function rowOfFired(fired: Fired, terms: TicketTerms): TicketRow {
  const { rule, subject, facility } = fired
  return {
    ...FRESH,
    id: ticketId(rule.id, subject, fired.idFrom ?? fired.startedAt),
    source: 'sensor',
    rule: rule.id,
    ruleVersion: rule.version,
    parameters: parametersOf(rule, fired.sources),
    subject,
    facility: facility?.id ?? null,
    facilityKind: facility?.kind ?? null,
    lat: facility?.lat ?? null,
    lon: facility?.lon ?? null,
    area: fired.area,
    severity: rule.severity,
    terms,
    openedAt: fired.openedAt,
    firstDueAt: fired.dueAt,
    dueAt: fired.dueAt,
    evidence: fired.evidence
  }
}

/** The episode that fired, with or without a ticket. */
export const episodeOf = (fired: Fired, ticket: string | null): EpisodeRow => ({
  id: episodeId(fired.rule.id, fired.subject, fired.startedAt),
  rule: fired.rule.id,
  ruleVersion: fired.rule.version,
  subject: fired.subject,
  facility: fired.facility?.id ?? null,
  severity: fired.rule.severity,
  startedAt: fired.startedAt,
  firedAt: fired.firedAt,
  endedAt: null,
  ticket,
  shard: 0
})

/** The terms of what people make and what was planned. */
export function termsOfKind(
  kind: TicketKind,
  { policy, place }: { policy: TicketPolicy; place: Place }
): TicketTerms {
  const { serviceOf = [] } = ticketKind(kind)
  const grade: CleaningGrade | undefined = place.cleaningGrade
  return {
    allowedMs: kindDueMs(kind, grade),
    respondMs: Math.min(policy.personMade.respondMs, kindDueMs(kind, grade)),
    verifyWithinMs: 0,
    reworkWithinMs: policy.personMade.reworkWithinMs,
    service: place.facilityKind !== null && serviceOf.includes(place.facilityKind),
    byPerson: true,
    hours: place.facilityKind ? (policy.serviceHours[place.facilityKind] ?? []) : []
  }
}

/** A ticket without a rule. `dueAt` is what its terms make of `at`. */
export const rowOfKind = (
  made: Pick<TicketRow, 'id' | 'source' | 'subject' | 'terms' | 'dueAt'> & {
    kind: TicketKind
    at: Millis
    place: Place
    plan?: string
    lat: number | null
    lon: number | null
  }
): TicketRow => ({
  ...FRESH,
  id: made.id,
  source: made.source,
  kind: made.kind,
  plan: made.plan ?? null,
  subject: made.subject,
  facility: made.place.facility,
  facilityKind: made.place.facilityKind,
  lat: made.lat,
  lon: made.lon,
  area: made.place.area,
  severity: ticketKind(made.kind).severity,
  terms: made.terms,
  openedAt: made.at,
  firstDueAt: made.dueAt,
  dueAt: made.dueAt
})

/** The same trouble once more, as a ticket of its own. */
export const rowOfRework = (
  before: TicketRow,
  made: Pick<TicketRow, 'id' | 'dueAt' | 'rework'> & { at: Millis }
): TicketRow => ({
  ...FRESH,
  id: made.id,
  source: before.source,
  rule: before.rule,
  ruleVersion: before.ruleVersion,
  kind: before.kind,
  plan: before.plan,
  parameters: before.parameters,
  subject: before.subject,
  facility: before.facility,
  facilityKind: before.facilityKind,
  lat: before.lat,
  lon: before.lon,
  area: before.area,
  severity: before.severity,
  terms: before.terms,
  openedAt: made.at,
  firstDueAt: made.dueAt,
  dueAt: made.dueAt,
  rework: made.rework,
  reworkOf: before.id
})

/** A row as an older build kept it, in the form of today. */
export const completed = (row: TicketRow): TicketRow => ({
  ...FRESH,
  ...row,
  // Nobody wrote down when it was claimed, so no report can be said to come after it.
  ...(row.state === 'claimed-done' && (row.claimedAt ?? null) === null && { verification: 'person' }),
  lat: row.lat ?? null,
  lon: row.lon ?? null,
  firstDueAt: row.firstDueAt ?? row.dueAt,
  terms: row.terms ?? {
    allowedMs: row.dueAt - row.openedAt,
    // As the migration of their rows has it.
    respondMs: minutes(30),
    verifyWithinMs: minutes(30),
    reworkWithinMs: 0,
    service: false,
    byPerson: false,
    hours: []
  }
})
