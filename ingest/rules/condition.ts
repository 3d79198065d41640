import { encodeValue, type MetricId, type RawValue } from '#model/metrics'
import { odourLimitPpm } from '#model/odour-limits'
import { deviceModel } from '#model/device-models'
import type { Condition, Rule } from '#model/rules'
import type { Millis } from '#model/time'
import type { Verdict } from './episode.ts'
import { countsAt, lampState } from './lamp.ts'
import { freshValue, isFresh, type DevicePicture } from './picture.ts'
import type { Sun } from './sun.ts'

/** True, false, or undefined: what it reads is stale or was never reported. `at` is event time of the device. */
type Test = (device: DevicePicture, at: Millis, sun: Sun) => boolean | undefined

/** Metrics a condition reads, without doubles. */
export function metricsOf(condition: Condition): MetricId[] {
  if ('any' in condition) return [...new Set(condition.any.flatMap(metricsOf))]
  if ('all' in condition) return [...new Set(condition.all.flatMap(metricsOf))]
  if ('odour' in condition) return [...condition.odour]
  if ('lamp' in condition) return ['powerState', 'activePowerW', 'lampFailure']
  if ('atLeastMetric' in condition) return [condition.metric, condition.atLeastMetric]
  if ('belowMetric' in condition) return [condition.metric, condition.belowMetric]
  return 'metric' in condition ? [condition.metric] : []
}

/** How far back a condition looks at each metric, in ms. */
export function windowsOf(condition: Condition): Partial<Record<MetricId, Millis>> {
  if ('any' in condition) return Object.assign({}, ...condition.any.map(windowsOf)) as never
  if ('all' in condition) return Object.assign({}, ...condition.all.map(windowsOf)) as never
  return 'risesBy' in condition ? { [condition.metric]: condition.withinMs } : {}
}

const numberOf = (metric: MetricId, raw: RawValue): number => {
  const encoded = encodeValue(metric, raw)
  if ('expected' in encoded)
    throw new Error(`rule compares ${metric} with ${String(raw)}: ${encoded.expected}`)
  return encoded.value
}

/** A condition as a function. Conditions of silence and of groups are not of one device's values: never met here. */
function compile(condition: Condition): Test {
  if ('any' in condition) return compileParts(condition.any, true)
  if ('all' in condition) return compileParts(condition.all, false)
  if ('odour' in condition) return compileOdour(condition)
  if ('lamp' in condition) {
    const wanted = condition.lamp
    return (device, at, sun) => {
      const state = lampState(device, at)
      if (!countsAt(device, sun, at)) return state === 'unknown' ? undefined : false
      return state === 'unknown' ? undefined : state === wanted
    }
  }
  if ('risesBy' in condition) {
    const { metric, risesBy, withinMs } = condition
    return (device, at) => {
      const level = device.levels.get(metric)
      if (!level || !isFresh(device, level, at)) return undefined
      return (level.recent ?? []).some(
        past =>
          past.at > device.fittedAt &&
          past.at >= level.measuredAt - withinMs &&
          level.value - past.value >= risesBy
      )
    }
  }
  if ('atLeastMetric' in condition) {
    const { metric, atLeastMetric } = condition
    return (device, at) =>
      compare(freshValue(device, metric, at), freshValue(device, atLeastMetric, at), atLeast)
  }
  if ('belowMetric' in condition) {
    const { metric, belowMetric } = condition
    return (device, at) => compare(freshValue(device, metric, at), freshValue(device, belowMetric, at), below)
  }
  if ('metric' in condition) {
    const { metric } = condition
    const [holds, limit] = comparison(condition)
    return (device, at) => compare(freshValue(device, metric, at), limit, holds)
  }
  return () => false
}

/**
 * `any` is decided by the first true part, `all` by the first false one. A part on metrics the device never reported
 * says nothing either way: a controller without fault codes can still be judged by its state.
 */
function compileParts(conditions: readonly Condition[], deciding: boolean): Test {
  const parts = conditions.map(part => ({ test: compile(part), metrics: metricsOf(part) }))
  return (device, at, sun) => {
    let heard = false
    let unknown = false
    for (const { test, metrics } of parts) {
      if (!metrics.some(metric => device.levels.has(metric))) continue
      heard = true
      const one = test(device, at, sun)
      if (one === deciding) return deciding
      if (one === undefined) unknown = true
    }
    return !heard || unknown ? undefined : !deciding
  }
}

type Compare = (value: number, limit: number) => boolean
const atLeast: Compare = (value, limit) => value >= limit
const below: Compare = (value, limit) => value < limit

const compare = (value: number | undefined, limit: number | undefined, holds: Compare) =>
  value === undefined || limit === undefined ? undefined : holds(value, limit)

type Plain = Extract<
  Condition,
  | { atLeast: number }
  | { atMost: number }
  | { above: number }
  | { below: number }
  | { is: RawValue }
  | { isNot: RawValue }
>

function comparison(condition: Plain): [Compare, number] {
  if ('atLeast' in condition) return [atLeast, condition.atLeast]
  if ('atMost' in condition) return [(value, limit) => value <= limit, condition.atMost]
  if ('above' in condition) return [(value, limit) => value > limit, condition.above]
  if ('below' in condition) return [below, condition.below]
  if ('is' in condition) return [(value, limit) => value === limit, numberOf(condition.metric, condition.is)]
  return [(value, limit) => value !== limit, numberOf(condition.metric, condition.isNot)]
}

/** A limit under the sensor's resolution decides nothing: neither over it nor under it. */
export function decidableLimit(device: DevicePicture, metric: MetricId): number | undefined {
  const facility = device.facility?.facility
  if (!facility) return undefined
  const limit = odourLimitPpm(facility.kind, metric, facility.attributes.toiletClass)
  const resolution = deviceModel(device.device).resolution[metric] ?? 0
  return limit !== undefined && limit >= resolution ? limit : undefined
}

function compileOdour(condition: Extract<Condition, { odour: unknown }>): Test {
  const over = 'aboveShare' in condition
  const share = over ? condition.aboveShare : condition.atMostShare
  return (device, at) => {
    let known = false
    for (const metric of condition.odour) {
      const limit = decidableLimit(device, metric)
      const value = limit === undefined ? undefined : freshValue(device, metric, at)
      if (value === undefined || limit === undefined) continue
      known = true
      // One gas over the limit is enough to begin; all must be under the clear share to end.
      if (over && value > limit * share) return true
      if (!over && value > limit * share) return false
    }
    return known ? !over : undefined
  }
}

export interface CompiledRule {
  rule: Rule
  /** What one device's values say of the rule at `at`. */
  verdict(device: DevicePicture, at: Millis, sun: Sun): Verdict
  metrics: MetricId[]
  windows: Partial<Record<MetricId, Millis>>
  readsSun: boolean
}

const readsSun = (condition: Condition): boolean => JSON.stringify(condition).includes('"lamp"')

export function compileRule(rule: Rule): CompiledRule {
  const when = compile(rule.when)
  const clear = compile(rule.clear)
  return {
    rule,
    verdict(device, at, sun) {
      const met = when(device, at, sun)
      if (met === true) return 'met'
      const cleared = clear(device, at, sun)
      if (cleared === true && met === false) return 'cleared'
      return met === undefined ? 'unknown' : 'between'
    },
    metrics: [...new Set([...metricsOf(rule.when), ...metricsOf(rule.clear)])],
    windows: windowsOf(rule.when),
    readsSun: readsSun(rule.when)
  }
}
