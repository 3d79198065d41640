import type pg from 'pg'
import type { Millis } from '#model/time'
import { QUALITIES } from '#model/telemetry'
import type { Bucket, Point, TelemetryQuery } from './store.ts'

export async function points(pool: pg.Pool, query: TelemetryQuery): Promise<Point[]> {
  const parameters: unknown[] = [query.metric, query.limit]
  const readings = readingsOf(query, 'limit $2', parameters)
  if (!readings) return []
  const { rows } = await pool.query<{ at: number; value: number; quality: number }>(
    `select (extract(epoch from measured_at) * 1000)::float8 as at, value, quality
     from (${readings}) as reading order by measured_at desc limit $2`,
    parameters
  )
  return rows.reverse().map(({ at, value, quality }) => ({ at, value, quality: QUALITIES[quality]! }))
}

export async function buckets(pool: pg.Pool, query: TelemetryQuery & { stepMs: Millis }): Promise<Bucket[]> {
  const parameters: unknown[] = [query.metric, query.limit, query.stepMs]
  const readings = readingsOf(query, '', parameters)
  if (!readings) return []
  // avg() fails on squares of huge values and on quotients of tiny ones: divided here, where neither is an error.
  const { rows } = await pool.query<{ at: number; min: number; sum: number; max: number; count: number }>(
    `select (extract(epoch from bucket) * 1000)::float8 as at, min(value), sum(value), max(value), count(*)::int as count
     from (
       select date_bin($3 * interval '1 millisecond', measured_at, 'epoch') as bucket, value from (${readings}) as reading
     ) as binned
     group by bucket order by bucket desc limit $2`,
    parameters
  )
  return rows.reverse().map(({ at, min, sum, max, count }) => ({ at, min, avg: sum / count, max, count }))
}

/**
 * The readings asked for, of duplicates the first: per series one index range from the newest back, cut by `perSeries`.
 * Devices with the same span (nearly always all of them) are one branch with fixed bounds, from which the planner
 * leaves out days and knows how much to expect. Appends to `parameters`; undefined when there is nothing to read.
 */
function readingsOf(query: TelemetryQuery, perSeries: string, parameters: unknown[]): string | undefined {
  const branches = devicesBySpan(query).map(({ from, to, devices }) => {
    const [devicesAt, fromAt, toAt] = [devices, timeOf(from), timeOf(to)].map(
      value => `$${parameters.push(value)}`
    )
    return `
      select reading.* from telemetry_series s cross join lateral (
        select distinct on (measured_at) measured_at, value, quality from telemetry
        where series = s.id and measured_at >= ${fromAt} and measured_at < ${toAt}
        order by measured_at desc, seq ${perSeries}
      ) as reading
      where s.metric = $1 and s.device = any(${devicesAt}::text[])`
  })
  return branches.length === 0 ? undefined : branches.join(' union all ')
}

function devicesBySpan(query: TelemetryQuery): { from: Millis; to: Millis; devices: string[] }[] {
  const groups = new Map<string, { from: Millis; to: Millis; devices: string[] }>()
  for (const span of query.devices) {
    const from = Math.max(query.from, span.from ?? query.from)
    const to = Math.min(query.to, span.to ?? query.to)
    if (from >= to) continue
    const key = `${from} ${to}`
    const group = groups.get(key) ?? { from, to, devices: [] }
    groups.set(key, group)
    group.devices.push(span.device)
  }
  return [...groups.values()]
}

const timeOf = (at: Millis): string => new Date(at).toISOString()
