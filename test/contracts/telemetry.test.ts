import { afterAll, describe } from 'vitest'
import { postgresTelemetryStore } from '#db/telemetry/postgres'
import { freshDatabase, type TestDatabase } from '#test/fixtures/database'
import { telemetryContract } from './telemetry.ts'

describe('telemetry in Postgres', () => {
  let database: TestDatabase | undefined

  telemetryContract(async beside => {
    if (!beside) await database?.drop()
    if (!beside || !database) database = await freshDatabase()
    return postgresTelemetryStore(database.pool)
  })
  afterAll(() => database?.drop())
})
