import { Type, type Static, type TSchema } from 'typebox'
import { Check } from 'typebox/value'
import { METRIC_IDS } from './metrics.ts'
import { ODOUR_METRICS } from './odour-limits.ts'
import type { Label } from './label.ts'
import { fault, type Fault } from './rule-fault-texts.ts'
import { SEVERITY_IDS, type Rule, type RuleSettings } from './rules.ts'
import { days, hours } from './time.ts'
import { VISIBLE } from './written.ts'

/** Rules as they come from people: what a rule and each of its conditions is made of, and what is wrong with one that is not. */

/** What a schema expects, in Chinese; in English it is its description. */
const IN_CHINESE = new WeakMap<TSchema, string>()
function inChinese<T extends TSchema>(schema: T, zh: string): T {
  IN_CHINESE.set(schema, zh)
  return schema
}
function expectationOf(schema: TSchema): Label {
  const { description: en = 'something else' } = schema as { description?: string }
  return { en, zh: IN_CHINESE.get(schema) ?? en }
}

const oneOf = <const T extends string>(values: readonly T[]) =>
  inChinese(
    Type.Enum([...values] as [T, ...T[]], { description: `one of ${values.join(', ')}` }),
    `下列之一：${values.join('、')}`
  )
const number = (minimum: number, maximum: number) =>
  inChinese(
    Type.Number({ minimum, maximum, description: `a number from ${minimum} to ${maximum}` }),
    `${minimum} 至 ${maximum} 的数值`
  )
/** A value of a metric; what it may be, the metric says. */
const anyNumber = inChinese(Type.Number({ minimum: -1e9, maximum: 1e9, description: 'a number' }), '数值')
const whole = (minimum: number, maximum: number, unit: '' | ' of milliseconds' = '') =>
  inChinese(
    Type.Integer({ minimum, maximum, description: `a whole number${unit} from ${minimum} to ${maximum}` }),
    `${minimum} 至 ${maximum} 的整数${unit === '' ? '' : '（毫秒）'}`
  )
const span = (most: number) => whole(0, most, ' of milliseconds')
const always = Type.Literal(true, { description: 'true' })
const text = (most: number) =>
  inChinese(
    Type.String({
      minLength: 1,
      maxLength: most,
      pattern: VISIBLE,
      description: `a text of up to ${most} characters`
    }),
    `不超过 ${most} 字的文字`
  )

const Metric = oneOf(METRIC_IDS)
const Gases = inChinese(
  Type.Array(oneOf(ODOUR_METRICS), {
    minItems: 1,
    uniqueItems: true,
    description: `a list of ${ODOUR_METRICS.join(', ')}`
  }),
  `由 ${ODOUR_METRICS.join('、')} 组成的列表`
)
const Raw = inChinese(
  Type.Union([Type.Number(), Type.Boolean(), Type.String({ maxLength: 64 })], {
    description: 'a number, true, false or a text'
  }),
  '数值、true、false 或文字'
)
const Severity = oneOf(SEVERITY_IDS)
const A_DAY = days(1)

/** A condition in a condition; every other field is a plain value. */
type Part = 'condition' | 'conditions'
export type Fields = Record<string, TSchema | Part>

/** Every condition by the field that tells it from the others, with all of its fields; `?` behind a name: it may be missing. */
export const CONDITIONS: Record<string, Fields> = {
  atLeast: { metric: Metric, atLeast: anyNumber },
  atMost: { metric: Metric, atMost: anyNumber },
  above: { metric: Metric, above: anyNumber },
  below: { metric: Metric, below: anyNumber },
  is: { metric: Metric, is: Raw },
  isNot: { metric: Metric, isNot: Raw },
  atLeastMetric: { metric: Metric, atLeastMetric: Metric },
  belowMetric: { metric: Metric, belowMetric: Metric },
  risesBy: { metric: Metric, risesBy: number(0.001, 1e9), withinMs: whole(1000, A_DAY, ' of milliseconds') },
  unchanged: { metric: Metric, unchanged: always },
  noEvent: { noEvent: oneOf(['emptying', 'haul']), days: whole(1, 7) },
  serviceDue: {
    serviceDue: inChinese(
      Type.Object(
        { visits: whole(1, 100_000), openMs: whole(60_000, days(7), ' of milliseconds') },
        {
          additionalProperties: false,
          description: '{visits, openMs}: how many visits, how many milliseconds'
        }
      ),
      '{visits, openMs}：人次和毫秒数'
    )
  },
  aboveShare: { odour: Gases, aboveShare: number(0.01, 100) },
  atMostShare: { odour: Gases, atMostShare: number(0.01, 100) },
  lamp: { lamp: oneOf(['dark', 'lit', 'burning', 'off']) },
  loaded: { loaded: oneOf(['atLeast', 'below']), pct: number(1, 200) },
  lampsGone: { lampsGone: oneOf(['atLeast', 'below']), pct: number(1, 100) },
  lightingRate: {
    lightingRate: oneOf(['below', 'atLeast']),
    pct: number(1, 100),
    'roadPct?': number(1, 100),
    'smallRoads?': Type.Boolean({ description: 'true or false' })
  },
  silentIntervals: { silentIntervals: number(2, 100) },
  reported: { reported: always },
  any: { any: 'conditions' },
  all: { all: 'conditions' },
  not: { not: 'condition' }
}
const MOST_PARTS = 20
const MOST_DEPTH = 5

const NoData = oneOf(['hold', 'clear', 'fire'])
const Time = Type.String({
  pattern: '^([01]\\d|2[0-3]):[0-5]\\d$|^24:00$',
  description: 'a time of day as HH:MM, from 00:00 to 24:00'
})
/** A time of the day, on some days of the week. */
export const DayWindow = Type.Object(
  {
    from: Time,
    to: Time,
    days: Type.Optional(
      Type.Array(whole(1, 7), {
        minItems: 1,
        uniqueItems: true,
        description: 'days of the week, 1 is Monday, 7 is Sunday'
      })
    )
  },
  {
    additionalProperties: false,
    description: '{from, to, days?}: times of day as HH:MM, days of the week 1 to 7'
  }
)
const Words = (most: number) =>
  inChinese(
    Type.Object(
      { en: text(most), zh: text(most) },
      { additionalProperties: false, description: 'both en and zh, neither empty' }
    ),
    '中英文（en、zh），均不得为空'
  )

/** Settings that are plain values; `when`, `clear`, `verify` and `ladder` hold conditions. */
export const SETTINGS: Record<keyof RuleSettings, TSchema | 'condition' | 'condition or null' | 'ladder'> = {
  enabled: Type.Boolean({ description: 'true or false' }),
  severity: Severity,
  when: 'condition',
  forMs: span(A_DAY),
  clear: 'condition',
  clearForMs: span(A_DAY),
  verify: 'condition or null',
  noData: NoData,
  ladder: 'ladder',
  windows: inChinese(
    Type.Array(DayWindow, {
      maxItems: 20,
      description:
        'up to 20 windows {from, to, days?}: times of day as HH:MM (00:00 to 24:00), days of the week 1 to 7'
    }),
    '至多 20 个时段 {from, to, days?}：时间为 HH:MM（00:00 至 24:00），days 为星期 1 至 7'
  ),
  graceMs: span(days(7)),
  parentWaitMs: span(hours(2)),
  due: inChinese(
    Type.Union([whole(60_000, days(30)), Type.Literal('end-of-day')], {
      description: 'a whole number of milliseconds from 60000 to 2592000000, or end-of-day'
    }),
    '60000 至 2592000000 的整数（毫秒），或 end-of-day'
  ),
  respondMs: whole(60_000, days(7), ' of milliseconds'),
  verifyWithinMs: whole(60_000, days(7), ' of milliseconds'),
  reworkWithinMs: span(days(30))
}
export const SETTING_IDS = Object.keys(SETTINGS) as (keyof RuleSettings)[]

/** A rule as it is sent: without its id, which is in the address, and without its version, which is ours to give. */
export type RuleDraft = Omit<Rule, 'id' | 'version'>
const Parents = inChinese(
  Type.Array(
    Type.Object({ rule: text(64), via: oneOf(['cabinet', 'gateway']) }, { additionalProperties: false }),
    { maxItems: 8, description: 'a list of {rule, via: cabinet or gateway}' }
  ),
  '由 {rule, via: cabinet 或 gateway} 组成的列表'
)
const Ticket = inChinese(
  Type.Object(
    { title: Words(200), service: Type.Optional(Type.Boolean()) },
    { additionalProperties: false, description: '{title, service?}: what to do, as en and zh' }
  ),
  '{title, service?}：中英文工单标题'
)
const FIELDS: Record<keyof RuleDraft, (typeof SETTINGS)[keyof RuleSettings] | 'overrides'> = {
  ...SETTINGS,
  label: Words(100),
  why: Words(1000),
  subject: text(32),
  parents: Parents,
  ticket: Ticket,
  overrides: 'overrides'
}
const DRAFT_FIELDS = Object.keys(FIELDS) as (keyof RuleDraft)[]
const MOST_OVERRIDES = 1000
export const MOST_RUNGS = 2

/** What is wrong with the shape of a rule that was sent; none: it is a `RuleDraft`. */
export function draftFaults(raw: unknown): Fault[] {
  if (!isRecord(raw)) return [fault('rule', 'not-an-object')]
  const missing = DRAFT_FIELDS.filter(field => !(field in raw))
  return [...missing.map(field => fault(field, 'missing')), ...fieldFaults(raw, FIELDS, '')]
}

const isRecord = (raw: unknown): raw is Record<string, unknown> =>
  typeof raw === 'object' && raw !== null && !Array.isArray(raw)

function fieldFaults(
  raw: Record<string, unknown>,
  fields: Record<string, TSchema | string>,
  at: string
): Fault[] {
  return Object.entries(raw).flatMap(([name, value]): Fault[] => {
    const path = at ? `${at}.${name}` : name
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (field === undefined) return [fault(path, 'no-such-field', { known: Object.keys(fields).join(', ') })]
    if (field === 'condition or null' && value === null) return []
    if (field === 'condition' || field === 'condition or null') return conditionFaults(value, path)
    if (field === 'ladder') return ladderFaults(value, path)
    if (field === 'overrides') return overrideFaults(value, path)
    return valueFaults(value, field, path)
  })
}

const came = (raw: unknown): string => JSON.stringify(raw)?.slice(0, 60) ?? 'nothing'

function valueFaults(value: unknown, schema: TSchema, path: string): Fault[] {
  if (Check(schema, value)) return []
  return [fault(path, 'not-expected', { expected: expectationOf(schema), came: came(value) })]
}

/** What is wrong with the shape of a condition; none: it is one. */
export function conditionFaults(raw: unknown, path: string, depth = 0): Fault[] {
  if (!isRecord(raw)) return [fault(path, 'no-condition', { came: came(raw) })]
  if (depth > MOST_DEPTH) return [fault(path, 'too-deep', { most: MOST_DEPTH })]
  const kinds = Object.keys(CONDITIONS).filter(key => key in raw)
  const [kind] = kinds
  if (kind === undefined || kinds.length > 1) {
    const listed = Object.keys(CONDITIONS)
    const known = { en: listed.join(', '), zh: listed.join('、') }
    if (kind === undefined) return [fault(path, 'no-kind', { known })]
    return [fault(path, 'several-kinds', { kinds: { en: kinds.join(' and '), zh: kinds.join('、') }, known })]
  }
  const fields = CONDITIONS[kind] as Fields
  const known = new Map(Object.entries(fields).map(([name, field]) => [name.replace('?', ''), field]))
  const faults: Fault[] = []
  for (const name of Object.keys(fields)) {
    if (!name.endsWith('?') && !(name in raw)) faults.push(fault(`${path}.${name}`, 'missing'))
  }
  for (const [name, value] of Object.entries(raw)) {
    const at = `${path}.${name}`
    const field = known.get(name)
    if (field === undefined) {
      faults.push(fault(at, 'not-of-kind', { kind }))
    } else if (field === 'condition') faults.push(...conditionFaults(value, at, depth + 1))
    else if (field === 'conditions') faults.push(...partFaults(value, at, depth))
    else faults.push(...valueFaults(value, field, at))
  }
  return faults
}

function partFaults(raw: unknown, path: string, depth: number): Fault[] {
  if (!Array.isArray(raw) || raw.length === 0 || raw.length > MOST_PARTS) {
    return [fault(path, 'part-list', { most: MOST_PARTS })]
  }
  return raw.flatMap((part, i) => conditionFaults(part, `${path}[${i}]`, depth + 1))
}

function ladderFaults(raw: unknown, path: string): Fault[] {
  if (!Array.isArray(raw) || raw.length > MOST_RUNGS) {
    return [fault(path, 'step-list', { most: MOST_RUNGS })]
  }
  const fields = { severity: Severity, when: 'condition', forMs: span(A_DAY) }
  return raw.flatMap((rung: unknown, i) => listedFaults(rung, fields, `${path}[${i}]`))
}

function overrideFaults(raw: unknown, path: string): Fault[] {
  if (!Array.isArray(raw) || raw.length > MOST_OVERRIDES) {
    return [fault(path, 'exception-list', { most: MOST_OVERRIDES })]
  }
  return raw.flatMap((one: unknown, i) => {
    const at = `${path}[${i}]`
    const set = isRecord(one) ? one.set : undefined
    if (!isRecord(one) || !isRecord(set)) {
      return [fault(at, 'exception-parts')]
    }
    const { set: _, ...rest } = one
    return [...listedFaults(rest, { scope: text(80) }, at), ...fieldFaults(set, SETTINGS, `${at}.set`)]
  })
}

/** Every field must be there. */
function listedFaults(raw: unknown, fields: Record<string, TSchema | string>, path: string): Fault[] {
  if (!isRecord(raw)) return [fault(path, 'fields-expected', { fields: Object.keys(fields).join(', ') })]
  const missing = Object.keys(fields).filter(name => !(name in raw))
  return [...missing.map(name => fault(`${path}.${name}`, 'missing')), ...fieldFaults(raw, fields, path)]
}

/** The same as JSON Schema, for `/schemas/rule.json`. */
export function ruleSchema(): object {
  const ref = { $ref: '#/$defs/condition' }
  const list = { type: 'array', items: ref, minItems: 1, maxItems: MOST_PARTS }
  const plain = (field: TSchema | string): object =>
    field === 'condition'
      ? ref
      : field === 'condition or null'
        ? { anyOf: [ref, { type: 'null' }] }
        : field === 'conditions'
          ? list
          : (field as object)
  const closed = (fields: Fields, needed = true) => ({
    type: 'object',
    additionalProperties: false,
    ...(needed && { required: Object.keys(fields).filter(name => !name.endsWith('?')) }),
    properties: Object.fromEntries(
      Object.entries(fields).map(([name, field]) => [name.replace('?', ''), plain(field)])
    )
  })
  const ladder = {
    type: 'array',
    maxItems: MOST_RUNGS,
    items: closed({ severity: Severity, when: 'condition', forMs: span(A_DAY) })
  }
  const settings = { ...SETTINGS, ladder } as unknown as Fields
  const overrides = {
    type: 'array',
    maxItems: MOST_OVERRIDES,
    items: closed({ scope: text(80), set: closed(settings, false) })
  }
  return {
    ...closed({ ...FIELDS, ladder, overrides }, false),
    $defs: { condition: { anyOf: Object.values(CONDITIONS).map(fields => closed(fields)) } }
  }
}

const Instant = Type.String({ format: 'date-time' })
const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Label = Type.Object({ en: Type.String(), zh: Type.String() })
/** A rule's own parts go out as they are: only what was checked is in force. */
const Any = Type.Unknown()

export const RuleItem = Type.Object({
  id: Type.String(),
  version: Type.Integer(),
  label: Label,
  why: Label,
  subject: Type.String(),
  parents: Any,
  ticket: Any,
  overrides: Any,
  enabled: Type.Boolean(),
  severity: Severity,
  when: Any,
  forMs: Type.Number(),
  clear: Any,
  clearForMs: Type.Number(),
  verify: Any,
  noData: NoData,
  ladder: Any,
  windows: Any,
  graceMs: Type.Number(),
  parentWaitMs: Type.Number(),
  due: Any,
  respondMs: Type.Number(),
  verifyWithinMs: Type.Number(),
  reworkWithinMs: Type.Number(),
  /** It decides as it was shipped. */
  asShipped: Type.Boolean(),
  /** There is a shipped one to go back to. */
  shipped: Type.Boolean()
})
/** As the browser reads it: the rule itself, and where it comes from. */
export type RuleItem = Rule & { asShipped: boolean; shipped: boolean }

export const RuleVersion = Type.Object({
  version: Type.Integer(),
  /** Null: shipped with the program. */
  at: Nullable(Instant),
  who: Nullable(Type.String()),
  reason: Nullable(Type.String()),
  rule: Any
})
export interface RuleVersion {
  version: number
  at: string | null
  who: string | null
  reason: string | null
  rule: Rule
}
export const RuleDetail = Type.Object({
  ...RuleItem.properties,
  history: Type.Array(RuleVersion),
  /** What the places of its exceptions are called, by scope. */
  names: Type.Record(Type.String(), Type.String())
})
export type RuleDetail = RuleItem & { history: RuleVersion[]; names: Record<string, string> }

export const RulePresetItem = Type.Object({
  id: Type.String(),
  label: Label,
  why: Label,
  /** What to send as `rule` of an edit or a back-test. */
  rule: Type.Record(Type.String(), Type.Unknown())
})

const Reason = Type.String({ minLength: 1, maxLength: 500, pattern: VISIBLE })
const Version = Type.Integer({ minimum: 0 })
export const RuleEdit = Type.Object(
  {
    /** Fields that are left out stay as they are; of a new rule those that have a default may be. */
    rule: Type.Record(Type.String(), Type.Unknown(), {
      description: 'Its shape is at /schemas/rule.json; without id and version'
    }),
    /** The version that was edited; 0: there is none yet. */
    basedOn: Version,
    /** The reason, for the history. */
    why: Reason
  },
  { additionalProperties: false }
)
export const RuleReset = Type.Object({ basedOn: Version, why: Reason }, { additionalProperties: false })

/** What counts for one subject, and where each field comes from. */
export const RuleCounting = Type.Object({
  subject: Type.String(),
  name: Type.String(),
  /** The rule is about such subjects. */
  applies: Type.Boolean(),
  standing: Any,
  settings: Any,
  /** By field: the override it comes from; what is not here is the rule's own. */
  sources: Type.Record(Type.String(), Type.String())
})
export type RuleCounting = Static<typeof RuleCounting>

export const MAINTENANCE_STATES = ['present', 'future', 'past', 'cancelled'] as const
export const MaintenanceItem = Type.Object({
  id: Type.String(),
  subject: Type.String(),
  name: Type.String(),
  from: Instant,
  to: Instant,
  note: Type.String(),
  state: oneOf(MAINTENANCE_STATES),
  /** Who entered it. */
  who: Nullable(Type.String()),
  enteredAt: Nullable(Instant)
})
export type MaintenanceItem = Static<typeof MaintenanceItem>
export const MaintenanceQuery = Type.Object({ state: Type.Optional(oneOf(MAINTENANCE_STATES)) })
export const NewMaintenance = Type.Object(
  {
    /** `facility:…`, `road:…`, `area:…` or `device:…`. */
    subject: Type.String({ maxLength: 80 }),
    from: Instant,
    to: Instant,
    note: Reason
  },
  { additionalProperties: false }
)
export const MaintenanceChange = Type.Object(
  { to: Type.Optional(Instant), note: Type.Optional(Reason), cancel: Type.Optional(Type.Literal(true)) },
  { additionalProperties: false, minProperties: 1 }
)

export const BacktestRequest = Type.Object(
  {
    /** As in an edit: what is left out stays as it is. */
    rule: Type.Record(Type.String(), Type.Unknown()),
    from: Instant,
    /** At most 30 days later. */
    to: Instant,
    area: Type.Optional(Type.String({ maxLength: 64 }))
  },
  { additionalProperties: false }
)
const Figures = Type.Object({
  episodes: Type.Integer(),
  tickets: Type.Integer(),
  /** Time in episodes within the range, over all subjects. */
  minutes: Type.Integer(),
  /** Episodes of a subject that began within an hour of its last one's end. */
  flaps: Type.Integer()
})
export const BacktestDifference = Type.Object({
  subject: Type.String(),
  name: Type.String(),
  what: oneOf(['only-draft', 'only-present', 'other-times']),
  /** Of the draft where it has it; `to` null: it went on at the end. */
  from: Instant,
  to: Nullable(Instant),
  presentFrom: Type.Optional(Instant),
  presentTo: Type.Optional(Nullable(Instant))
})
export type BacktestDifference = Static<typeof BacktestDifference>
export const BacktestState = Type.Object({
  id: Type.String(),
  rule: Type.String(),
  basedOn: Type.Integer(),
  who: Type.String(),
  state: oneOf(['waiting', 'running', 'done', 'cancelled', 'failed']),
  progressPct: Type.Integer(),
  from: Instant,
  to: Instant,
  area: Nullable(Type.String()),
  error: Nullable(Type.String()),
  result: Nullable(
    Type.Object({
      draft: Figures,
      /** Null: the rule is new. */
      present: Nullable(Figures),
      differences: Type.Array(BacktestDifference),
      /** Beyond those listed. */
      leftOut: Type.Integer(),
      readings: Type.Integer(),
      /** The part of the range that stored readings of what the rule looks at speak of; null: none, so that a calm result says nothing. */
      covered: Nullable(Type.Object({ from: Instant, to: Instant })),
      /** What stored readings cannot tell. */
      notes: Type.Array(Label)
    })
  )
})
export type BacktestState = Static<typeof BacktestState>
