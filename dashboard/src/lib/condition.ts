import type { MetricId, RawValue } from '#model/metrics'
import { METRICS } from '#model/metrics'
import type { Condition } from '#model/rules'
import type { Words } from './i18n/words.svelte.ts'
import { duration } from './time.ts'
import { valueText } from './value.ts'

/** A rule's condition as a person reads it; the server sends it as the rule has it. */
export function conditionText(condition: Condition, words: Words): string {
  const t = words.t.condition
  const name = (metric: MetricId) => words.of(METRICS[metric].label)
  const value = (metric: MetricId, raw: RawValue) => valueText(metric, raw, words)
  const percent = (n: number) => `${words.number(n, 1)}\u00a0%`
  const names = (metrics: readonly MetricId[]) => metrics.map(name).join(words.t.listJoin)

  const part = (one: Condition) => {
    const text = conditionText(one, words)
    return 'any' in one || 'all' in one ? t.grouped(text) : text
  }
  if ('any' in condition) return condition.any.map(part).join(t.or)
  if ('all' in condition) return condition.all.map(part).join(t.and)
  if ('not' in condition) {
    if ('noEvent' in condition.not) return t.event[condition.not.noEvent]
    if ('serviceDue' in condition.not) return t.serviced
    return t.not(conditionText(condition.not, words))
  }
  if ('noEvent' in condition) return t.noEvent(t.event[condition.noEvent], condition.days)
  if ('serviceDue' in condition) {
    const { visits, openMs } = condition.serviceDue
    return t.serviceDue(words.number(visits), duration(openMs, words.t.time))
  }
  if ('loaded' in condition) {
    return (condition.loaded === 'below' ? t.loadBelow : t.loadAtLeast)(percent(condition.pct))
  }
  if ('lampsGone' in condition) {
    return (condition.lampsGone === 'below' ? t.goneBelow : t.goneAtLeast)(percent(condition.pct))
  }
  if ('aboveShare' in condition)
    return t.odourAbove(names(condition.odour), percent(condition.aboveShare * 100))
  if ('atMostShare' in condition)
    return t.odourAtMost(names(condition.odour), percent(condition.atMostShare * 100))
  if ('lamp' in condition) return t[condition.lamp]
  if ('lightingRate' in condition) {
    const { pct, roadPct, smallRoads } = condition
    const rate = (condition.lightingRate === 'below' ? t.rateBelow : t.rateAtLeast)(percent(pct))
    return (
      rate + (roadPct === undefined ? '' : t.roadPct(percent(roadPct))) + (smallRoads ? t.smallRoads : '')
    )
  }
  if ('silentIntervals' in condition) return t.silent(words.number(condition.silentIntervals))
  if ('reported' in condition) return t.reported

  const { metric } = condition
  if ('atLeast' in condition) return t.atLeast(name(metric), value(metric, condition.atLeast))
  if ('atMost' in condition) return t.atMost(name(metric), value(metric, condition.atMost))
  if ('above' in condition) return t.above(name(metric), value(metric, condition.above))
  if ('below' in condition) return t.below(name(metric), value(metric, condition.below))
  if ('is' in condition) return t.is(name(metric), value(metric, condition.is))
  if ('isNot' in condition) return t.isNot(name(metric), value(metric, condition.isNot))
  if ('atLeastMetric' in condition) return t.atLeastMetric(name(metric), name(condition.atLeastMetric))
  if ('unchanged' in condition) return t.unchanged(name(metric))
  if ('belowMetric' in condition) return t.belowMetric(name(metric), name(condition.belowMetric))
  return t.rises(name(metric), value(metric, condition.risesBy), duration(condition.withinMs, words.t.time))
}

/** The same with how long it must hold. */
export function holdText(condition: Condition, holdMs: number, words: Words): string {
  const hold =
    holdMs > 0 ? words.t.condition.forAtLeast(duration(holdMs, words.t.time)) : words.t.condition.atOnce
  return conditionText(condition, words) + hold
}

/** Where a condition on this metric begins to hold, if it is a threshold from below. */
export function thresholdsOf(condition: Condition, metric: MetricId): number[] {
  if ('any' in condition) return condition.any.flatMap(part => thresholdsOf(part, metric))
  if ('all' in condition) return condition.all.flatMap(part => thresholdsOf(part, metric))
  return 'atLeast' in condition && condition.metric === metric ? [condition.atLeast] : []
}
