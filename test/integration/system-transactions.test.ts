import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type pg from 'pg'
import { databaseOn } from '#db/database'
import { migrateDatabase } from '#db/migrate'
import { connectPostgres } from '#db/postgres/connect'
import { importRecords } from '#db/registry'
import { postgresStateStore } from '#db/state-store'
import { postgresTelemetryStore } from '#db/telemetry/postgres'
import { freshDatabase, type TestDatabase } from '#test/fixtures/database'
import { databaseProxy } from '#test/fixtures/database-proxy'
import { area } from '#test/fixtures/registry-records'

describe('a transaction that cannot even begin', () => {
  let database: TestDatabase
  let proxy: Awaited<ReturnType<typeof databaseProxy>>
  let pool: pg.Pool

  beforeEach(async () => {
    database = await freshDatabase()
    await migrateDatabase(database.pool)
    proxy = await databaseProxy(database)
    pool = connectPostgres({ connection: { connectionString: proxy.url, max: 1 } })
  })
  afterEach(async () => {
    await pool.end()
    await proxy.close()
    await database.drop()
  })

  it.each([
    [
      'of the rules',
      () =>
        postgresStateStore(pool).commit({
          from: { seq: 0, appliedNo: 0 },
          to: { seq: 1, appliedNo: 0 },
          tickets: [],
          episodes: [],
          events: [],
          notifications: [],
          reports: [],
          ratings: [],
          planRuns: [],
          quarantine: [],
          applied: []
        })
    ],
    [
      'of a checkpoint',
      () => postgresStateStore(pool).saveCheckpoint({ seq: 1, appliedNo: 0, version: 1, blob: Buffer.of(1) })
    ],
    ['of an import', () => importRecords(databaseOn(pool), { records: [area('city')], who: 'admin', at: 1 })]
  ])('%s gives its connection back', async (_what, work) => {
    await pool.query('select 1')
    proxy.stall()
    const failed = expect(work()).rejects.toThrow()
    await new Promise(resolve => setTimeout(resolve, 50))
    proxy.mend()
    await failed
    // The pool has one connection: one that is not given back would be missed here.
    await work()
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  it('of telemetry gives its connection back', async () => {
    const store = await postgresTelemetryStore(pool)
    proxy.stall()
    const failed = expect(store.write([], 1)).rejects.toThrow()
    await new Promise(resolve => setTimeout(resolve, 50))
    proxy.mend()
    await failed
    await store.write([], 1)
    expect(await store.offset()).toBe(1)
  })
})
