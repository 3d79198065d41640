import { Type, type Static, type TSchema } from 'typebox'
import { QUALITIES, QUARANTINE_REASONS } from './telemetry.ts'
import { AREA_KINDS, DEVICE_KIND_IDS, FACILITY_KIND_IDS } from './kinds.ts'
import { ERROR_CODES } from './errors.ts'
import { HEALTH_IDS } from './health.ts'
import { ID_PATTERN } from './ids.ts'
import { METRIC_IDS } from './metrics.ts'
import { SEVERITY_IDS } from './rules.ts'
import { AttachmentId } from './attachment-shapes.ts'
import { MOST_PHOTOS } from './attachments.ts'
import { AnsweredChecklist, OdourAnswer } from './checklists.ts'
import { Plan } from './plans.ts'
import { CASE_COUNT_IDS } from './ticket-rates.ts'
import { TICKET_KIND_IDS } from './ticket-kinds.ts'
import {
  CLOSE_REASONS,
  COLOUR_IDS,
  NEEDS,
  NOTIFICATION_KINDS,
  PAUSE_REASONS,
  PERSON_SOURCES,
  RECHECKS,
  ROLES,
  TICKET_ACTION_IDS,
  TICKET_SOURCES,
  TICKET_STATE_IDS,
  VERIFICATIONS
} from './tickets.ts'

/** The shapes of HTTP and of the live messages: types, validation, response filter and OpenAPI come from here. */

const keysOf = <T extends object>(table: T) => Object.keys(table) as (keyof T & string)[]
const oneOf = <const T extends string>(values: readonly T[]) => Type.Enum([...values] as [T, ...T[]])
const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

export const Id = Type.String({ pattern: ID_PATTERN })
/** RFC 3339 in UTC, as `Date.prototype.toISOString` writes it. */
export const Instant = Type.String({ format: 'date-time' })
const Raw = Type.Union([Type.Number(), Type.Boolean(), Type.String()])
const Words = Type.Object({ en: Type.String(), zh: Type.String() })
const FacilityKind = oneOf(FACILITY_KIND_IDS)
const DeviceKind = oneOf(DEVICE_KIND_IDS)
const Health = oneOf(HEALTH_IDS)
const Metric = oneOf(METRIC_IDS)
const Severity = oneOf(SEVERITY_IDS)
const Role = oneOf(keysOf(ROLES))
const TicketState = oneOf(TICKET_STATE_IDS)
const Action = oneOf(TICKET_ACTION_IDS)
const TicketKind = oneOf(TICKET_KIND_IDS)
const Span = Type.Number()

export const listOf = <T extends TSchema>(item: T) =>
  Type.Object({ items: Type.Array(item), nextCursor: Nullable(Type.String()) })
const Page = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  cursor: Type.Optional(Type.String({ maxLength: 200 }))
}

/** RFC 9457 problem details with a stable code. */
export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: oneOf(keysOf(ERROR_CODES)),
  detail: Type.Optional(Type.String()),
  errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() })))
})
export type Problem = Static<typeof Problem>

export const Login = Type.Object({
  username: Type.String({ minLength: 1, maxLength: 64 }),
  password: Type.String({ minLength: 1, maxLength: 256 })
})
export const Session = Type.Object({ username: Type.String(), name: Type.String(), role: Role })
export type Session = Static<typeof Session>

/** One reason for a facility's health: an open episode, silence, a limit its sensor cannot resolve. */
export const HealthReason = Type.Object({
  health: Health,
  label: Words,
  since: Nullable(Instant),
  rule: Nullable(Type.String()),
  ticket: Nullable(Type.String()),
  device: Nullable(Type.String())
})
export type HealthReason = Static<typeof HealthReason>

export const LiveValue = Type.Object({
  metric: Metric,
  device: Id,
  value: Raw,
  at: Instant,
  /** Older than three expected intervals: shown grey, never as live. */
  stale: Type.Boolean()
})
export type LiveValue = Static<typeof LiveValue>

export const FacilitySummary = Type.Object({
  id: Id,
  kind: FacilityKind,
  name: Type.String(),
  area: Id,
  areaName: Type.String(),
  road: Nullable(Type.String()),
  lat: Nullable(Type.Number()),
  lon: Nullable(Type.Number()),
  health: Health,
  reasons: Type.Array(HealthReason),
  headline: Nullable(LiveValue),
  lastReportAt: Nullable(Instant),
  openTickets: Type.Integer()
})
export type FacilitySummary = Static<typeof FacilitySummary>

export const DeviceState = Type.Object({
  id: Id,
  kind: DeviceKind,
  name: Type.String(),
  facility: Nullable(Id),
  gateway: Nullable(Id),
  expectedIntervalMs: Type.Number(),
  lastReportAt: Nullable(Instant),
  silent: Type.Boolean(),
  /** What the device or its last will said; shown only, never a rule's input. */
  presence: Nullable(oneOf(['online', 'offline'])),
  /** Newest readings, also of a device bound to nothing yet. */
  values: Type.Array(LiveValue)
})
export type DeviceState = Static<typeof DeviceState>

export const Episode = Type.Object({
  id: Type.String(),
  rule: Type.String(),
  ruleLabel: Words,
  subject: Type.String(),
  severity: Severity,
  startedAt: Instant,
  firedAt: Instant,
  endedAt: Nullable(Instant),
  ticket: Nullable(Type.String())
})
export type Episode = Static<typeof Episode>

export const FacilityDetail = Type.Object({
  ...FacilitySummary.properties,
  attributes: Type.Record(Type.String(), Type.Unknown()),
  values: Type.Array(LiveValue),
  devices: Type.Array(DeviceState),
  /** Whether it smells, where the checklist of its kind asks for that. */
  odour: Type.Optional(OdourAnswer)
})
export type FacilityDetail = Static<typeof FacilityDetail>

export const FacilityQuery = Type.Object({
  kind: Type.Optional(FacilityKind),
  area: Type.Optional(Id),
  status: Type.Optional(Health),
  q: Type.Optional(Type.String({ maxLength: 100 })),
  ...Page
})
export type FacilityQuery = Static<typeof FacilityQuery>

export const TelemetryQuery = Type.Object({
  metric: Metric,
  from: Type.Optional(Instant),
  to: Type.Optional(Instant),
  /** Bucket width in ms; without it every reading. */
  step: Type.Optional(Type.Integer({ minimum: 1000 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000, default: 10_000 }))
})
export const TelemetryPoint = Type.Object({
  at: Instant,
  value: Raw,
  quality: Type.Optional(oneOf(QUALITIES))
})
export const TelemetryBucket = Type.Object({
  at: Instant,
  min: Type.Number(),
  avg: Type.Number(),
  max: Type.Number(),
  count: Type.Integer()
})

/** A reading that opened the ticket, copied at that moment. */
export const Evidence = Type.Object({
  device: Id,
  metric: Metric,
  value: Raw,
  measuredAt: Instant,
  receivedAt: Instant
})
export type Evidence = Static<typeof Evidence>

export const TicketSummary = Type.Object({
  id: Type.String(),
  source: oneOf(keysOf(TICKET_SOURCES)),
  rule: Nullable(Type.String()),
  title: Words,
  ruleLabel: Nullable(Words),
  /** What a person made it for; null: a rule did. */
  kind: Nullable(TicketKind),
  subject: Type.String(),
  subjectName: Type.String(),
  facility: Nullable(Id),
  facilityKind: Nullable(FacilityKind),
  lat: Nullable(Type.Number()),
  lon: Nullable(Type.Number()),
  area: Nullable(Id),
  areaName: Type.String(),
  crew: Nullable(Type.String()),
  /** The responsible unit it was handed to. */
  unit: Nullable(Type.String()),
  state: TicketState,
  severity: Severity,
  openedAt: Instant,
  acceptedAt: Nullable(Instant),
  /** Of the claim that stands; a claim that was sent back is in the history. */
  claimedAt: Nullable(Instant),
  /** By when it must be resolved, after everything that was taken off. */
  dueAt: Instant,
  /** Running time allowed, extensions included. */
  allowedMs: Span,
  /** Why no clock runs now; null: they run, or the ticket is over. */
  paused: Nullable(oneOf(keysOf(PAUSE_REASONS))),
  deferredUntil: Nullable(Instant),
  /** A deferral or an extension waits for an answer. */
  asked: Nullable(oneOf(['defer', 'extend'] as const)),
  /** What the claim waits for. */
  verification: Nullable(oneOf(keysOf(VERIFICATIONS))),
  /** Until when a report is waited for. */
  verifyBy: Nullable(Instant),
  /** A sensor contradicted a claim. */
  suspectedFalse: Type.Boolean(),
  colour: Nullable(oneOf(COLOUR_IDS)),
  /** How many levels it went up: grid, street, district, unit. */
  level: Type.Integer(),
  rework: Type.Boolean(),
  oneStep: Type.Boolean(),
  /** How many people reported it. */
  reporters: Type.Integer(),
  /** The condition is gone by sensor, though the ticket may still wait for a claim. */
  clearedAt: Nullable(Instant),
  /** Where the resolve clock stopped; set when it is over. */
  resolvedAt: Nullable(Instant),
  closedAt: Nullable(Instant),
  closeReason: Nullable(oneOf(keysOf(CLOSE_REASONS)))
})
export type TicketSummary = Static<typeof TicketSummary>

export const TicketEvent = Type.Object({
  at: Instant,
  /** A user name, `sensor`, or `system`. */
  who: Type.String(),
  action: Type.String(),
  from: Nullable(TicketState),
  to: Nullable(TicketState),
  note: Nullable(Type.String()),
  /** What belongs to it: `addressee`, `colour`, `photos`, `until`, `crew`, `ticket` … */
  data: Nullable(Type.Record(Type.String(), Type.Unknown()))
})
export type TicketEvent = Static<typeof TicketEvent>

/** One clock of a ticket as of the moment it was asked for; `running` ones count on from there. */
export const TicketClock = Type.Object({
  allowedMs: Span,
  usedMs: Span,
  /** Null: it stands still and nobody knows until when. */
  dueAt: Nullable(Instant),
  /** Where it stopped for good. */
  endedAt: Nullable(Instant),
  running: Type.Boolean(),
  late: Type.Boolean()
})
export type TicketClock = Static<typeof TicketClock>

export const TicketReport = Type.Object({
  id: Type.String(),
  at: Instant,
  who: Type.String(),
  source: oneOf(keysOf(TICKET_SOURCES)),
  note: Nullable(Type.String()),
  lat: Nullable(Type.Number()),
  lon: Nullable(Type.Number()),
  photos: Type.Array(Type.String()),
  /** Of a citizen, who may follow it; `code` is what they do it by, for those who may hand it out. */
  followed: Type.Boolean(),
  code: Nullable(Type.String())
})
export type TicketReport = Static<typeof TicketReport>

export const TicketDetail = Type.Object({
  ...TicketSummary.properties,
  /** First response (to acceptance) and resolve. */
  clocks: Type.Object({ response: TicketClock, resolve: TicketClock }),
  firstDueAt: Instant,
  extendedMs: Span,
  /** Every time in which no clock ran. */
  pauses: Type.Array(
    Type.Object({ from: Instant, until: Nullable(Instant), why: oneOf(keysOf(PAUSE_REASONS)) })
  ),
  /** What is asked for, by whom; another role answers with `approve` or `deny`. */
  request: Nullable(
    Type.Object({
      what: oneOf(['defer', 'extend'] as const),
      by: Type.String(),
      role: Role,
      at: Instant,
      until: Nullable(Instant),
      ms: Nullable(Span),
      note: Type.String()
    })
  ),
  claimedBy: Nullable(Type.String()),
  falseClaims: Type.Integer(),
  returns: Type.Integer(),
  reworkOf: Nullable(Type.String()),
  mergedInto: Nullable(Type.String()),
  plan: Nullable(Type.String()),
  /** A crew claimed it after it had cleared by itself. */
  lateClaimAt: Nullable(Instant),
  recheck: Nullable(oneOf(keysOf(RECHECKS))),
  recheckAt: Nullable(Instant),
  reports: Type.Array(TicketReport),
  /** What reporters said of how it ended. */
  ratings: Type.Array(
    Type.Object({
      report: Type.String(),
      at: Instant,
      stars: Type.Integer(),
      comment: Nullable(Type.String())
    })
  ),
  ruleVersion: Nullable(Type.Integer()),
  /** The rule's condition and holds as they were when it opened. */
  parameters: Type.Unknown(),
  evidence: Type.Array(Evidence),
  episodes: Type.Array(Episode),
  history: Type.Array(TicketEvent),
  /** What the asking person may do now. */
  actions: Type.Array(Action),
  /** What each of them needs besides its name; `quietUntil` only while the condition holds. */
  needs: Type.Partial(Type.Record(Action, Type.Array(oneOf(keysOf(NEEDS)))))
})
export type TicketDetail = Static<typeof TicketDetail>

/** What a report became: its ticket, and the code to give to the citizen who reported it. */
export const ReportedTicket = Type.Object({
  ...TicketDetail.properties,
  report: Type.Object({ id: Type.String(), code: Nullable(Type.String()) })
})
export type ReportedTicket = Static<typeof ReportedTicket>

/** What a control room looks at first, a few of each. */
export const TicketsNow = Type.Object({
  /** Nobody was sent yet, most urgent first. */
  unsent: Type.Array(TicketSummary),
  unsentTotal: Type.Integer(),
  /** Whose clock runs, most urgent first. */
  urgent: Type.Array(TicketSummary),
  /** Open ones, newest first. */
  newest: Type.Array(TicketSummary)
})
export type TicketsNow = Static<typeof TicketsNow>

export const TicketQuery = Type.Object({
  /** A state, or `open` for all open ones (the default), `ended`, `all`. */
  status: Type.Optional(oneOf([...TICKET_STATE_IDS, 'open', 'ended', 'all'] as const)),
  area: Type.Optional(Id),
  crew: Type.Optional(Id),
  facility: Type.Optional(Id),
  kind: Type.Optional(FacilityKind),
  rule: Type.Optional(Type.String({ maxLength: 64 })),
  source: Type.Optional(oneOf(keysOf(TICKET_SOURCES))),
  ticketKind: Type.Optional(TicketKind),
  colour: Type.Optional(oneOf(COLOUR_IDS)),
  ...Page
})
export type TicketQuery = Static<typeof TicketQuery>

const Photos = Type.Array(AttachmentId, { maxItems: MOST_PHOTOS, uniqueItems: true })

export const TicketActionRequest = Type.Object({
  action: Action,
  note: Type.Optional(Type.String({ maxLength: 2000 })),
  /** When the person says it happened; clocks use arrival. */
  claimedAt: Type.Optional(Instant),
  /** Closing while the condition still holds: no new ticket before this. */
  quietUntil: Type.Optional(Instant),
  /** Of `defer`. */
  until: Type.Optional(Instant),
  /** Of `extend`: how much more time. */
  extendMs: Type.Optional(Type.Integer({ minimum: 1 })),
  /** Of `dispatch` (else the crew on shift) and `transfer`. */
  crew: Type.Optional(Id),
  unit: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
  /** Of `merge`: the ticket that this one is the same as. */
  into: Type.Optional(Type.String({ maxLength: 200 })),
  photos: Type.Optional(Photos),
  /** What was looked at on the spot; it stands in the history. */
  checklist: Type.Optional(AnsweredChecklist)
})
export type TicketActionRequest = Static<typeof TicketActionRequest>

/** What a person saw: at a subject, or at a point. */
export const TicketReportRequest = Type.Object({
  kind: TicketKind,
  source: oneOf(PERSON_SOURCES),
  /** `facility:…`, `road:…` or `area:…`; without it the point. */
  subject: Type.Optional(Type.String({ maxLength: 100 })),
  lat: Type.Optional(Type.Number({ minimum: -90, maximum: 90 })),
  lon: Type.Optional(Type.Number({ minimum: -180, maximum: 180 })),
  note: Type.Optional(Type.String({ maxLength: 2000 })),
  photos: Type.Optional(Photos),
  /** Found and put right on the spot; needs two photos. */
  oneStep: Type.Optional(Type.Boolean())
})
export type TicketReportRequest = Static<typeof TicketReportRequest>

export const RatesQuery = Type.Object({
  from: Instant,
  to: Instant,
  area: Type.Optional(Id),
  crew: Type.Optional(Id),
  kind: Type.Optional(FacilityKind)
})
const CASE_COUNTS = {
  /** Cases whose time was up in the period, without those born cleared, merged, void or put right on the spot. */
  due: Type.Integer(),
  deferred: Type.Integer(),
  closed: Type.Integer(),
  onTime: Type.Integer(),
  returned: Type.Integer(),
  oneStep: Type.Integer(),
  /** Percent; null when there is nothing to divide by. 结案率, 按期结案率, 返工率 */
  closingPct: Nullable(Type.Number()),
  onTimePct: Nullable(Type.Number()),
  reworkPct: Nullable(Type.Number()),
  /** How many reporters rated in the period, and their stars on average, 1 to 5. 满意度 */
  rated: Type.Integer(),
  starsAvg: Nullable(Type.Number())
}
export const TicketRates = Type.Object({ from: Instant, to: Instant, ...CASE_COUNTS })
export type TicketRates = Static<typeof TicketRates>

export const RatesByQuery = Type.Object({
  ...RatesQuery.properties,
  by: oneOf(['area', 'crew', 'kind'] as const)
})
/** The rates of one area (with all below it), crew or facility kind; `key` null: of those that have none. */
export const RatesOf = Type.Object({ key: Nullable(Type.String()), ...CASE_COUNTS })
export type RatesOf = Static<typeof RatesOf>

/** The tickets behind one number of the rates. */
export const CasesQuery = Type.Object({
  ...RatesQuery.properties,
  counted: oneOf(CASE_COUNT_IDS),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 1000 }))
})

export const NotificationItem = Type.Object({
  id: Type.String(),
  /** A user name, `role:operator`, `crew:c-1` or `unit:…`. */
  addressee: Type.String(),
  kind: oneOf(keysOf(NOTIFICATION_KINDS)),
  label: Words,
  ticket: Type.String(),
  at: Instant,
  readAt: Nullable(Instant)
})
export type NotificationItem = Static<typeof NotificationItem>
/** Tickets whose word to somebody is unread and still true: one each, those that ask for something first, then the newest. */
export const StandingNotices = Type.Object({
  items: Type.Array(
    Type.Object({
      ticket: Type.String(),
      title: Words,
      subjectName: Type.String(),
      colour: Nullable(oneOf(COLOUR_IDS)),
      /** It waits for whoever was told. */
      asks: Type.Boolean(),
      /** The newest of each kind, newest first. */
      told: Type.Array(Type.Object({ kind: oneOf(keysOf(NOTIFICATION_KINDS)), at: Instant }))
    })
  ),
  /** Of all, also of those that are not among the items. */
  tickets: Type.Integer()
})
export type StandingNotices = Static<typeof StandingNotices>
export type StandingNotice = StandingNotices['items'][number]
/** What has been read: all that still stood and was told until then, of one ticket or of every. */
export const NotificationsRead = Type.Object({
  until: Instant,
  ticket: Type.Optional(Type.String({ minLength: 1, maxLength: 200 }))
})
export const NotificationQuery = Type.Object({ unread: Type.Optional(Type.Boolean()), ...Page })

export const PlanItem = Type.Object({
  ...Plan.properties,
  facilityName: Type.String(),
  /** The window that runs, else the next that begins after the plan was made or moved; null when it is not active. */
  nextFrom: Nullable(Instant),
  nextUntil: Nullable(Instant),
  doneAt: Nullable(Instant)
})
export type PlanItem = Static<typeof PlanItem>
export const PlanRun = Type.Object({
  from: Instant,
  until: Instant,
  doneAt: Nullable(Instant),
  doneBy: Nullable(Type.String()),
  /** Missed: the ticket that followed. */
  ticket: Nullable(Type.String())
})
export type PlanRun = Static<typeof PlanRun>

export const QuarantineItem = Type.Object({
  id: Type.String(),
  receivedAt: Instant,
  device: Type.String(),
  reason: oneOf(keysOf(QUARANTINE_REASONS)),
  /** Where in the message, what was expected, what came. */
  path: Type.String(),
  detail: Type.String(),
  /** The raw bytes as text, cut at 4 KB. */
  payload: Type.String()
})
export type QuarantineItem = Static<typeof QuarantineItem>
export const QuarantineQuery = Type.Object({
  device: Type.Optional(Id),
  reason: Type.Optional(oneOf(keysOf(QUARANTINE_REASONS))),
  ...Page
})

export const DeviceQuery = Type.Object({
  /** `true`: only those bound to no facility yet. */
  unbound: Type.Optional(Type.Boolean()),
  facility: Type.Optional(Id),
  q: Type.Optional(Type.String({ maxLength: 100 })),
  ...Page
})
export type DeviceQuery = Static<typeof DeviceQuery>

export const ImportResult = Type.Object({
  created: Type.Integer(),
  updated: Type.Integer(),
  failed: Type.Integer(),
  rows: Type.Array(
    Type.Object({
      line: Type.Integer(),
      ok: Type.Boolean(),
      id: Type.String(),
      /** A new device's password; shown this once. */
      secret: Type.Optional(Type.String()),
      error: Type.Optional(Type.String())
    })
  )
})
export type ImportResult = Static<typeof ImportResult>

export const AreaItem = Type.Object({
  id: Id,
  kind: oneOf(AREA_KINDS),
  name: Type.String(),
  parent: Nullable(Id)
})
export type AreaItem = Static<typeof AreaItem>

/** How the parts of the system are: what the status bar, the system page and readiness say. */
export const SystemState = Type.Object({
  ready: Type.Boolean(),
  /** What is wrong and what to do, one per trouble; empty when all is well. */
  troubles: Type.Array(Type.Object({ part: Type.String(), label: Words, detail: Type.String() })),
  simulated: Type.Boolean(),
  /** IANA name: the city's clock is what every page shows. */
  timeZone: Type.String(),
  /** Where history is kept. */
  telemetryEngine: oneOf(['postgres', 'influxdb']),
  /** Its version, null until it has answered once, and where it is; without secrets. */
  telemetryServer: Type.Object({ version: Nullable(Type.String()), address: Type.String() }),
  /** Connected MQTT clients. */
  connections: Type.Integer(),
  messagesPerSecond: Type.Number(),
  /** Journal time the rules have reached. */
  journalAt: Nullable(Instant),
  /** Records acknowledged but not yet through rules, and not yet in the store. */
  behind: Type.Object({ state: Type.Integer(), store: Type.Integer() }),
  journal: Type.Object({ bytes: Type.Number(), maxBytes: Type.Number() }),
  version: Type.String()
})
export type SystemState = Static<typeof SystemState>

/** Facilities by kind and health. */
export const Counts = Type.Record(FacilityKind, Type.Record(Health, Type.Integer()))
export type Counts = Record<Static<typeof FacilityKind>, Record<Static<typeof Health>, number>>
