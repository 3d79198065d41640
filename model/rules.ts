import type { FacilityKind } from './kinds.ts'
import type { Label } from './label.ts'
import type { MetricId, RawValue } from './metrics.ts'
import type { OdourMetric } from './odour-limits.ts'
import type { Override } from './rule-scopes.ts'
import { hours, minutes, type Millis } from './time.ts'

/** How bad: critical and major make a facility a `fault`, minor a `warning`. Best last, so the index is the rank. */
export const SEVERITIES = {
  critical: { label: { en: 'critical', zh: '紧急' } },
  major: { label: { en: 'major', zh: '重要' } },
  minor: { label: { en: 'minor', zh: '一般' } }
} as const satisfies Record<string, { label: Label }>
export type Severity = keyof typeof SEVERITIES
export const SEVERITY_IDS = Object.keys(SEVERITIES) as Severity[]

/** What readings of a facility show besides their values: a fall of 30 points or more to 30 % or less. */
export type ObservedEvent = 'emptying' | 'haul'

/**
 * What must be true of a subject. Three-valued: true, false, or unknown while what it reads is stale or was never
 * reported. `any` is true as soon as one part is, `all` false as soon as one part is, `not` turns both round.
 */
export type Condition =
  | { metric: MetricId; atLeast: number }
  | { metric: MetricId; atMost: number }
  | { metric: MetricId; above: number }
  | { metric: MetricId; below: number }
  | { metric: MetricId; is: RawValue }
  | { metric: MetricId; isNot: RawValue }
  | { metric: MetricId; atLeastMetric: MetricId }
  | { metric: MetricId; belowMetric: MetricId }
  /** Rose by so much between two reports at most this far apart. */
  | { metric: MetricId; risesBy: number; withinMs: Millis }
  /** A counter that did not count on in the newest report. */
  | { metric: MetricId; unchanged: true }
  /** No such event since the city's midnight so many days before the last one, though it was watched all that time. */
  | { noEvent: ObservedEvent; days: number }
  /** So many visits, or so much time within the rule's windows, since the last service. */
  | { serviceDue: { visits: number; openMs: Millis } }
  /** Above, or at most, a share of the odour limit of the facility's class. */
  | { odour: readonly OdourMetric[]; aboveShare: number }
  | { odour: readonly OdourMetric[]; atMostShare: number }
  /** Of one lamp: `dark` and `lit` while it should be lit, `burning` lit while it should be dark, `off` at any time. */
  | { lamp: 'dark' | 'lit' | 'burning' | 'off' }
  /** Of a compactor: the weight of the container in percent of `containerCapacityKg`, 10 000 kg where it has none. */
  | { loaded: 'atLeast' | 'below'; pct: number }
  /** Of a cabinet: the share of its lamps that are dark though they should be lit, or were not heard for two intervals. */
  | { lampsGone: 'atLeast' | 'below'; pct: number }
  /**
   * Lit ÷ should be lit of a group of lamps, in percent; true only if it is so whatever the stale lamps do. A single
   * road may have a target of its own, and small roads (under 200 lamps) may be judged by their number of dark lamps.
   */
  | { lightingRate: 'below' | 'atLeast'; pct: number; roadPct?: number; smallRoads?: boolean }
  /** No report for this many expected intervals, by arrival. */
  | { silentIntervals: number }
  | { reported: true }
  | { any: readonly Condition[] }
  | { all: readonly Condition[] }
  | { not: Condition }

/**
 * What a rule is about: each facility of a kind, each device, or each lamp group (a road; a district × lighting grade).
 */
export type RuleSubject = FacilityKind | 'device' | 'lamp-group'

/** A part of the day in the city's time, `HH:MM`; `to` not after `from` runs over midnight. Days: 1 = Monday … 7. */
export interface DayWindow {
  from: string
  to: string
  days?: readonly number[]
}

/** A step of the severity ladder: taken once `when` held for `forMs`, left once it did not for as long. */
export interface Rung {
  severity: Severity
  when: Condition
  forMs: Millis
}

/** What can be overridden for a facility, road, class, grade or area; each field as a whole. */
export interface RuleSettings {
  /** Switched off it begins nothing; what is open goes on and can end. */
  enabled: boolean
  severity: Severity
  when: Condition
  /** How long `when` must hold before it fires. */
  forMs: Millis
  /** What ends it; between the two thresholds it goes on, and does not begin. */
  clear: Condition
  clearForMs: Millis
  /** What a report measured after a claim must meet to confirm it; null: what ends the rule. */
  verify: Condition | null
  /** While what it reads is unknown: `hold` waits, `clear` counts as cleared, `fire` counts as met. */
  noData: 'hold' | 'clear' | 'fire'
  /** Worse severities while it fires, mildest first. */
  ladder: readonly Rung[]
  /** Only within these does it begin; none: at any time. */
  windows: readonly DayWindow[]
  /** Nothing begins so long after the first report of what it reads. */
  graceMs: Millis
  /** A subject with a parent waits so long after its own hold, so that the parent may speak first. */
  parentWaitMs: Millis
  /** Time allowed to resolve, from the opening, or by the end of the city's day. */
  due: Millis | 'end-of-day'
  /** Time allowed until somebody accepted it. */
  respondMs: Millis
  /** A claim waits at least so long for a report that confirms it. */
  verifyWithinMs: Millis
  /** A new ticket within so long of a verified one is rework; 0: what was put right may well come again. */
  reworkWithinMs: Millis
}

/** Which rule's episode of what explains this one: the cabinet a lamp hangs on, the gateway a device speaks through. */
export interface ParentLink {
  rule: string
  via: 'cabinet' | 'gateway'
}

export interface Rule extends RuleSettings {
  id: string
  version: number
  label: Label
  /** Why it exists and where its numbers come from, for the manager who reads it. */
  why: Label
  subject: RuleSubject
  parents: readonly ParentLink[]
  ticket: {
    /** What to do, as the crew reads it. */
    title: Label
    /** Its completion is a cleaning of the facility. */
    service?: boolean
  }
  overrides: readonly Override[]
}

/** What most rules do not need. */
export const RULE_DEFAULTS = {
  version: 1,
  enabled: true,
  verify: null,
  noData: 'hold',
  ladder: [],
  windows: [],
  graceMs: 0,
  parentWaitMs: minutes(5),
  parents: [],
  respondMs: minutes(30),
  verifyWithinMs: minutes(30),
  reworkWithinMs: 0,
  overrides: []
} as const satisfies Partial<Rule>
type Defaulted = keyof typeof RULE_DEFAULTS

/** A rule as data. Raise `version` with every change of what it decides: each ticket names the one that opened it. */
export const defineRule = (rule: Omit<Rule, Defaulted> & Partial<Pick<Rule, Defaulted>>): Rule => ({
  ...RULE_DEFAULTS,
  ...rule
})

/** A rule as an older build kept it, in the form of today: what it did not know yet is as it decided then. */
export const completeRule = (rule: Rule): Rule =>
  (rule.verify as Condition | null | undefined) === undefined ? { ...rule, verify: null } : rule

/** A city's day is never shorter: what a page shows for `end-of-day` where it needs a length. */
export const dueMsOf = ({ due }: Pick<RuleSettings, 'due'>): Millis =>
  due === 'end-of-day' ? hours(24) : due
