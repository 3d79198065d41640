import type pg from 'pg'
import { QUALITIES } from '#model/telemetry'
import type { Ask } from './influx/readings.ts'
import { identifier } from './influx/readings.ts'
import type { RowQuery, RowRange, TelemetryRow } from './store.ts'

/** From the index of each series; nothing is sorted. */
export async function postgresRows(pool: pg.Pool, query: RowQuery): Promise<RowRange> {
  const { metrics, devices, from, to, receivedFrom, limit } = query
  const { rows } = await pool.query<Omit<TelemetryRow, 'quality'> & { quality: number }>(
    `select s.device, s.metric, (extract(epoch from t.measured_at) * 1000)::float8 as "measuredAt",
       (extract(epoch from t.received_at) * 1000)::float8 as "receivedAt", t.seq::float8 as seq, t.value, t.quality
     from telemetry t join telemetry_series s on s.id = t.series
     where t.series = any(array(
         select id from telemetry_series where metric = any($1) and ($2::text[] is null or device = any($2))))
       and t.measured_at >= $3 and t.measured_at < $4 and t.received_at >= $5 limit $6`,
    [metrics, devices ?? null, iso(from), iso(to), iso(receivedFrom), limit + 1]
  )
  return {
    whole: rows.length <= limit,
    rows: rows.map(row => ({ ...row, quality: QUALITIES[row.quality] as TelemetryRow['quality'] }))
  }
}

const iso = (at: number): string => new Date(at).toISOString()

/** Beyond so many, naming them costs more than reading the others too. */
const NAMED = 100

export async function influxRows(ask: Ask, query: RowQuery): Promise<RowRange> {
  const { metrics, devices, from, to, receivedFrom, limit } = query
  const named = devices && devices.length <= NAMED ? devices : undefined
  const wanted = devices && new Set(devices)
  const where = [
    `time >= ${from}ms`,
    `time < ${to}ms`,
    `received >= ${receivedFrom}`,
    ...(named
      ? [`(${named.map(device => `device = '${device.replace(/['\\]/g, '\\$&')}'`).join(' OR ')})`]
      : [])
  ]
  const found = await ask(
    `SELECT seq, received, skewed, device, ${metrics.map(identifier).join(', ')} FROM telemetry
     WHERE ${where.join(' AND ')} LIMIT ${limit + 1}`
  )
  const rows: TelemetryRow[] = []
  for (const [measuredAt, seq, receivedAt, skewed, device, ...values] of found as [
    number,
    number,
    number,
    boolean | null,
    string,
    ...(number | null)[]
  ][]) {
    if (wanted && !wanted.has(device)) continue
    const quality = skewed ? 'skewed' : 'good'
    for (const [i, value] of values.entries()) {
      const metric = metrics[i] as string
      if (value !== null) rows.push({ device, metric, measuredAt, receivedAt, seq, value, quality })
    }
  }
  return { whole: found.length <= limit, rows }
}
