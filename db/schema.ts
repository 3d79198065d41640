import { sql } from 'drizzle-orm'
import {
  bigint,
  bigserial,
  boolean,
  customType,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex
} from 'drizzle-orm/pg-core'
import type { Area, Device, Facility, Road } from '#model/registry'
import type { Asked, Pause, TicketTerms } from '#model/tickets'

/** UTC epoch ms in code, timestamptz with ms in the database. */
const instant = customType<{ data: number; driverData: string | Date }>({
  dataType: () => 'timestamp (3) with time zone',
  toDriver: at => new Date(at).toISOString(),
  fromDriver: value => new Date(value).getTime()
})
const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' })
const seq = (name: string) => bigint(name, { mode: 'number' })
/** Set on a district and inherited; groups and parents never cross it. One installation starts with shard 0. */
const shard = () => integer('shard').notNull().default(0)

/** People who sign in. */
export const people = pgTable('people', {
  username: text('username').primaryKey(),
  name: text('name').notNull(),
  role: text('role').notNull(),
  passwordHash: text('password_hash').notNull(),
  /** Kept for the history; may not sign in. */
  disabled: boolean('disabled').notNull().default(false),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow()
})

/** Cookie sessions and bearer tokens: only the SHA-256 of the random secret is kept. */
export const sessions = pgTable(
  'sessions',
  {
    tokenHash: text('token_hash').primaryKey(),
    username: text('username')
      .notNull()
      .references(() => people.username, { onDelete: 'cascade' }),
    kind: text('kind').notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    expiresAt: timestamp('expires_at', { withTimezone: true }),
    /** Of a token that a person made: by what it is named, shown and revoked, and what it may do at most. */
    id: text('id'),
    name: text('name'),
    role: text('role'),
    /** To the day. */
    lastUsedAt: timestamp('last_used_at', { withTimezone: true })
  },
  t => [index('sessions_username').on(t.username), uniqueIndex('sessions_id').on(t.id)]
)

/** Who did what to accounts and tokens, append-only; what alters a decision is in `changes`. */
export const audit = pgTable('audit', {
  id: bigserial('id', { mode: 'number' }).primaryKey(),
  at: instant('at').notNull(),
  who: text('who').notNull(),
  action: text('action').notNull(),
  /** The account it was done to. */
  subject: text('subject').notNull(),
  detail: jsonb('detail').$type<Record<string, unknown>>().notNull()
})

/** Photos: the bytes are files named by the SHA-256 of what is stored, which is the id. */
export const attachments = pgTable(
  'attachments',
  {
    id: text('id').primaryKey(),
    who: text('who').notNull(),
    at: instant('at').notNull(),
    type: text('type').notNull(),
    bytes: integer('bytes').notNull(),
    width: integer('width').notNull(),
    height: integer('height').notNull(),
    /** A change was seen to name it. */
    named: boolean('named').notNull().default(false)
  },
  t => [
    index('attachments_unnamed')
      .on(t.at)
      .where(sql`not ${t.named}`)
  ]
)

/** Photos that somebody without an account sent for a report; `hash` is the SHA-256 of the name they got for it. */
export const publicUploads = pgTable('public_uploads', {
  hash: text('hash').primaryKey(),
  attachment: text('attachment').notNull(),
  at: instant('at').notNull(),
  /** The report that took it: no other can. */
  report: text('report')
})

/** What this installation made once and keeps, such as the secret behind its QR codes. */
export const installation = pgTable('installation', {
  name: text('name').primaryKey(),
  value: text('value').notNull()
})

/** Newest record of every area, road, facility and device, as last asked for; the history is in `changes`. */
export const registry = pgTable(
  'registry',
  {
    type: text('type').notNull(),
    id: text('id').notNull(),
    body: jsonb('body').$type<Area | Road | Facility | Device>().notNull(),
    changeId: seq('change_id').notNull(),
    shard: shard()
  },
  t => [
    primaryKey({ columns: [t.type, t.id] }),
    // What is new since: credentials follow the registry by it.
    index('registry_change').on(t.changeId)
  ]
)

/** What a device must show to connect: SHA-256 of its random secret, in hex. */
export const deviceSecrets = pgTable('device_secrets', {
  device: text('device').primaryKey(),
  secretHash: text('secret_hash').notNull(),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow()
})

/**
 * Everything that can alter a decision, append-only; the audit log too. The state consumer stamps where in the
 * journal it took effect: `applied_before_seq`, and `applied_no`, the order among all changes.
 */
export const changes = pgTable(
  'changes',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    kind: text('kind').notNull(),
    subject: text('subject').notNull(),
    body: jsonb('body').notNull(),
    who: text('who').notNull(),
    why: text('why'),
    requestedAt: instant('requested_at').notNull(),
    idempotencyKey: text('idempotency_key'),
    appliedBeforeSeq: seq('applied_before_seq'),
    appliedNo: seq('applied_no'),
    appliedAt: instant('applied_at'),
    /** Null: done. Else why it was refused when its turn came. */
    refused: text('refused')
  },
  t => [
    index('changes_pending')
      .on(t.id)
      .where(sql`${t.appliedNo} is null`),
    uniqueIndex('changes_applied_no').on(t.appliedNo),
    index('changes_subject').on(t.subject, t.id),
    /** The few among many that have a history of edits of their own. */
    index('changes_edits')
      .on(t.kind, t.appliedNo)
      .where(sql`${t.kind} in ('crew', 'chief', 'plan', 'ticket-policy', 'maintenance')`),
    uniqueIndex('changes_idempotency').on(t.who, t.idempotencyKey)
  ]
)

export const episodes = pgTable(
  'episodes',
  {
    id: text('id').primaryKey(),
    rule: text('rule').notNull(),
    ruleVersion: integer('rule_version').notNull(),
    subject: text('subject').notNull(),
    facility: text('facility'),
    severity: text('severity').notNull(),
    startedAt: instant('started_at').notNull(),
    firedAt: instant('fired_at').notNull(),
    endedAt: instant('ended_at'),
    /** Null: it waited for a parent, or was hidden by one. */
    ticket: text('ticket'),
    shard: shard()
  },
  t => [
    uniqueIndex('one_episode').on(t.rule, t.subject, t.startedAt),
    index('episodes_facility').on(t.facility, t.startedAt),
    index('episodes_ticket').on(t.ticket)
  ]
)

export interface EvidenceRow {
  device: string
  metric: string
  value: number
  measuredAt: number
  receivedAt: number
}

export const tickets = pgTable(
  'tickets',
  {
    id: text('id').primaryKey(),
    source: text('source').notNull(),
    rule: text('rule'),
    ruleVersion: integer('rule_version'),
    /** What a person made it for (TICKET_KINDS); null: a rule did. */
    kind: text('kind'),
    /** The plan whose work was missed. */
    plan: text('plan'),
    /** The rule as it was: condition, holds, clear. */
    parameters: jsonb('parameters').$type<Record<string, unknown>>().notNull(),
    subject: text('subject').notNull(),
    facility: text('facility'),
    facilityKind: text('facility_kind'),
    lat: doublePrecision('lat'),
    lon: doublePrecision('lon'),
    area: text('area'),
    crew: text('crew'),
    /** The responsible unit it was handed to. */
    unit: text('unit'),
    state: text('state').notNull(),
    severity: text('severity').notNull(),
    /** What it was opened under: times allowed, hours in which its clocks run. */
    terms: jsonb('terms').$type<TicketTerms>().notNull(),
    openedAt: instant('opened_at').notNull(),
    acceptedAt: instant('accepted_at'),
    /** Journal time of the newest claim that was not sent back, and whose it was. */
    claimedAt: instant('claimed_at'),
    claimedBy: text('claimed_by'),
    /** By when it must be resolved, as opened. */
    firstDueAt: instant('first_due_at').notNull(),
    /** The same with what was taken off and added since. */
    dueAt: instant('due_at').notNull(),
    extendedMs: seq('extended_ms').notNull().default(0),
    /** When no clock ran: deferred, suppressed by a parent, clear for a while. */
    pauses: jsonb('pauses').$type<Pause[]>().notNull(),
    deferredUntil: instant('deferred_until'),
    /** A deferral or extension that waits for an answer. */
    asked: jsonb('asked').$type<Asked>(),
    clearedAt: instant('cleared_at'),
    /** Where the resolve clock stopped; set when it ends. */
    resolvedAt: instant('resolved_at'),
    closedAt: instant('closed_at'),
    closeReason: text('close_reason'),
    /** 三色: white, yellow, red; never goes back. */
    colour: text('colour'),
    /** How many levels it went up. */
    level: integer('level').notNull().default(0),
    /** What the claim waits for: a report, until `verify_by`, or a person. */
    verification: text('verification'),
    verifyBy: instant('verify_by'),
    /** Claims that a sensor contradicted, and how often it was sent back in all. */
    falseClaims: integer('false_claims').notNull().default(0),
    returns: integer('returns').notNull().default(0),
    /** A repair that did not hold, and the ticket that says it was done. */
    rework: boolean('rework').notNull().default(false),
    reworkOf: text('rework_of'),
    /** Found and put right on the spot: counted apart. */
    oneStep: boolean('one_step').notNull().default(false),
    reporters: integer('reporters').notNull().default(0),
    mergedInto: text('merged_into'),
    /** A crew's claim that came after it had cleared by itself. */
    lateClaimAt: instant('late_claim_at'),
    /** Drawn for a second look: planned, due, ok, failed, lapsed. */
    recheck: text('recheck'),
    recheckAt: instant('recheck_at'),
    /** The condition was over before the ticket opened: a backlog. Outside dispatch, notices and all rates. */
    bornCleared: boolean('born_cleared').notNull().default(false),
    evidence: jsonb('evidence').$type<EvidenceRow[]>().notNull(),
    shard: shard()
  },
  t => [
    uniqueIndex('one_open_ticket')
      .on(t.rule, t.subject)
      .where(sql`${t.closedAt} is null`),
    index('tickets_opened').on(t.openedAt),
    index('tickets_facility').on(t.facility, t.openedAt),
    index('tickets_closed').on(t.closedAt),
    index('tickets_due').on(t.firstDueAt),
    // Those of which what was told may still stand: a few of all there ever were.
    index('tickets_waiting')
      .on(t.id)
      .where(sql`${t.closedAt} is null or ${t.recheck} = 'due'`)
  ]
)

export const ticketEvents = pgTable(
  'ticket_events',
  {
    ticket: text('ticket').notNull(),
    no: integer('no').notNull(),
    at: instant('at').notNull(),
    who: text('who').notNull(),
    action: text('action').notNull(),
    from: text('from_state'),
    to: text('to_state'),
    note: text('note'),
    /** What belongs to this action: an addressee, photos, a time asked for. */
    data: jsonb('data').$type<Record<string, unknown>>()
  },
  t => [primaryKey({ columns: [t.ticket, t.no] })]
)

/** Who is told of what; `read_at` is all a person changes. */
export const notifications = pgTable(
  'notifications',
  {
    id: text('id').primaryKey(),
    /** A user name, `role:operator`, `crew:c-1` or `unit:…`. */
    addressee: text('addressee').notNull(),
    kind: text('kind').notNull(),
    ticket: text('ticket').notNull(),
    at: instant('at').notNull(),
    readAt: instant('read_at')
  },
  t => [
    index('notifications_addressee').on(t.addressee, t.at),
    index('notifications_at').on(t.at),
    // What still stands is looked for from the tickets that wait.
    index('notifications_unread')
      .on(t.ticket)
      .where(sql`${t.readAt} is null`)
  ]
)

/** What people reported; several may be one ticket. */
export const reports = pgTable(
  'reports',
  {
    id: text('id').primaryKey(),
    ticket: text('ticket').notNull(),
    at: instant('at').notNull(),
    who: text('who').notNull(),
    source: text('source').notNull(),
    kind: text('kind').notNull(),
    subject: text('subject').notNull(),
    lat: doublePrecision('lat'),
    lon: doublePrecision('lon'),
    note: text('note'),
    photos: jsonb('photos').$type<string[]>().notNull(),
    /** SHA-256 of the code by which the reporter follows it; null: nobody does. */
    codeHash: text('code_hash')
  },
  t => [
    index('reports_ticket').on(t.ticket),
    uniqueIndex('reports_code').on(t.codeHash),
    // What is old is forgotten.
    index('reports_at').on(t.at)
  ]
)

/** What reporters said of how a case ended, once each. */
export const ratings = pgTable(
  'ratings',
  {
    ticket: text('ticket').notNull(),
    report: text('report').notNull(),
    at: instant('at').notNull(),
    /** 1 to 5. */
    stars: integer('stars').notNull(),
    comment: text('comment')
  },
  t => [primaryKey({ columns: [t.ticket, t.report] }), index('ratings_at').on(t.at)]
)

/** Every time planned work was due: done by whom, or missed and which ticket followed. */
export const planRuns = pgTable(
  'plan_runs',
  {
    plan: text('plan').notNull(),
    from: instant('from_at').notNull(),
    until: instant('until_at').notNull(),
    facility: text('facility').notNull(),
    doneAt: instant('done_at'),
    doneBy: text('done_by'),
    ticket: text('ticket')
  },
  t => [primaryKey({ columns: [t.plan, t.from] }), index('plan_runs_until').on(t.until)]
)

/** What could not be understood, with its raw bytes, re-runnable. */
export const quarantine = pgTable(
  'quarantine',
  {
    seq: seq('seq').notNull(),
    no: integer('no').notNull(),
    receivedAt: instant('received_at').notNull(),
    device: text('device').notNull(),
    reason: text('reason').notNull(),
    path: text('path').notNull(),
    detail: text('detail').notNull(),
    payload: bytes('payload').notNull()
  },
  t => [primaryKey({ columns: [t.seq, t.no] }), index('quarantine_device').on(t.device, t.seq)]
)

/** How far the state consumer has committed; moved by compare-and-set, so that a second writer stops. */
export const offsets = pgTable('offsets', {
  consumer: text('consumer').primaryKey(),
  seq: seq('seq').notNull(),
  appliedNo: seq('applied_no').notNull()
})

/** All rule state after `seq` and after change `applied_no`, one blob; the newest of a known version counts. */
export const checkpoints = pgTable('checkpoints', {
  seq: seq('seq').primaryKey(),
  appliedNo: seq('applied_no').notNull(),
  version: integer('version').notNull(),
  blob: bytes('blob').notNull()
})
