import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migrateDatabase } from '#db/migrate'
import { influxTelemetryStore } from '#db/telemetry/influx'
import { postgresOffsetKeeper, type OffsetKeeper } from '#db/telemetry/offset-keeper'
import type { TelemetryRow } from '#db/telemetry/store'
import { freshDatabase, type TestDatabase } from '#test/fixtures/database'
import { startInflux, type InfluxFixture } from '#test/fixtures/influx-server'
import { telemetryContract } from './telemetry.ts'

describe('telemetry in InfluxDB 1.x, a real one', () => {
  let influx: InfluxFixture
  let database: TestDatabase
  let bucket = 0
  beforeAll(async () => {
    influx = await startInflux()
    database = await freshDatabase()
    await migrateDatabase(database.pool)
  })
  afterAll(async () => {
    await influx?.close()
    await database?.drop()
  })

  telemetryContract(async beside => {
    if (!beside) {
      await database.pool.query('delete from offsets')
      // The contract speaks of days long gone.
      await influx.query(
        `CREATE DATABASE contract_${++bucket} WITH DURATION INF SHARD DURATION 1d NAME "mingjie_raw"`
      )
    }
    return influxTelemetryStore({
      url: influx.url,
      bucket: `contract_${bucket}`,
      offsets: postgresOffsetKeeper(database.pool)
    })
  })

  it('holds every point once when the offset was lost between its answer and the write of the offset', async () => {
    const kept = postgresOffsetKeeper(database.pool)
    await database.pool.query('delete from offsets')
    let losses = 2
    const offsets: OffsetKeeper = {
      ...kept,
      async set(from, to) {
        if (losses-- > 0) throw new Error('killed here')
        return kept.set(from, to)
      }
    }
    const store = influxTelemetryStore({ url: influx.url, bucket: 'lost_offset', offsets })
    // One reading of the clock: were it to tick between two rows of a record, they would be one point.
    const now = Date.now()
    const rows = Array.from({ length: 500 }, (_, i): TelemetryRow => {
      const at = now - i
      return {
        device: 'B-1',
        metric: 'm',
        measuredAt: at,
        receivedAt: at,
        seq: 1 + (i >> 1),
        value: i,
        quality: 'good'
      }
    })
    const upTo = 250
    await expect(store.write(rows, upTo)).rejects.toThrow('killed here')
    // Cut otherwise than before, as a restart does.
    await expect(store.write(rows.slice(0, 100), 50)).rejects.toThrow('killed here')
    await store.write(rows, upTo)
    expect(await store.offset()).toBe(upTo)
    const [count] = await influx.query('SELECT count(seq) FROM telemetry', { db: 'lost_offset' })
    expect(count?.[1]).toBe(500)
    await store.close()
  })
})
