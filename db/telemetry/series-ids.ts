import type pg from 'pg'
import type { TelemetryRow } from './store.ts'

/** Answers the number that stands for each row's (device, metric), making those that are new. */
export type SeriesIds = (rows: TelemetryRow[]) => Promise<Int32Array>

/**
 * Keeps the numbers of all series met so far, about 100 bytes each. By device, then metric: the rows of a message share
 * their device, so there is one look-up among many for them all.
 */
export function seriesIds(pool: pg.Pool): SeriesIds {
  const byDevice = new Map<string, Map<string, number>>()

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
      let byMetric = byDevice.get(device)
      if (!byMetric) byDevice.set(device, (byMetric = new Map<string, number>()))
      byMetric.set(metric, id)
    }
  }

  /** Fills in the numbers that are known and answers where the others stand. */
  function fill(rows: TelemetryRow[], ids: Int32Array): number[] {
    const unknown: number[] = []
    let last: string | undefined
    let byMetric: Map<string, number> | undefined
    for (let i = 0; i < rows.length; i++) {
      const { device, metric } = rows[i]!
      if (device !== last) byMetric = byDevice.get((last = device))
      const id = byMetric?.get(metric)
      if (id === undefined) unknown.push(i)
      else ids[i] = id
    }
    return unknown
  }

  return async rows => {
    const ids = new Int32Array(rows.length)
    const unknown = fill(rows, ids)
    if (unknown.length > 0) {
      await learn(unknown.map(i => rows[i]!))
      fill(rows, ids)
    }
    return ids
  }
}
