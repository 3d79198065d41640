import type { Seq } from '#db/journal'
import { AppError } from '#model/errors'
import { systemClock, type Clock } from '#model/time'
import { firstReadings } from './first-readings.ts'
import { markLine, type Mark } from './influx/mark.ts'
import { buckets, points } from './influx/readings.ts'
import type { InfluxAddress } from './influx/requests.ts'
import { influxServer } from './influx/server.ts'
import type { OffsetKeeper } from './offset-keeper.ts'
import { influxRows } from './row-range.ts'
import type { TelemetryRow, TelemetryStore } from './store.ts'

/**
 * Telemetry in InfluxDB 1.x, 2.x or 3.x. Nothing is asked of it before the first call, so its absence stops no start.
 * POST, answer, then the offset: after a crash between them the same points are written again over themselves.
 *
 * When InfluxDB knows less than the offset says (it was emptied, exchanged, or an older one was restored), `offset` goes back to
 * what it has, so that it is given again whatever the journal still holds; noticed while it runs it is only said, in `log`.
 */
export function influxTelemetryStore(
  options: InfluxAddress & { offsets: OffsetKeeper; clock?: Clock; log?: (message: string) => void }
): TelemetryStore {
  const { offsets, clock = systemClock, log = () => {}, ...address } = options
  const server = influxServer(address)
  /** What this writer knows of the offset; undefined while the outcome of moving it is unknown. */
  let known: Seq | undefined
  let writing: Promise<void> = Promise.resolve()

  /** Whether InfluxDB is known to have what the offset says; asked again after every failure. */
  let compared = false

  async function offset(): Promise<Seq> {
    const kept = await offsets.get()
    const mark = kept > 0 ? await server.mark() : undefined
    compared = true
    if (!mark || mark.seq >= kept) return (known = kept)
    log(`${lessThan(kept, mark)}: what the journal still has of it is written again`)
    if (!(await offsets.set(kept, mark.seq))) throw offsetMoved(kept)
    return (known = mark.seq)
  }

  async function compare(after: Seq): Promise<void> {
    const mark = after > 0 ? await server.mark() : undefined
    compared = true
    if (mark && mark.seq < after) log(`${lessThan(after, mark)}: restore its own backup`)
  }

  async function write(rows: TelemetryRow[], upTo: Seq): Promise<void> {
    const after = (known ??= await offsets.get())
    if (upTo <= after) return
    // Before anything is written: a stale writer must leave no trace.
    if ((await offsets.get()) !== after) throw offsetMoved(after)
    if (!compared) await compare(after)
    await server
      .put(
        firstReadings(rows.some(row => row.seq <= after) ? rows.filter(row => row.seq > after) : rows),
        markLine(upTo, clock.now())
      )
      .catch((error: unknown) => {
        compared = false
        throw error
      })
    known = undefined
    const moved = await offsets.set(after, upTo)
    known = moved ? upTo : after
    if (!moved) throw offsetMoved(after)
  }

  return {
    engine: 'influxdb',
    version: () => server.version(),
    offset,
    write(rows, upTo) {
      const done = write(rows, upTo)
      writing = done.catch(() => {})
      return done
    },
    points: query => points(server.ask, query),
    buckets: query => buckets(server.ask, query),
    rows: query => influxRows(server.ask, query),
    // InfluxDB makes its shards as points come.
    prepare: async () => {},
    retain: notBefore => server.dropBefore(notBefore),
    async health() {
      try {
        await server.ask('SELECT seq FROM telemetry LIMIT 1')
        return { ok: true }
      } catch (error) {
        return { ok: false, reason: (error as Error).message }
      }
    },
    async close() {
      await writing
      server.close()
    }
  }
}

const lessThan = (seq: Seq, mark: Mark): string =>
  `InfluxDB was given readings up to record ${seq} and has them only up to ${mark.seq}` +
  (mark.at === undefined ? ' (none at all)' : ` (written ${new Date(mark.at).toISOString().slice(0, 16)}Z)`)

const offsetMoved = (from: Seq) =>
  new AppError('offset-moved', `another writer moved the telemetry offset from ${from}; this one must stop`)
