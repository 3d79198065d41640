import type { MetricId } from '#model/metrics'
import { metricDefinition } from '#model/metrics'
import type { ObservedEvent } from '#model/rules'
import type { Millis } from '#model/time'
import { isOfHere, type DevicePicture, type FacilityPicture, type Level } from './picture.ts'

/** What shows an emptying, and what a haul. */
export const EVENT_METRICS = {
  emptying: ['fillPct'],
  haul: ['containerFillPct', 'containerWeightKg']
} as const satisfies Record<ObservedEvent, readonly MetricId[]>

const EVENT_OF = new Map<MetricId, ObservedEvent>(
  Object.entries(EVENT_METRICS).flatMap(([event, metrics]) =>
    metrics.map(metric => [metric, event as ObservedEvent] as const)
  )
)
const FALL_POINTS = 30
const EMPTY_PCT = 30
/** A roll-off container of a transfer station; its own `containerCapacityKg` counts where it has one. */
const CONTAINER_KG = 10_000

/** Whether the history of a metric says more than its newest value. */
export const isObserved = (metric: MetricId): boolean =>
  EVENT_OF.has(metric) || metricDefinition(metric).kind === 'counter'

/** A new level with what it shows beside its value: an emptying or haul, visits since the last service. */
export function observe(
  device: DevicePicture,
  metric: MetricId,
  reading: Reading,
  old: Level | undefined
): Level {
  const before = isOfHere(device, old) ? old : undefined
  const event = EVENT_OF.get(metric)
  if (event) return watchFall(device, event, { metric, reading, before })
  const { value, measuredAt, receivedAt } = reading
  const rise = before ? (value >= before.value ? value - before.value : value) : 0
  const level: Level = { value, measuredAt, receivedAt, rise }
  if (metric === 'visitsTotal' && device.facility) countVisits(device.facility, level)
  return level
}

type Reading = Pick<Level, 'value' | 'measuredAt' | 'receivedAt'>

function watchFall(
  device: DevicePicture,
  event: ObservedEvent,
  { metric, reading, before }: { metric: MetricId; reading: Reading; before: Level | undefined }
): Level {
  const { facility } = device
  const { value, measuredAt, receivedAt } = reading
  const pct = metric === 'containerWeightKg' ? loadPct(facility, value) : value
  const gap = before === undefined || measuredAt - before.measuredAt > device.staleAfterMs
  const since = gap ? measuredAt : (before.since ?? before.measuredAt)
  const peak = Math.max(before?.peak ?? pct, pct)
  if (pct > EMPTY_PCT || peak - pct < FALL_POINTS) return { value, measuredAt, receivedAt, peak, since }
  if (facility) {
    facility.events ??= {}
    facility.events[event] = Math.max(facility.events[event] ?? 0, measuredAt)
  }
  return { value, measuredAt, receivedAt, peak: pct, since }
}

function countVisits(facility: FacilityPicture, level: Level): void {
  facility.service ??= { since: level.measuredAt, visits: 0 }
  if (level.measuredAt > facility.service.since) facility.service.visits += level.rise ?? 0
}

/** The facility was cleaned: visits and hours count anew. */
export function serviced(facility: FacilityPicture, at: Millis): void {
  facility.service = { since: at, visits: 0 }
}

/** The weight of a container in percent of what it holds; over 100 where it is overloaded. */
export function loadPct(facility: FacilityPicture | undefined, weightKg: number): number {
  const named = facility?.facility.attributes['containerCapacityKg']
  return (100 * weightKg) / (typeof named === 'number' && named > 0 ? named : CONTAINER_KG)
}
