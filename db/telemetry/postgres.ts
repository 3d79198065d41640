import type pg from 'pg'
import type { Seq } from '#db/journal'
import { AppError } from '#model/errors'
import { copyIn } from '../postgres/copy-in.ts'
import { inTransaction } from '../postgres/transaction.ts'
import { binaryCopy, COPY_TELEMETRY } from './binary-copy.ts'
import { dayPartitions } from './day-partitions.ts'
import { firstReadings } from './first-readings.ts'
import { buckets, points } from './postgres-queries.ts'
import { ensureSchema } from './postgres-schema.ts'
import { postgresRows } from './row-range.ts'
import { seriesIds } from './series-ids.ts'
import type { TelemetryRow, TelemetryStore } from './store.ts'

/** Telemetry in Postgres ≥ 15. Makes its tables when they are not there. The pool stays the caller's to end. */
export async function postgresTelemetryStore(pool: pg.Pool): Promise<TelemetryStore> {
  await ensureSchema(pool)
  const { rows: said } = await pool.query<{ server_version: string }>('show server_version')
  const days = dayPartitions(pool)
  const idsOf = seriesIds(pool)
  /** What this writer knows of the offset; undefined while the outcome of a write is unknown. */
  let known: Seq | undefined
  let writing: Promise<void> = Promise.resolve()

  async function offset(): Promise<Seq> {
    const { rows } = await pool.query<{ seq: string }>('select seq from telemetry_offset')
    return (known = Number(rows[0]!.seq))
  }

  async function write(rows: TelemetryRow[], upTo: Seq): Promise<void> {
    const after = known ?? (await offset())
    if (upTo <= after) return
    const fresh = firstReadings(
      rows.some(row => row.seq <= after) ? rows.filter(row => row.seq > after) : rows
    )
    known = undefined
    await days.ensureFor(fresh)
    const series = await idsOf(fresh)
    await inTransaction(pool, async client => {
      const moved = await client.query(`update telemetry_offset set seq = ${upTo} where seq = ${after}`)
      if (moved.rowCount !== 1) {
        known = after
        throw new AppError(
          'offset-moved',
          `another writer moved the telemetry offset from ${after}; this one must stop`
        )
      }
      if (fresh.length > 0) await copyIn(client, COPY_TELEMETRY, binaryCopy(fresh, series))
    })
    known = upTo
  }

  return {
    engine: 'postgres',
    version: () => said[0]?.server_version.split(' ')[0],
    offset,
    write(rows, upTo) {
      const done = write(rows, upTo).catch(async (error: unknown) => {
        if (!lacksPartition(error)) throw error
        // Retention of another process dropped a day we thought was there.
        days.forget()
        await write(rows, upTo)
      })
      writing = done.catch(() => {})
      return done
    },
    points: query => points(pool, query),
    buckets: query => buckets(pool, query),
    rows: query => postgresRows(pool, query),
    prepare: range => days.ensure(range.from, range.to),
    retain: notBefore => days.dropBefore(notBefore),
    async health() {
      try {
        await pool.query('select seq from telemetry_offset')
        return { ok: true }
      } catch (error) {
        return { ok: false, reason: (error as Error).message }
      }
    },
    close: () => writing
  }
}

const lacksPartition = (error: unknown): boolean =>
  /^no partition of relation/.test((error as Error).message) && (error as { code?: string }).code === '23514'
