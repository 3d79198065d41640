import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { connectPostgres } from '#db/postgres/connect'
import { startEmbeddedPostgres } from '#db/postgres/embedded'
import { influxServer, type InfluxServer } from '#db/telemetry/influx/server'
import { refusesRows } from '#db/telemetry/refusal'
import type { TelemetryRow } from '#db/telemetry/store'
import { QUALITIES } from '#model/telemetry'
import { AppError } from '#model/errors'
import { seconds } from '#model/time'
import { readConfig } from '../config.ts'
import { createLog } from '../log.ts'

const HELP = `npm run move-telemetry — copies the history that Postgres keeps into InfluxDB.

  1. Set INFLUX_URL (INFLUX_TOKEN, INFLUX_ORG, INFLUX_BUCKET) and start Mingjie with it: from now on readings go to InfluxDB.
  2. Run this with the same environment. It copies day by day, oldest first, and shows how far it is. Stopped or failed, it
     goes on where it was (DATA_DIR/move-telemetry.json); copying twice does no harm. Postgres keeps its copy.

A running Mingjie has its embedded Postgres to itself. To copy beside it, name that database:
  DATABASE_URL="postgres://mingjie:$(cat data/postgres/password)@/mingjie?host=$PWD/data/postgres/socket" npm run move-telemetry`

const ROWS_AT_ONCE = 20_000
const SAY_EVERY_MS = seconds(5)

/** Every day before `day` is copied, and of `day` every record before `seq`. */
export interface Progress {
  day: string
  seq: number
}

/**
 * Copies the days of Postgres, oldest first, from `progress` on; `done` is told after every write how far it is. Points of
 * one record overwrite themselves, so going back a little copies nothing twice. Rows that InfluxDB refuses are counted and left.
 */
export async function moveTelemetry(options: {
  pool: pg.Pool
  influx: Pick<InfluxServer, 'put'>
  progress: Progress | undefined
  done: (progress: Progress) => void
  say: (line: string) => void
}): Promise<{ rows: number; refused: number }> {
  const { pool, influx, progress, done, say } = options
  const total = { rows: 0, refused: 0 }
  const days = (await daysIn(pool)).filter(day => !progress || day >= progress.day)
  for (const [i, day] of days.entries()) {
    const began = { at: performance.now(), rows: total.rows }
    let saidAt = began.at
    const tell = (): void => {
      const rows = total.rows - began.rows
      const perSecond = Math.round((rows * 1000) / (performance.now() - began.at))
      say(`${day} (day ${i + 1} of ${days.length}): ${rows} rows, ${perSecond} a second`)
    }
    for await (const rows of rowsOf({ pool, day, fromSeq: day === progress?.day ? progress.seq : 0 })) {
      total.refused += await put(influx, rows, say)
      total.rows += rows.length
      // The last record may go on in the next rows.
      done({ day, seq: rows.at(-1)!.seq })
      if (performance.now() - saidAt < SAY_EVERY_MS) continue
      saidAt = performance.now()
      tell()
    }
    tell()
  }
  return total
}

/** Answers how many rows were refused. */
async function put(
  influx: Pick<InfluxServer, 'put'>,
  rows: TelemetryRow[],
  say: (line: string) => void
): Promise<number> {
  try {
    await influx.put(rows)
    return 0
  } catch (error) {
    if (!refusesRows(error)) throw error
    if (rows.length === 1) {
      const { device, metric, measuredAt } = rows[0]!
      say(`left: ${device} ${metric} of ${new Date(measuredAt).toISOString()}: ${(error as Error).message}`)
      return 1
    }
    const middle = rows.length >> 1
    return (await put(influx, rows.slice(0, middle), say)) + (await put(influx, rows.slice(middle), say))
  }
}

/** The day partitions by name, oldest first. */
async function daysIn(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ day: string }>(
    `select inhrelid::regclass::text as day from pg_inherits where inhparent = to_regclass('telemetry') order by 1`
  )
  return rows.map(({ day }) => day)
}

/** One sort a day, read through a cursor; what a record says of a device stands together, as it becomes one point. */
async function* rowsOf(from: {
  pool: pg.Pool
  day: string
  fromSeq: number
}): AsyncGenerator<TelemetryRow[], void> {
  const client = await from.pool.connect()
  try {
    await client.query(`begin read only; set local statement_timeout = 0; set local cursor_tuple_fraction = 1;
      set local idle_in_transaction_session_timeout = 0`)
    await client.query(
      `declare moving no scroll cursor for
       select s.device, s.metric, (extract(epoch from t.measured_at) * 1000)::float8 as "measuredAt",
         (extract(epoch from t.received_at) * 1000)::float8 as "receivedAt", t.seq::float8 as seq, t.value, t.quality
       from ${from.day} t join telemetry_series s on s.id = t.series
       where t.seq >= ${from.fromSeq} order by t.seq, s.device, t.measured_at`
    )
    for (;;) {
      const { rows } = await client.query<Omit<TelemetryRow, 'quality'> & { quality: number }>(
        `fetch ${ROWS_AT_ONCE} from moving`
      )
      if (rows.length === 0) return
      yield rows.map(row => ({ ...row, quality: QUALITIES[row.quality] ?? 'good' }))
    }
  } finally {
    await client.query('rollback').catch(() => {})
    client.release()
  }
}

/** Where a move to this very bucket stands, kept in the data folder. */
function progressFile(dataDir: string, target: string) {
  const path = join(dataDir, 'move-telemetry.json')
  return {
    read(): Progress | undefined {
      try {
        const { to, ...progress } = JSON.parse(readFileSync(path, 'utf8')) as Progress & { to: string }
        return to === target ? progress : undefined
      } catch {
        return undefined
      }
    },
    write(progress: Progress): void {
      writeFileSync(`${path}.new`, JSON.stringify({ to: target, ...progress }))
      renameSync(`${path}.new`, path)
    }
  }
}

async function main(): Promise<void> {
  if (process.argv.slice(2).some(word => word === '--help' || word === '-h')) return console.log(HELP)
  const config = readConfig(process.env)
  if (!config.influx)
    throw new AppError('config-invalid', 'Set INFLUX_URL: it says where the history goes. See --help.')
  mkdirSync(config.dataDir, { recursive: true })
  const embedded = config.databaseUrl
    ? undefined
    : await startEmbeddedPostgres({ dataDir: config.dataDir, log: createLog() })
  const pool = connectPostgres(embedded ? { embedded } : { databaseUrl: config.databaseUrl as string })
  const influx = influxServer(config.influx)
  const file = progressFile(config.dataDir, `${config.influx.url} ${config.influx.bucket}`)
  const progress = file.read()
  if (progress) console.log(`Going on at ${progress.day}, record ${progress.seq}.`)
  try {
    const { rows, refused } = await moveTelemetry({
      pool,
      influx,
      progress,
      done: where => file.write(where),
      say: line => console.log(line)
    })
    console.log(
      `Copied ${rows - refused} rows${refused > 0 ? `; InfluxDB refused ${refused}, named above` : ''}.`
    )
  } finally {
    influx.close()
    await pool.end()
    await embedded?.close()
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error: unknown) => {
    console.error(
      `${error instanceof AppError ? error.message : String(error)}\nRun it again to go on where it was.`
    )
    process.exitCode = 1
  })
}
