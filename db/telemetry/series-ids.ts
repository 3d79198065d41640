import type pg from 'pg'
import type { TelemetryRow } from './store.ts'

/** Answers the number that stands for each row's (device, metric), making those that are new. */
export type SeriesIds = (rows: TelemetryRow[]) => Promise<Int32Array>

/**
 * Keeps the numbers of all series met so far, some 60 bytes each. By metric, then device: few large maps, and no key
 * to build for each row.
 */
export function seriesIds(pool: pg.Pool): SeriesIds {
  const byMetric = new Map<string, Map<string, number>>()

  async function learn(rows: TelemetryRow[]): Promise<void> {
    const columns = [rows.map(row => row.device), rows.map(row => row.metric)]
    // `on conflict` alone would use up a number for every row that is there already.
    await pool.query(
      `insert into telemetry_series (device, metric)
       select distinct device, metric from unnest($1::text[], $2::text[]) as wanted (device, metric)
       where not exists (select from telemetry_series s where s.device = wanted.device and s.metric = wanted.metric)
       order by 1, 2 on conflict do nothing`,
      columns
    )
    const found = await pool.query<{ id: number; device: string; metric: string }>(
      `select id, device, metric from telemetry_series
       where (device, metric) in (select * from unnest($1::text[], $2::text[]))`,
      columns
    )
    for (const { id, device, metric } of found.rows) {
      let byDevice = byMetric.get(metric)
      if (!byDevice) byMetric.set(metric, (byDevice = new Map<string, number>()))
      byDevice.set(device, id)
    }
  }

  return async rows => {
    const ids = new Int32Array(rows.length)
    const unknown: number[] = []
    for (let i = 0; i < rows.length; i++) {
      const { metric, device } = rows[i]!
      const id = byMetric.get(metric)?.get(device)
      if (id === undefined) unknown.push(i)
      else ids[i] = id
    }
    if (unknown.length > 0) {
      await learn(unknown.map(i => rows[i]!))
      for (const i of unknown) ids[i] = byMetric.get(rows[i]!.metric)!.get(rows[i]!.device)!
    }
    return ids
  }
}
