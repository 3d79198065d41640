import type { CleaningGrade, FacilityKind } from './kinds.ts'
import type { Label } from './label.ts'
import type { MetricId, RawValue } from './metrics.ts'
import type { OdourMetric } from './odour-limits.ts'
import type { Millis } from './time.ts'

/** How bad: critical and major make a facility a `fault`, minor a `warning`. Best last, so the index is the rank. */
export const SEVERITIES = {
  critical: { label: { en: 'critical', zh: '紧急' } },
  major: { label: { en: 'major', zh: '重要' } },
  minor: { label: { en: 'minor', zh: '一般' } }
} as const satisfies Record<string, { label: Label }>
export type Severity = keyof typeof SEVERITIES
export const SEVERITY_IDS = Object.keys(SEVERITIES) as Severity[]

/**
 * What must be true of a subject. Three-valued: true, false, or unknown while what it reads is stale or was never
 * reported. `any` is true as soon as one part is, `all` false as soon as one part is.
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
  /** Above, or at most, a share of the odour limit of the facility's class. */
  | { odour: readonly OdourMetric[]; aboveShare: number }
  | { odour: readonly OdourMetric[]; atMostShare: number }
  /** Of one lamp that should be lit now; otherwise neither. */
  | { lamp: 'dark' | 'lit' }
  /** Lit ÷ should be lit of a group of lamps, in percent; true only if it is so whatever the stale lamps do. */
  | { lightingRate: 'below' | 'atLeast'; pct: number }
  /** No report for this many expected intervals, by arrival. */
  | { silentIntervals: number }
  | { reported: true }
  | { any: readonly Condition[] }
  | { all: readonly Condition[] }

/**
 * What a rule is about: each facility of a kind, each device, or each lamp group (a road; a district × lighting grade).
 */
export type RuleSubject = FacilityKind | 'device' | 'lamp-group'

export interface Rule {
  id: string
  version: number
  label: Label
  /** Why it exists and where its numbers come from, for the manager who reads it. */
  why: Label
  subject: RuleSubject
  severity: Severity
  when: Condition
  /** How long `when` must hold before it fires. */
  forMs: Millis
  /** What ends it; between the two thresholds it goes on, and does not begin. */
  clear: Condition
  clearForMs: Millis
  /** While what it reads is unknown: `hold` waits, `clear` counts as cleared, `fire` counts as met. */
  noData: 'hold' | 'clear' | 'fire'
  ticket: {
    /** What to do, as the crew reads it. */
    title: Label
    /** Time allowed to resolve, from the opening; by the cleaning grade of the facility where it differs. */
    dueMs: Millis
    dueMsByCleaningGrade?: Partial<Record<CleaningGrade, Millis>>
  }
}

/** A rule as data. Raise `version` with every change of what it decides: each ticket names the one that opened it. */
export const defineRule = (rule: Omit<Rule, 'version'> & { version?: number }): Rule => ({
  version: 1,
  ...rule
})

export const dueMsOf = (rule: Rule, cleaningGrade: CleaningGrade | undefined): Millis =>
  (cleaningGrade && rule.ticket.dueMsByCleaningGrade?.[cleaningGrade]) ?? rule.ticket.dueMs
