import { randomInt } from 'node:crypto'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connectPostgres } from '#db/postgres/connect'
import { isAway, isDataFault } from '#db/postgres/troubles'
import { postgresTelemetryStore } from '#db/telemetry/postgres'
import type { TelemetryRow } from '#db/telemetry/store'
import { days } from '#model/time'
import { freshDatabase, type TestDatabase } from '#test/fixtures/database'

let database: TestDatabase
beforeEach(async () => {
  database = await freshDatabase()
})
afterEach(() => database.drop())

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error
  )

async function elsewhere(sql: string): Promise<void> {
  const client = new pg.Client(database.connection)
  client.on('error', () => {})
  await client.connect()
  await client.query(sql).finally(() => client.end())
}

const CUT_OTHERS = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and usename = current_user and pid <> pg_backend_pid()`

describe('trouble with Postgres', () => {
  it.each([
    ['nobody listens', { databaseUrl: 'postgres://a:b@127.0.0.1:9/c' }],
    ['there is no socket', { connection: { host: '/nowhere', user: 'a', database: 'c' } }],
    ['the host is unknown', { databaseUrl: 'postgres://a:b@nowhere.invalid/c' }]
  ])('is "away" when %s', async (_, to) => {
    const pool = connectPostgres(to)
    const error = await failureOf(pool.query('select 1'))
    await pool.end()
    expect([isAway(error), isDataFault(error)]).toEqual([true, false])
  })

  it.each([
    ['the statement took too long', 'set local statement_timeout = 10; select pg_sleep(5)'],
    ['it is read-only', 'set transaction read only; create table t (n int)'],
    ['its disk is full', "do $$ begin raise 'no space' using errcode = '53100'; end $$"],
    ['it has too many clients', "do $$ begin raise 'too many' using errcode = '53300'; end $$"],
    ['it shuts down', "do $$ begin raise 'bye' using errcode = '57P01'; end $$"],
    ['it drops the connection', 'select pg_terminate_backend(pg_backend_pid())']
  ])('is "away" when %s', async (_, sql) => {
    const error = await failureOf(database.pool.query(sql))
    expect([isAway(error), isDataFault(error)]).toEqual([true, false])
  })

  it.each([
    ['a number is out of range', "select '1e999'::float8"],
    ['a text holds a zero byte', "select convert_from('\\x00', 'UTF8')"],
    ['a constraint refuses it', 'create temp table t (n int check (n > 0)); insert into t values (0)']
  ])('is the data when %s', async (_, sql) => {
    const error = await failureOf(database.pool.query(sql))
    expect([isAway(error), isDataFault(error)]).toEqual([false, true])
  })

  it('is neither when our own statement is wrong', async () => {
    const error = await failureOf(database.pool.query('select nonsense'))
    expect([isAway(error), isDataFault(error)]).toEqual([false, false])
  })

  it('ends neither the process nor the pool when connections are cut, idle or in use', async () => {
    const inUse = await database.pool.connect()
    await Promise.all([database.pool.query('select 1'), database.pool.query('select 2')])
    await elsewhere(CUT_OTHERS)
    expect(isAway(await failureOf(inUse.query('select 3')))).toBe(true)
    inUse.release(true)
    await expect.poll(() => failureOf(database.pool.query('select 4'))).toBeUndefined()
  })

  it('loses and doubles no reading of a writer that repeats what failed', async () => {
    const store = await postgresTelemetryStore(database.pool)
    const start = Date.UTC(2026, 9, 12)
    let cutting = true
    const cuts = (async () => {
      while (cutting) {
        await elsewhere(CUT_OTHERS)
        await new Promise(done => setTimeout(done, randomInt(15)))
      }
    })()
    let failures = 0
    for (let upTo = 50; upTo <= 5000; upTo += 50) {
      const rows = Array.from({ length: 50 }, (_, i): TelemetryRow => {
        const seq = upTo - 49 + i
        return {
          device: 'bin-1',
          metric: 'm',
          measuredAt: start + seq,
          receivedAt: start,
          seq,
          value: seq,
          quality: 'good'
        }
      })
      for (let error; (error = await failureOf(store.write(rows, upTo))); failures++)
        expect(isAway(error)).toBe(true)
    }
    cutting = false
    await cuts
    expect(failures).toBeGreaterThan(0)
    const { rows } = await database.pool.query(
      'select count(*)::int, count(distinct seq)::int as seqs from telemetry'
    )
    expect(rows).toEqual([{ count: 5000, seqs: 5000 }])
    expect(
      await store.points({
        devices: [{ device: 'bin-1' }],
        metric: 'm',
        from: start,
        to: start + days(1),
        limit: 1e6
      })
    ).toHaveLength(5000)
    expect(await store.offset()).toBe(5000)
  })
})
