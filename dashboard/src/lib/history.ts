import type { LiveValue, TelemetryPoint, TelemetryBucket } from '#model/api'
import { encodeValue, metricDefinition, type MetricId } from '#model/metrics'
import { days, hours, minutes, type Millis } from '#model/time'
import type { Static } from 'typebox'
import { queryOf } from './api.ts'

export const RANGES = {
  hour: { lengthMs: hours(1), stepMs: undefined },
  day: { lengthMs: hours(24), stepMs: minutes(5) },
  week: { lengthMs: days(7), stepMs: minutes(30) }
} as const satisfies Record<string, { lengthMs: Millis; stepMs: Millis | undefined }>
export type Range = keyof typeof RANGES
export const RANGE_IDS = Object.keys(RANGES) as Range[]

/** The most readings drawn; the server answers no more. */
export const MOST_POINTS = 20_000

type Answered = Static<typeof TelemetryPoint> | Static<typeof TelemetryBucket>
export interface Answer {
  items: Answered[]
}

/** One thing to draw: a reading, or a bucket with its extremes. `y` as stored: a flag 0 or 1, a state its index. */
export interface Point {
  at: Millis
  y: number
  min: number
  max: number
  count: number
}

/** A mean of flags or states means nothing: those are always read one by one. */
export const stepOf = (metric: MetricId, range: Range): Millis | undefined => {
  const { kind } = metricDefinition(metric)
  return kind === 'level' || kind === 'counter' ? RANGES[range].stepMs : undefined
}

export function historyPath(ask: { facility: string; metric: MetricId; range: Range; now: Millis }): string {
  const { facility, metric, range, now } = ask
  const query = queryOf({
    metric,
    from: new Date(now - RANGES[range].lengthMs).toISOString(),
    to: new Date(now).toISOString(),
    step: stepOf(metric, range),
    limit: MOST_POINTS
  })
  return `/api/facilities/${encodeURIComponent(facility)}/telemetry${query}`
}

export function pointOf(metric: MetricId, item: Answered): Point | undefined {
  const at = Date.parse(item.at)
  if ('avg' in item) return { at, y: item.avg, min: item.min, max: item.max, count: item.count }
  const encoded = encodeValue(metric, item.value)
  if (!('value' in encoded)) return undefined
  return { at, y: encoded.value, min: encoded.value, max: encoded.value, count: 1 }
}

export const livePointOf = ({ metric, value, at }: LiveValue): Point | undefined =>
  pointOf(metric, { at, value })

/** Columns for the chart, with a hole wherever nothing came for `gapMs`: a line there would be a lie. */
export function columnsOf(points: readonly Point[], gapMs: Millis) {
  const x: number[] = []
  const y: (number | null)[] = []
  const min: (number | null)[] = []
  const max: (number | null)[] = []
  let last: Millis | undefined
  for (const point of points) {
    if (last !== undefined && point.at - last > gapMs) {
      x.push((last + 1) / 1000)
      y.push(null)
      min.push(null)
      max.push(null)
    }
    x.push(point.at / 1000)
    y.push(point.y)
    min.push(point.min)
    max.push(point.max)
    last = point.at
  }
  return { x, y, min, max }
}
