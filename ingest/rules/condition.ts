import { encodeValue, type MetricId, type RawValue } from '#model/metrics'
import type { Resolved } from '#model/rule-scopes'
import type { Condition, DayWindow, Rule } from '#model/rules'
import type { Millis } from '#model/time'
import type { Calendar } from './calendar.ts'
import type { Verdict } from './episode.ts'
import { LAMP_ASKED, LAMP_METRICS, countsAt, lampState, type Asked, type Work } from './lamp.ts'
import { EVENT_METRICS, loadPct } from './observed.ts'
import type { OdourBook } from './odour-book.ts'
import { freshValue, isFresh, type DevicePicture, type FacilityPicture } from './picture.ts'

/** What conditions know beside readings. */
export interface CityView {
  calendar: Calendar
  odour: OdourBook
  /** Announced work over a lamp. */
  workOver(lamp: FacilityPicture): readonly Work[]
  /** Share of a cabinet's lamps that are gone, in percent; undefined when it has none. */
  lampsGonePct(cabinet: FacilityPicture, at: Millis): number | undefined
  /** Share of them that are seen lit. */
  lampsLitPct(cabinet: FacilityPicture, at: Millis): number
}

/** True, false, or undefined: what it reads is stale or was never reported. `at` is event time of the device. */
type Test = (device: DevicePicture, at: Millis, city: CityView) => boolean | undefined

/** Metrics a condition reads, without doubles. */
export function metricsOf(condition: Condition): MetricId[] {
  if ('any' in condition) return [...new Set(condition.any.flatMap(metricsOf))]
  if ('all' in condition) return [...new Set(condition.all.flatMap(metricsOf))]
  if ('not' in condition) return metricsOf(condition.not)
  if ('noEvent' in condition) return [...EVENT_METRICS[condition.noEvent]]
  if ('serviceDue' in condition) return ['visitsTotal']
  if ('loaded' in condition) return ['containerWeightKg']
  if ('odour' in condition) return [...condition.odour]
  if ('lamp' in condition) return [...LAMP_METRICS]
  if ('atLeastMetric' in condition) return [condition.metric, condition.atLeastMetric]
  if ('belowMetric' in condition) return [condition.metric, condition.belowMetric]
  return 'metric' in condition ? [condition.metric] : []
}

/** How far back a condition looks at each metric, in ms. */
export function windowsOf(condition: Condition): Partial<Record<MetricId, Millis>> {
  if ('any' in condition) return Object.assign({}, ...condition.any.map(windowsOf)) as never
  if ('all' in condition) return Object.assign({}, ...condition.all.map(windowsOf)) as never
  if ('not' in condition) return windowsOf(condition.not)
  return 'risesBy' in condition ? { [condition.metric]: condition.withinMs } : {}
}

const numberOf = (metric: MetricId, raw: RawValue): number => {
  const encoded = encodeValue(metric, raw)
  if ('expected' in encoded)
    throw new Error(`rule compares ${metric} with ${String(raw)}: ${encoded.expected}`)
  return encoded.value
}

/** How a condition is read: as what begins an episode or what ends it, by a rule with these windows. */
interface Reading {
  role: 'when' | 'clear'
  windows: readonly DayWindow[]
}

/** A condition as a function. Conditions of silence and of groups are not of one device's values: never met here. */
function compile(condition: Condition, reading: Reading): Test {
  const { windows } = reading
  if ('any' in condition) return compileParts(condition.any, true, reading)
  if ('all' in condition) return compileParts(condition.all, false, reading)
  if ('not' in condition) {
    const test = compile(condition.not, reading)
    return (device, at, city) => {
      const one = test(device, at, city)
      return one === undefined ? undefined : !one
    }
  }
  if ('noEvent' in condition) return compileNoEvent(condition)
  if ('serviceDue' in condition) return compileServiceDue(condition, windows)
  if ('loaded' in condition) {
    const { loaded, pct } = condition
    return (device, at) => {
      const kg = freshValue(device, 'containerWeightKg', at)
      if (kg === undefined) return undefined
      return loadPct(device.facility, kg) >= pct === (loaded === 'atLeast')
    }
  }
  if ('lampsGone' in condition) {
    const { lampsGone, pct } = condition
    return ({ facility }, at, city) => {
      const gone = facility && city.lampsGonePct(facility, at)
      return gone === undefined ? undefined : gone >= pct === (lampsGone === 'atLeast')
    }
  }
  if ('odour' in condition) return compileOdour(condition)
  if ('lamp' in condition) {
    const { asked, state: wanted } = LAMP_TESTS[condition.lamp]
    return (device, at, city) => {
      const state = lampState(device, at)
      if (state === 'unknown') return undefined
      if (state !== wanted) return false
      const work = device.facility ? city.workOver(device.facility) : []
      return !asked || countsAt(device, at, { asked, work })
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
  if ('unchanged' in condition) {
    const { metric } = condition
    return (device, at) => {
      const level = device.levels.get(metric)
      return level && isFresh(device, level, at) ? (level.rise ?? 0) === 0 : undefined
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
 * says nothing either way: a controller without fault codes can still be judged by its state. Only for all that must be
 * so to begin, what was never reported is not so. A stale part says nothing either where lamps that are lit prove power.
 */
function compileParts(conditions: readonly Condition[], deciding: boolean, reading: Reading): Test {
  const parts = conditions.map(part => ({ test: compile(part, reading), metrics: metricsOf(part) }))
  const allMustBeHeard = !deciding && reading.role === 'when'
  const proof = deciding ? litProof(conditions) : undefined
  return (device, at, city) => {
    let heard = false
    let unknown = false
    for (const { test, metrics } of parts) {
      if (metrics.length > 0 && !metrics.some(metric => device.levels.has(metric))) {
        if (allMustBeHeard) unknown = true
        continue
      }
      heard = true
      const one = test(device, at, city)
      if (one === deciding) return deciding
      if (one === undefined) unknown = true
    }
    if (unknown && proof?.(device, at, city)) return !deciding
    return !heard || unknown ? undefined : !deciding
  }
}

/** Beside a share of lamps that are gone: with so many lit that it cannot be reached, the cabinet has power. */
function litProof(conditions: readonly Condition[]): Test | undefined {
  const share = conditions.find(one => 'lampsGone' in one && one.lampsGone === 'atLeast')
  if (!share || !('pct' in share)) return undefined
  const most = 100 - share.pct
  return ({ facility }, at, city) => facility !== undefined && city.lampsLitPct(facility, at) > most
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

function compileOdour(condition: Extract<Condition, { odour: unknown }>): Test {
  const over = 'aboveShare' in condition
  const share = over ? condition.aboveShare : condition.atMostShare
  return (device, at, { odour }) => {
    let heard = false
    let stale = false
    for (const metric of condition.odour) {
      const level = device.levels.get(metric)
      // By the limits of the day it was measured on.
      const limit = level && odour.decidablePpm(device, metric, level.measuredAt)
      if (limit === undefined) continue
      heard = true
      const value = freshValue(device, metric, at)
      if (value === undefined) stale = true
      // One gas over the limit is enough to begin; all must be under the clear share to end.
      else if (value > limit * share) return over
    }
    return heard && !stale ? !over : undefined
  }
}

/** Of the day and of the night; `off` is off at any time. */
const LAMP_TESTS = {
  dark: { asked: LAMP_ASKED.dark, state: 'dark' },
  lit: { asked: LAMP_ASKED.lit, state: 'lit' },
  burning: { asked: LAMP_ASKED.burning, state: 'lit' },
  off: { asked: null, state: 'dark' }
} as const satisfies Record<string, { asked: Asked | null; state: 'dark' | 'lit' }>

function compileNoEvent({ noEvent, days }: Extract<Condition, { noEvent: unknown }>): Test {
  return (device, at, { calendar }) => {
    // Watched by each of the metrics that show it; the one without a gap for longest tells most.
    let since = Infinity
    for (const metric of EVENT_METRICS[noEvent]) {
      const level = device.levels.get(metric)
      if (level && isFresh(device, level, at)) since = Math.min(since, level.since ?? level.measuredAt)
    }
    if (since === Infinity) return undefined
    const from = calendar.dayStart(at, days)
    if ((device.facility?.events?.[noEvent] ?? 0) >= from) return false
    // Not watched all that time: nobody can tell, and a gap ends nothing.
    return since < from ? true : undefined
  }
}

function compileServiceDue(
  { serviceDue }: Extract<Condition, { serviceDue: unknown }>,
  windows: readonly DayWindow[]
): Test {
  const { visits, openMs } = serviceDue
  return (device, at, { calendar }) => {
    const service = device.facility?.service
    const level = device.levels.get('visitsTotal')
    if (!service || !level) return undefined
    // Just cleaned it is not due, however long ago a visitor was counted.
    if (service.since > level.measuredAt) return false
    if (!isFresh(device, level, at)) return undefined
    if (service.visits >= visits) return true
    return at - service.since >= openMs && calendar.openMsBetween(windows, service.since, at) >= openMs
  }
}

/** A rule as it counts for some subjects: their overrides applied, its conditions as functions. */
export interface CompiledRule {
  rule: Rule
  /** Which of its settings come from an override, and which one. */
  sources: Resolved['sources']
  /** What one device's values say of the rule at `at`. */
  verdict(device: DevicePicture, at: Millis, city: CityView): Verdict
  /** What they say of a claim: `cleared` where the rule's own condition for that, if it has one, is met. */
  claimVerdict(device: DevicePicture, at: Millis, city: CityView): Verdict
  /** Whether each rung's condition holds, mildest rung first; undefined: nobody can tell. */
  rungs: readonly Test[]
  metrics: MetricId[]
  /** What it reads where it is asked whether a claim is true. */
  claimMetrics: MetricId[]
  windows: Partial<Record<MetricId, Millis>>
  /** It reads lamps, and so what is expected of them. */
  readsLamp: boolean
  /** It looks at more than the readings of one device, and so can be judged where there is none. */
  readsFacility: boolean
  /** A service changes what it says. */
  readsService: boolean
}

const mentions = (conditions: readonly Condition[], key: string): boolean =>
  JSON.stringify(conditions).includes(`"${key}"`)

export function compileRule({ rule, sources }: Resolved): CompiledRule {
  const { windows } = rule
  const when = compile(rule.when, { role: 'when', windows })
  const clear = compile(rule.clear, { role: 'clear', windows })
  const conditions = [rule.when, rule.clear, ...rule.ladder.map(rung => rung.when)]
  const metrics = [...new Set(conditions.flatMap(metricsOf))]
  const by =
    (ends: Test): CompiledRule['verdict'] =>
    (device, at, city) => {
      const met = when(device, at, city)
      if (met === true) return 'met'
      const cleared = ends(device, at, city)
      if (cleared === true && met === false) return 'cleared'
      return met === undefined ? 'unknown' : 'between'
    }
  const verdict = by(clear)
  return {
    rule,
    sources,
    verdict,
    claimVerdict: rule.verify === null ? verdict : by(compile(rule.verify, { role: 'clear', windows })),
    rungs: rule.ladder.map(rung => compile(rung.when, { role: 'when', windows })),
    metrics,
    claimMetrics: rule.verify === null ? metrics : [...new Set([...metrics, ...metricsOf(rule.verify)])],
    windows: Object.assign({}, ...conditions.map(windowsOf)) as CompiledRule['windows'],
    readsLamp: mentions(conditions, 'lamp'),
    readsFacility: mentions(conditions, 'lampsGone'),
    readsService: mentions(conditions, 'serviceDue')
  }
}
