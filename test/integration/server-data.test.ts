import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseOn, type Database } from '#db/database'
import { deviceCredentials } from '#db/device-credentials'
import { migrateDatabase } from '#db/migrate'
import { postgresPeople } from '#db/people'
import { connectPostgres } from '#db/postgres/connect'
import { importRecords } from '#db/registry'
import { changes, sessions } from '#db/schema'
import { days, minutes, seconds, systemClock, type Millis } from '#model/time'
import { freshDatabase, type TestDatabase } from '#test/fixtures/database'
import { area, device, facility } from '#test/fixtures/registry-records'

let database: TestDatabase
let db: Database

beforeAll(async () => {
  database = await freshDatabase()
  await Promise.all([migrateDatabase(database.pool), migrateDatabase(database.pool)])
  db = databaseOn(database.pool)
})
afterAll(() => database.drop())

describe('migrations', () => {
  it('refuse a database that a newer version made', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mingjie-migrations-'))
    cpSync(new URL('../../db/migrations', import.meta.url), folder, { recursive: true })
    const journal = join(folder, 'meta/_journal.json')
    const listed = JSON.parse(readFileSync(journal, 'utf8')) as { entries: { when: number }[] }
    listed.entries = listed.entries.slice(0, 1).map(entry => ({ ...entry, when: 1 }))
    writeFileSync(journal, JSON.stringify(listed))
    await expect(migrateDatabase(database.pool, { folder })).rejects.toMatchObject({ code: 'config-invalid' })
    rmSync(folder, { recursive: true })
  })
})

describe('people', () => {
  const clockAt = (start: Millis) => {
    let at = start
    return { now: () => at, step: (ms: Millis) => void (at += ms) }
  }

  it('begin with an admin whose random password is told once', async () => {
    const people = postgresPeople({ db, clock: systemClock })
    await expect(people.ensureAdmin({ password: 'short' })).rejects.toMatchObject({ code: 'config-invalid' })
    const { created, secret = '' } = await people.ensureAdmin({})
    expect([created, secret]).toEqual([true, expect.stringMatching(/^[\w-]{20}$/)])
    expect(await people.verify('admin', secret)).toMatchObject({ role: 'admin' })
    expect(await people.ensureAdmin({})).toEqual({ created: false })
  })

  it('stay signed in while they come back within 30 days', async () => {
    const clock = clockAt(Date.now())
    const people = postgresPeople({ db, clock })
    const token = await people.createToken('admin', 'cookie')
    clock.step(days(29))
    expect(await people.personOf(token)).toBeDefined()
    clock.step(days(29))
    expect(await people.personOf(token)).toBeDefined()
    clock.step(days(31))
    expect(await people.personOf(token)).toBeUndefined()
    expect(JSON.stringify(await db.select().from(sessions))).not.toContain(token)
  })

  it('are known for an hour when the database does not answer, and revoked ones not for long when it is there', async () => {
    const clock = clockAt(Date.now())
    const pool = connectPostgres({ connection: { ...database.connection, lock_timeout: 50 } })
    const here = postgresPeople({ db: databaseOn(pool), clock })
    const elsewhere = postgresPeople({ db, clock })
    const token = await here.createToken('admin', 'bearer')
    const revoked = await here.createToken('admin', 'bearer')
    expect([await here.personOf(token), await here.personOf(revoked)]).not.toContain(undefined)

    await elsewhere.revoke(revoked)
    clock.step(seconds(21))
    expect(await here.personOf(revoked)).toBeUndefined()

    expect(await here.personOf(token)).toBeDefined()
    const blocker = await database.pool.connect()
    await blocker.query('begin; lock table sessions in access exclusive mode')
    clock.step(minutes(10))
    expect(await here.personOf(token)).toMatchObject({ username: 'admin' })
    clock.step(minutes(60))
    await expect(here.personOf(token)).rejects.toBeDefined()
    await blocker.query('rollback')
    blocker.release()
    await pool.end()
  })
})

describe('the registry', () => {
  const records = [
    area('city', { kind: 'city' }),
    facility('bin'),
    device('gw', { kind: 'gateway' }),
    device('s', { facility: 'bin', gateway: 'gw' })
  ]
  const take = (list = records) => importRecords(db, { records: list, who: 'admin', at: 1000 })

  it('makes a change of what is new or differs, in order, and of nothing else', async () => {
    const first = await take()
    expect(first.map(({ outcome }) => outcome)).toEqual(Array(4).fill('created'))
    const ids = first.map(({ changeId = 0 }) => changeId)
    expect(ids).toEqual([...ids].sort((a, b) => a - b))
    expect(first.map(({ secret }) => secret !== undefined)).toEqual([false, false, true, true])
    expect(await take()).toEqual(Array(4).fill({ outcome: 'unchanged' }))
    const [moved] = await take([device('s', { facility: null, gateway: 'gw' })])
    expect(moved).toEqual({ outcome: 'updated', changeId: expect.any(Number) as number })

    const rows = await db.select().from(changes).orderBy(changes.id)
    expect(rows.map(row => row.subject)).toEqual([
      'area:city',
      'facility:bin',
      'device:gw',
      'device:s',
      'device:s'
    ])
    expect(rows[0]).toMatchObject({
      kind: 'registry',
      who: 'admin',
      requestedAt: 1000,
      appliedNo: null,
      body: { kind: 'registry', record: records[0] }
    })
  })

  it('takes imports of the same records at once one after the other', async () => {
    const list = [device('twin')]
    const outcomes = await Promise.all([take(list), take(list), take(list)])
    expect(
      outcomes
        .flat()
        .map(({ outcome }) => outcome)
        .sort()
    ).toEqual(['created', 'unchanged', 'unchanged'])
  })

  it('lets devices in from memory, also new ones and while the database is away', async () => {
    const pool = connectPostgres({ connection: database.connection })
    const failed: unknown[] = []
    const credentials = await deviceCredentials({
      db: databaseOn(pool),
      pollMs: 20,
      onError: e => failed.push(e)
    })
    const [imported] = await take([device('late')])
    const secret = imported?.secret as string
    await expect.poll(() => credentials.check('late', secret)).toMatchObject({ ok: true })
    await pool.end()
    await expect.poll(() => failed.length).toBeGreaterThan(0)
    expect(await credentials.check('late', secret)).toMatchObject({ ok: true })
    expect(await credentials.check('late', `${secret}x`)).toEqual({ ok: false })
    expect(await credentials.check('nobody', secret)).toEqual({ ok: false })
    credentials.close()
  })
})
