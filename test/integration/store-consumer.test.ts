import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import pg from 'pg'
import type { Journal } from '#db/journal'
import { leveldbJournal } from '#db/journal-leveldb'
import { postgresTelemetryStore } from '#db/telemetry/postgres'
import type { TelemetryStore } from '#db/telemetry/store'
import { normaliseBatch } from '#ingest/normalise'
import { recentRecords } from '#ingest/recent-records'
import { createRegistry } from '#ingest/registry'
import { startStoreConsumer, type StoreConsumer, type StoreConsumerOptions } from '#ingest/store-consumer'
import type { Change } from '#model/changes'
import { AppError } from '#model/errors'
import type { RegistryRecord } from '#model/registry'
import { RAW_RETENTION_MS } from '#model/telemetry'
import { days, systemClock } from '#model/time'
import { freshDatabase, type TestDatabase } from '#test/fixtures/database'
import { device, facility } from '#test/fixtures/registry-records'

let database: TestDatabase
let dir: string
let journal: Journal
let store: TelemetryStore
let consumers: StoreConsumer[]

beforeEach(async () => {
  database = await freshDatabase()
  dir = await mkdtemp(join(tmpdir(), 'mingjie-journal-'))
  journal = await leveldbJournal({ dir, clock: systemClock })
  store = await postgresTelemetryStore(database.pool)
  consumers = []
})
afterEach(async () => {
  await Promise.all(consumers.map(consumer => consumer.close()))
  await store.close()
  await journal.close()
  await rm(dir, { recursive: true })
  await database.drop()
})

const REGISTERED = [device('S-1', { facility: 'BIN-1' }), device('S-2')]

const change = (no: number, record: RegistryRecord, beforeSeq: number): Change => ({
  id: no,
  subject: `${record.type}:${record.id}`,
  body: { kind: 'registry', record },
  who: 'admin',
  why: null,
  requestedAt: 0,
  applied: { beforeSeq, no, at: 0, refused: null }
})
const changesOf = (changes: Change[]) => ({
  appliedAfter: async (no: number, limit: number) =>
    changes.filter(({ applied }) => (applied?.no ?? 0) > no).slice(0, limit)
})

function start(stated: Partial<StoreConsumerOptions> = {}) {
  const consumer = startStoreConsumer({
    journal,
    store,
    committed: () => journal.head(),
    recent: recentRecords({ maxBytes: 1_000_000 }),
    changes: changesOf(REGISTERED.map((record, i) => change(i + 1, record, 1))),
    quarantine: async () => {},
    onFatal: error => {
      throw error
    },
    clock: systemClock,
    log: () => {},
    ...stated
  })
  consumers.push(consumer)
  return consumer
}

const began = Date.now() - 60_000
let sent = 0
const send = (values: object, deviceId = 'S-1') =>
  journal.append({
    kind: 'telemetry',
    deviceId,
    payload: Buffer.from(JSON.stringify({ at: began + sent++, values }))
  })
const sendMany = (count: number) =>
  Promise.all(Array.from({ length: count }, (_, i) => send({ fillPct: i % 100 })))

const kept = async (metric = 'fillPct', deviceId = 'S-1') => {
  const query = { devices: [{ device: deviceId }], metric, from: 0, to: Date.now() + 60_000, limit: 100_000 }
  return (await store.points(query)).map(({ value }) => value)
}
const rowsInTable = async () => {
  const { rows } = await database.pool.query<{ count: string }>('select count(*) from telemetry')
  return Number(rows[0]?.count)
}
const reached = (consumer: StoreConsumer, seq: number) =>
  expect.poll(() => consumer.stored(), { interval: 20 }).toBe(seq)

describe('the store consumer', () => {
  it('carries every reading to the store and only then lets the journal go', async () => {
    const consumer = start()
    await sendMany(1000)
    await reached(consumer, 1000)
    expect(await kept()).toEqual(Array.from({ length: 1000 }, (_, i) => i % 100))
    expect(await store.offset()).toBe(1000)
    expect(journal.health().confirmed.store).toBe(1000)
    expect(consumer.health()).toEqual({ ok: true, behindSeq: 0 })
    expect(consumer.totals()).toMatchObject({ rows: 1000, refusedRecords: 0 })
  })

  it('never passes what the state consumer has committed', async () => {
    let committed = 0
    const consumer = start({ committed: () => committed })
    await sendMany(10)
    committed = 4
    await reached(consumer, 4)
    await new Promise(resolve => setTimeout(resolve, 200))
    expect(await rowsInTable()).toBe(4)
    committed = 10
    await reached(consumer, 10)
  })

  it('takes what was normalised just now without decoding it again', async () => {
    const registry = createRegistry()
    for (const record of REGISTERED) registry.apply(record, 0)
    const recent = recentRecords({ maxBytes: 1_000_000 })
    await sendMany(50)
    for await (const records of journal.read(0, { maxBytes: 1e6, signal: new AbortController().signal })) {
      recent.add(normaliseBatch(records, registry))
      if (records.at(-1)?.seq === 50) break
    }
    const appliedAfter = vi.fn(async () => [])
    await reached(start({ recent, changes: { appliedAfter } }), 50)
    expect(await rowsInTable()).toBe(50)
    expect(appliedAfter).not.toHaveBeenCalled()
    expect(recent.bytes()).toBe(0)
  })

  it('understands an old record by the registry as it was before that record', async () => {
    await send({ distanceMm: 500 })
    await send({ distanceMm: 500 })
    await send({ distanceMm: 500 })
    const geometry = { emptyDistanceMm: 1000, fullDistanceMm: 0 }
    const consumer = start({
      changes: changesOf([
        change(1, facility('BIN-1'), 1),
        change(2, device('S-1', { facility: 'BIN-1' }), 2),
        change(3, facility('BIN-1', { attributes: { geometry } }), 3)
      ])
    })
    await reached(consumer, 3)
    expect(await kept('distanceMm')).toEqual([500, 500])
    expect(await kept('fillPct')).toEqual([50])
  })
})

describe('the house', () => {
  it('is kept: days are made ahead, and what is past its retention goes', async () => {
    const old = { device: 'S-1', metric: 'fillPct', value: 1, quality: 'good', receivedAt: began } as const
    const days36 = Date.now() - RAW_RETENTION_MS - days(1)
    await store.write([{ ...old, seq: 1, measuredAt: days36 }], 1)
    await journal.append({ kind: 'tick', deviceId: '', payload: Buffer.from('1000') })
    start()
    const daysKept = async () =>
      (
        await database.pool.query<{ day: string }>(
          `select inhrelid::regclass::text as day from pg_inherits where inhparent = 'telemetry'::regclass order by 1`
        )
      ).rows.map(({ day }) => day)
    const dayOf = (at: number) => `telemetry_${new Date(at).toISOString().slice(0, 10).replaceAll('-', '')}`
    await expect.poll(daysKept).toContain(dayOf(Date.now() + days(1)))
    await expect.poll(daysKept).not.toContain(dayOf(days36))
  })
})

describe('with the store away', () => {
  async function allowConnections(allowed: boolean) {
    const admin = new pg.Client(inject('postgres'))
    await admin.connect()
    await admin.query(`alter database ${name} allow_connections ${allowed}`)
    if (!allowed) {
      // Not what the system itself does in it: an ordinary user may not end that.
      await admin.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and usename = current_user',
        [name]
      )
    }
    await admin.end()
  }
  let name: string
  beforeEach(async () => {
    const { rows } = await database.pool.query<{ name: string }>('select current_database() as name')
    name = rows[0]?.name as string
  })

  it('waits, says since when and why, and then stores every reading once', async () => {
    const consumer = start()
    await sendMany(100)
    await reached(consumer, 100)
    const cutAt = Date.now()
    await allowConnections(false)
    await sendMany(500)
    await expect.poll(() => consumer.health().ok).toBe(false)
    const { reason, since, behindSeq } = consumer.health()
    expect(reason).toBeTruthy()
    expect(since).toBeGreaterThanOrEqual(cutAt)
    expect(since).toBeLessThanOrEqual(Date.now())
    expect(behindSeq).toBe(500)
    expect(journal.health().confirmed.store).toBe(100)

    await allowConnections(true)
    await reached(consumer, 600)
    expect(consumer.health().ok).toBe(true)
    expect(await rowsInTable()).toBe(600)
    expect(journal.health().confirmed.store).toBe(600)
  })

  it('closes without waiting for it to come back', async () => {
    const consumer = start()
    await sendMany(10)
    await reached(consumer, 10)
    await allowConnections(false)
    await sendMany(10)
    await expect.poll(() => consumer.health().ok).toBe(false)
    await consumer.close()
    await allowConnections(true)
    expect(consumer.stored()).toBe(10)
  })
})

describe('exactly once', () => {
  it('after a crash between the write and the confirmation', async () => {
    const crashing: Journal = {
      ...journal,
      confirm: async (consumer, upTo) => {
        if (upTo > 0) throw new Error('killed here')
        return journal.confirm(consumer, upTo)
      }
    }
    await sendMany(300)
    const crashed = new Promise<Error>(onFatal => start({ journal: crashing, onFatal }))
    expect((await crashed).message).toBe('killed here')
    expect(await store.offset()).toBe(300)
    expect(journal.health().confirmed.store).toBe(0)

    await sendMany(10)
    await reached(start(), 310)
    expect(await rowsInTable()).toBe(310)
    expect(journal.health().confirmed.store).toBe(310)
  })

  it('when the answer to a write is lost', async () => {
    let lost = 0
    const forgetful: TelemetryStore = {
      ...store,
      async write(rows, upTo) {
        await store.write(rows, upTo)
        if (rows.length > 0 && lost++ < 3) throw Object.assign(new Error('reset'), { code: 'ECONNRESET' })
      }
    }
    const consumer = start({ store: forgetful })
    await sendMany(200)
    await reached(consumer, 200)
    expect(await rowsInTable()).toBe(200)
    expect(consumer.totals().retries).toBeGreaterThan(0)
  })
})

describe('a record the store refuses', () => {
  it('is quarantined with its bytes, and all around it is stored', async () => {
    await database.pool.query('alter table telemetry add constraint unlucky check (value <> 13)')
    const rows: Parameters<StoreConsumerOptions['quarantine']>[0][] = []
    await sendMany(40)
    const consumer = start({
      quarantine: async row => {
        // The quarantine may be away too.
        if (rows.push(row) === 1) throw new Error('not now')
      }
    })
    await reached(consumer, 40)
    expect(await kept()).toEqual(Array.from({ length: 40 }, (_, i) => i).filter(value => value !== 13))
    expect(rows).toHaveLength(2)
    expect(rows[1]).toMatchObject({ seq: 14, device: 'S-1', reason: 'store-refused' })
    expect(rows[1]?.detail).toContain('unlucky')
    expect(rows[1]?.payload.toString()).toContain('"fillPct":13')
    expect(consumer.totals().refusedRecords).toBe(1)
    expect(consumer.health().ok).toBe(true)

    await send({ fillPct: 99 })
    await reached(consumer, 41)
  })
})

describe('it stops', () => {
  it('when another writer moved the offset', async () => {
    const stopped = new Promise<Error>(onFatal => start({ onFatal }))
    await sendMany(10)
    await reached(consumers[0] as StoreConsumer, 10)
    await database.pool.query('update telemetry_offset set seq = 20')
    await sendMany(20)
    expect(await stopped).toMatchObject({ code: 'offset-moved' })
    expect(consumers[0]?.health()).toMatchObject({
      ok: false,
      reason: expect.stringContaining('offset') as string
    })
  })

  it('before a journal that is not the one its store was filled from', async () => {
    await store.write([], 1000)
    const error = await new Promise<Error>(onFatal => start({ onFatal }))
    expect(error).toBeInstanceOf(AppError)
    expect(error.message).toContain('not the journal of this store')
  })
})
