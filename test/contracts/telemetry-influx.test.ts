import { afterAll, beforeAll, describe } from 'vitest'
import { migrateDatabase } from '#db/migrate'
import { influxTelemetryStore } from '#db/telemetry/influx'
import { postgresOffsetKeeper } from '#db/telemetry/offset-keeper'
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
})
