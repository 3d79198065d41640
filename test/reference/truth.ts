import { deviceModel, staleAfterMs } from '#model/device-models'
import { encodeValue, type MetricId, type RawValue } from '#model/metrics'
import type { Device, Facility } from '#model/registry'
import type { Condition } from '#model/rules'
import { hours } from '#model/time'
import { SLOT_MS, type Slot, type Truth } from './episodes.ts'

/** What a condition says of one device at one slot, looked up in all that it ever reported. */

export interface Reading {
  device: string
  metric: MetricId
  value: number
  at: Slot
}

export interface Looked {
  device: Device
  facility: Facility | null
  /** What is known so far and was not late, of every device; the newest last. */
  readings: readonly Reading[]
  /** When somebody cleaned. */
  services: readonly Slot[]
  /** Epoch ms of slot 0. */
  start: number
  /** The rule's hours, as slots of the day: [from, to). */
  openHours: readonly (readonly [Slot, Slot])[]
}

/** Shanghai is eight hours ahead and has no summer time. */
const dayOf = (start: number, slot: Slot): number =>
  Math.floor((start + hours(8) + slot * SLOT_MS) / hours(24))
const midnight = (start: number, day: number): Slot => (day * hours(24) - hours(8) - start) / SLOT_MS
const slotOfDay = (start: number, slot: Slot): Slot => slot - midnight(start, dayOf(start, slot))

const any = (parts: Truth[]): Truth => {
  const said = parts.filter(part => part !== 'nothing')
  if (said.length === 0) return 'nothing'
  return said.includes(true) ? true : said.includes('unknown') ? 'unknown' : false
}
/** To begin, every part must have been said; to clear, what was never reported is left out. */
const all = (parts: Truth[], every: boolean): Truth => {
  const said = parts.map(part => (every && part === 'nothing' ? 'unknown' : part))
  return parts.every(part => part === 'nothing') ? 'nothing' : not(any(said.map(not)))
}
const not = (truth: Truth): Truth => (typeof truth === 'boolean' ? !truth : truth)

const of = (looked: Looked, metric: MetricId, until: Slot): Reading[] =>
  looked.readings.filter(
    reading => reading.device === looked.device.id && reading.metric === metric && reading.at <= until
  )
const staleSlots = ({ device }: Looked): Slot => staleAfterMs(device) / SLOT_MS

/** The newest readings of some metrics, or why there are none. */
function levels(looked: Looked, metrics: MetricId[], slot: Slot): number[] | 'unknown' | 'nothing' {
  const newest = metrics.map(metric => of(looked, metric, slot).at(-1))
  if (newest.includes(undefined)) return 'nothing'
  const found = newest as Reading[]
  return found.some(({ at }) => slot >= at + staleSlots(looked)) ? 'unknown' : found.map(({ value }) => value)
}
function level(looked: Looked, metrics: MetricId[], slot: Slot, says: (values: number[]) => boolean): Truth {
  const found = levels(looked, metrics, slot)
  return typeof found === 'string' ? found : says(found)
}
const encoded = (metric: MetricId, raw: RawValue): number => {
  const found = encodeValue(metric, raw)
  if ('expected' in found) throw new Error(`${metric} ${String(raw)}: ${found.expected}`)
  return found.value
}

/** Every metric that a condition reads. */
export function metricsOf(condition: Condition): MetricId[] {
  if ('any' in condition) return condition.any.flatMap(metricsOf)
  if ('all' in condition) return condition.all.flatMap(metricsOf)
  if ('not' in condition) return metricsOf(condition.not)
  if ('noEvent' in condition)
    return condition.noEvent === 'emptying' ? ['fillPct'] : ['containerFillPct', 'containerWeightKg']
  if ('serviceDue' in condition) return ['visitsTotal']
  if ('loaded' in condition) return ['containerWeightKg']
  if ('odour' in condition) return [...condition.odour]
  if ('atLeastMetric' in condition) return [condition.metric, condition.atLeastMetric]
  if ('belowMetric' in condition) return [condition.metric, condition.belowMetric]
  return 'metric' in condition ? [condition.metric] : []
}

export function truthOf(condition: Condition, looked: Looked, slot: Slot, begins: boolean): Truth {
  const part = (inner: Condition) => truthOf(inner, looked, slot, begins)
  if ('any' in condition) return any(condition.any.map(part))
  if ('all' in condition) return all(condition.all.map(part), begins)
  if ('not' in condition) return not(part(condition.not))
  if ('noEvent' in condition) return noEvent(condition, looked, slot)
  if ('serviceDue' in condition) return serviceDue(condition.serviceDue, looked, slot)
  if ('loaded' in condition) {
    const most = (condition.pct * capacityKg(looked)) / 100
    return level(looked, ['containerWeightKg'], slot, ([kg = 0]) =>
      condition.loaded === 'below' ? kg < most : kg >= most
    )
  }
  if ('odour' in condition) return odour(condition, looked, slot)
  if ('metric' in condition) return ofMetric(condition, looked, slot)
  throw new Error(`not of a single device: ${JSON.stringify(condition)}`)
}

function ofMetric(condition: Extract<Condition, { metric: MetricId }>, looked: Looked, slot: Slot): Truth {
  const { metric } = condition
  const one = (says: (value: number) => boolean) =>
    level(looked, [metric], slot, ([value]) => says(value as number))
  if ('atLeast' in condition) return one(value => value >= condition.atLeast)
  if ('atMost' in condition) return one(value => value <= condition.atMost)
  if ('above' in condition) return one(value => value > condition.above)
  if ('below' in condition) return one(value => value < condition.below)
  if ('is' in condition) return one(value => value === encoded(metric, condition.is))
  if ('isNot' in condition) return one(value => value !== encoded(metric, condition.isNot))
  if ('atLeastMetric' in condition)
    return level(looked, [metric, condition.atLeastMetric], slot, ([a = 0, b = 0]) => a >= b)
  if ('belowMetric' in condition)
    return level(looked, [metric, condition.belowMetric], slot, ([a = 0, b = 0]) => a < b)
  const past = of(looked, metric, slot)
  if ('risesBy' in condition) {
    const newest = past.at(-1)
    return one(value =>
      past.some(
        ({ at, value: before }) =>
          newest && newest.at - at <= condition.withinMs / SLOT_MS && value - before >= condition.risesBy
      )
    )
  }
  return one(value => {
    const before = past.at(-2)
    return before === undefined || increase(before.value, value) === 0
  })
}

/** A counter that is smaller than before was reset: what it shows came since. */
const increase = (before: number, now: number): number => (now >= before ? now - before : now)

/** mg/m³ by class 1, 2, 3, and the mass of a mole: the numbers of the specification, written down again. */
const ODOUR = {
  toilet: { nh3Ppm: [0.3, 1, 3], h2sPpm: [0.01, 0.01, 0.01] },
  compactor: { nh3Ppm: [1, 1.5, 4], h2sPpm: [0.03, 0.06, 0.32] }
} as const
const MOLE_G = { nh3Ppm: 17.03, h2sPpm: 34.08 } as const
function limitPpm({ kind, attributes }: Facility, metric: MetricId): number | undefined {
  if ((kind !== 'toilet' && kind !== 'compactor') || (metric !== 'nh3Ppm' && metric !== 'h2sPpm'))
    return undefined
  return ((ODOUR[kind][metric][(attributes.toiletClass ?? 2) - 1] as number) * 24.45) / MOLE_G[metric]
}

function odour(condition: Extract<Condition, { odour: unknown }>, looked: Looked, slot: Slot): Truth {
  const { facility, device } = looked
  if (!facility) return 'nothing'
  const parts = condition.odour.map((metric): Truth => {
    const limit = limitPpm(facility, metric)
    const step = deviceModel(device).resolution[metric] ?? 0
    if (limit === undefined || limit < step) return 'nothing'
    return level(looked, [metric], slot, ([value = 0]) =>
      'aboveShare' in condition
        ? value > limit * condition.aboveShare
        : value <= limit * condition.atMostShare
    )
  })
  return 'aboveShare' in condition ? any(parts) : all(parts, false)
}

/** The level falls by 30 points or more from its peak since the last such fall, to 30 or less. */
function falls(past: Reading[], whole: number): Slot[] {
  let peak = -Infinity
  const found: Slot[] = []
  for (const { at, value } of past) {
    const pct = (100 * value) / whole
    peak = Math.max(peak, pct)
    if (pct <= 30 && peak - pct >= 30) {
      found.push(at)
      peak = pct
    }
  }
  return found
}

function capacityKg({ facility }: Looked): number {
  const capacity = facility?.attributes.containerCapacityKg
  return typeof capacity === 'number' ? capacity : 10_000
}

/** Judged at each report: whether all of yesterday and today were watched and no such fall was seen. */
function noEvent(condition: Extract<Condition, { noEvent: unknown }>, looked: Looked, slot: Slot): Truth {
  const kg = capacityKg(looked)
  const signals: [MetricId, number][] =
    condition.noEvent === 'emptying'
      ? [['fillPct', 100]]
      : [
          ['containerFillPct', 100],
          ['containerWeightKg', kg]
        ]
  const pasts = signals.map(([metric, whole]) => ({ past: of(looked, metric, slot), whole }))
  const fresh = pasts
    .map(({ past }) => past.map(({ at }) => at))
    .filter(reports => slot < (reports.at(-1) ?? -Infinity) + staleSlots(looked))
  if (pasts.every(({ past }) => past.length === 0)) return 'nothing'
  if (fresh.length === 0) return 'unknown'
  const judgedAt = Math.max(...fresh.flat())
  /** The one that was watched for longest without a gap tells most. */
  const watchedFrom = Math.min(
    ...fresh.map(
      reports =>
        reports
          .filter((at, i) => i === 0 || at - (reports[i - 1] as Slot) > staleSlots(looked))
          .at(-1) as Slot
    )
  )
  const since = midnight(looked.start, dayOf(looked.start, judgedAt) - condition.days)
  const seen = pasts.flatMap(({ past, whole }) => falls(past, whole)).some(at => at >= since)
  if (seen) return false
  return watchedFrom < since ? true : 'unknown'
}

/** Judged at each report: visits since the last service, and hours of the rule since then. */
function serviceDue(due: { visits: number; openMs: number }, looked: Looked, slot: Slot): Truth {
  const past = of(looked, 'visitsTotal', slot)
  const [first] = past
  const judgedAt = past.at(-1)?.at
  if (!first || judgedAt === undefined) return 'nothing'
  const service = looked.services.filter(at => at <= slot).at(-1)
  if (service !== undefined && service > judgedAt) return false
  if (slot >= judgedAt + staleSlots(looked)) return 'unknown'
  const from = service ?? first.at
  let visits = 0
  past.forEach(({ at, value }, i) => {
    const before = past[i - 1]
    if (before && at > from) visits += increase(before.value, value)
  })
  let open = 0
  for (let day = dayOf(looked.start, from); day <= dayOf(looked.start, judgedAt); day++) {
    const begin = midnight(looked.start, day)
    for (const [opens, closes] of looked.openHours)
      open += Math.max(0, Math.min(judgedAt, begin + closes) - Math.max(from, begin + opens))
  }
  return visits >= due.visits || open * SLOT_MS >= due.openMs
}

export const isOpen = ({ openHours, start }: Pick<Looked, 'openHours' | 'start'>, slot: Slot): boolean =>
  openHours.length === 0 ||
  openHours.some(([from, to]) => slotOfDay(start, slot) >= from && slotOfDay(start, slot) < to)

export const anyOf = any
export const allOf = all
