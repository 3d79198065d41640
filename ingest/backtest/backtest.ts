import type { MetricId } from '#model/metrics'
import { METRIC_IDS } from '#model/metrics'
import type { Condition, Rule } from '#model/rules'
import { days, hours, type Millis } from '#model/time'
import { metricsOf } from '../rules/condition.ts'

/** What a back-test is asked: a draft beside the version in force, over stored readings. */
export interface BacktestRequest {
  draft: Rule
  /** The version in force; undefined: the rule is new. */
  present: Rule | undefined
  /** The other rules in force. */
  others: readonly Rule[]
  from: Millis
  to: Millis
  /** Only what lies in this area. */
  area?: string | undefined
}

/** An episode as a back-test found it; `endedAt` null: still going on at the end. */
export interface FoundEpisode {
  subject: string
  startedAt: Millis
  firedAt: Millis
  endedAt: Millis | null
  ticket: string | null
}

/** Rules go wrong without the ones they listen to: those that explain them, and what takes lamps out of a rate. */
export function rulesFor(rule: Rule, others: readonly Rule[]): Rule[] {
  const needed = new Map([[rule.id, rule]])
  // A map can grow while it is walked: each rule found looks for its own.
  for (const one of needed.values()) {
    for (const parent of one.parents) {
      const found = others.find(({ id }) => id === parent.rule)
      if (found && !needed.has(found.id)) needed.set(found.id, found)
    }
    if (one.subject !== 'lamp-group') continue
    // Lamps under a dead cabinet are not counted: the cabinet's rule, and a child that makes it a parent.
    for (const other of others) {
      const viaCabinet = other.subject === 'light' && other.parents.some(({ via }) => via === 'cabinet')
      if (viaCabinet) needed.set(other.id, other)
    }
  }
  return [...needed.values()]
}

const conditionsOf = (rule: Rule): Condition[] =>
  [rule, ...rule.overrides.map(({ set }) => set)].flatMap(({ when, clear, ladder }) => [
    ...(when ? [when] : []),
    ...(clear ? [clear] : []),
    ...(ladder ?? []).map(rung => rung.when)
  ])

const mentions = (rules: readonly Rule[], key: string): boolean =>
  JSON.stringify(rules.flatMap(conditionsOf)).includes(`"${key}"`)

const LAMP_METRICS: readonly MetricId[] = ['powerState', 'activePowerW', 'lampFailure']

/** The metrics they read; all of them where it matters that a device was heard at all. */
export function metricsRead(rules: readonly Rule[]): MetricId[] {
  if (mentions(rules, 'silentIntervals') || mentions(rules, 'lampsGone')) return METRIC_IDS
  const lamps = mentions(rules, 'lightingRate') ? LAMP_METRICS : []
  return [...new Set([...rules.flatMap(conditionsOf).flatMap(metricsOf), ...lamps])]
}

/** What is read before `from`, so that the rules know how things stood: two midnights where days are counted. */
export const warmUpMs = (rules: readonly Rule[]): Millis => (mentions(rules, 'noEvent') ? days(3) : hours(24))
