import type { Seq } from '#db/journal'
import { AppError } from '#model/errors'
import { firstReadings } from './first-readings.ts'
import { buckets, points } from './influx/readings.ts'
import type { InfluxAddress } from './influx/requests.ts'
import { influxServer } from './influx/server.ts'
import type { OffsetKeeper } from './offset-keeper.ts'
import type { TelemetryRow, TelemetryStore } from './store.ts'

/**
 * Telemetry in InfluxDB 1.x, 2.x or 3.x. Nothing is asked of it before the first call, so its absence stops no start.
 * POST, answer, then the offset: after a crash between them the same points are written again over themselves.
 */
export function influxTelemetryStore(address: InfluxAddress & { offsets: OffsetKeeper }): TelemetryStore {
  const { offsets } = address
  const server = influxServer(address)
  /** What this writer knows of the offset; undefined while the outcome of moving it is unknown. */
  let known: Seq | undefined
  let writing: Promise<void> = Promise.resolve()

  const offset = async (): Promise<Seq> => (known = await offsets.get())

  async function write(rows: TelemetryRow[], upTo: Seq): Promise<void> {
    const after = known ?? (await offset())
    if (upTo <= after) return
    // Before anything is written: a stale writer must leave no trace.
    if ((await offsets.get()) !== after) throw offsetMoved(after)
    await server.put(
      firstReadings(rows.some(row => row.seq <= after) ? rows.filter(row => row.seq > after) : rows)
    )
    known = undefined
    const moved = await offsets.set(after, upTo)
    known = moved ? upTo : after
    if (!moved) throw offsetMoved(after)
  }

  return {
    engine: 'influxdb',
    offset,
    write(rows, upTo) {
      const done = write(rows, upTo)
      writing = done.catch(() => {})
      return done
    },
    points: query => points(server.ask, query),
    buckets: query => buckets(server.ask, query),
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

const offsetMoved = (from: Seq) =>
  new AppError('offset-moved', `another writer moved the telemetry offset from ${from}; this one must stop`)
