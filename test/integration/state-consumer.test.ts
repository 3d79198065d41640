import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { submitChange } from '#db/changes'
import { leveldbJournal } from '#db/journal-leveldb'
import { tick } from '#db/journal-ticks'
import { importRecords } from '#db/registry'
import { changes, quarantine, ticketEvents, tickets } from '#db/schema'
import { postgresStateStore, type StateCommit, type StateStore } from '#db/state-store'
import type { StateConsumer } from '#ingest/state-consumer'
import { hours, minutes } from '#model/time'
import { area, device, facility } from '#test/fixtures/registry-records'
import { startDeciding, stateWorld, type StateWorld } from '#test/fixtures/state-world'
import { until } from '#test/fixtures/until'

const START = Date.parse('2026-01-15T04:00:00Z')

let world: StateWorld
let consumer: StateConsumer | undefined
let fatal: Error | undefined
/** The newest record the rules have begun with. */
let taken = 0
/** What a commit of nothing but the position waits for. */
let answer: Promise<void> = Promise.resolve()
const db = () => world.database.db

beforeEach(async () => {
  world = await stateWorld(START)
  fatal = undefined
  answer = Promise.resolve()
})
afterEach(async () => {
  await consumer?.close()
  await world.close()
})

/** `failsOn`: the device whose records the rules fail on. `onRecord` is called with each, `onBatch` with how many come at once. */
async function start({
  failsOn,
  onRecord,
  onBatch
}: { failsOn?: string; onRecord?: () => void; onBatch?: (records: number) => void } = {}) {
  consumer = await startDeciding({
    ...{ journal: world.journal, pool: world.database.pool, clock: world.clock },
    around: slowPositions,
    prepare({ engine }) {
      const { record } = engine
      engine.record = one => {
        if (failsOn !== undefined && one.deviceId === failsOn) throw new Error('we have a bug')
        onRecord?.()
        record(one)
      }
    },
    onRecords(records) {
      taken = records.at(-1)?.seq ?? taken
      onBatch?.(records.length)
    },
    onFatal: error => (fatal = error)
  })
}

function slowPositions(store: StateStore): StateStore {
  const sizeOf = ({ tickets, episodes, events, applied }: StateCommit) =>
    tickets.length + episodes.length + events.length + applied.length
  return {
    ...store,
    async commit(rows) {
      if (sizeOf(rows) === 0) await answer
      await store.commit(rows)
    }
  }
}

async function stop() {
  await consumer?.close()
  consumer = undefined
}

const report = (deviceId: string, fillPct: number) => world.report(deviceId, { fillPct })

async function decided() {
  await until('everything is decided', () => consumer?.committed() === world.journal.head())
}

async function pass(minute: number, periodMs = minutes(60)) {
  world.clock.set(START + minutes(minute))
  await world.journal.append(tick(periodMs))
  await decided()
}

/** A bin with an open ticket at minute 11. */
async function openTicket() {
  const records = [
    area('city', { kind: 'city' }),
    facility('bin-1'),
    device('fs-1', { facility: 'bin-1' }),
    facility('bin-2'),
    device('fs-2', { facility: 'bin-2' })
  ]
  await importRecords(db(), { records, who: 'test', at: START })
  await start()
  await pass(0)
  await until('the city is registered', async () =>
    (await db().select().from(changes)).every(({ appliedNo }) => appliedNo !== null)
  )
  await report('fs-1', 95)
  await pass(11)
  return (await db().select().from(tickets))[0]!
}

const accept = (ticket: string, requestedAt: number) =>
  submitChange(db(), {
    subject: `ticket:${ticket}`,
    body: { kind: 'ticket-action', ticket, action: 'accept', note: null, claimedAt: null, quietUntil: null },
    who: 'wang',
    why: null,
    requestedAt
  })

describe('what a person did', () => {
  it('is not done before it was asked for, though the rules are behind: it waits until they come to it', async () => {
    const { id } = await openTicket()
    await stop()
    world.clock.set(START + hours(10))
    const change = await accept(id, world.clock.now())
    await start()
    await expect(consumer?.applied(change.id, 1500)).rejects.toMatchObject({ code: 'not-applied-yet' })
    await pass(10 * 60)
    expect(await consumer?.applied(change.id)).toEqual({ refused: null })
    const events = await db().select().from(ticketEvents)
    expect(events.find(({ action }) => action === 'accept')?.at).toBe(START + hours(10))
  })

  it('is told to everybody who waits for it, though one of them gives up', async () => {
    const { id } = await openTicket()
    world.clock.set(START + hours(1))
    const change = await accept(id, world.clock.now())
    const impatient = consumer?.applied(change.id, 50)
    const patient = consumer?.applied(change.id, 30_000)
    await expect(impatient).rejects.toMatchObject({ code: 'not-applied-yet' })
    await pass(60)
    expect(await patient).toEqual({ refused: null })
  })
})

describe('a record the rules fail on', () => {
  it('is put aside; everything else goes on, also after a restart', async () => {
    await openTicket()
    await stop()
    await start({ failsOn: 'fs-2' })
    await report('fs-2', 40)
    await report('fs-1', 5)
    await pass(20)
    expect(fatal).toBeUndefined()
    expect(await db().select().from(tickets)).toMatchObject([{ closeReason: 'self-cleared' }])
    expect(await db().select().from(quarantine)).toMatchObject([
      { device: 'fs-2', reason: 'program-failed', payload: Buffer.from('{"values":{"fillPct":40}}') }
    ])
    await stop()
    await start({ failsOn: 'fs-2' })
    await pass(30)
    expect(fatal).toBeUndefined()
  })
})

describe('a batch that is much work', () => {
  it('leaves others their turns between its records', async () => {
    const SLOW_MS = 60
    await Promise.all(Array.from({ length: 5 }, () => world.journal.append(tick(1000))))
    let turn = 0
    let turns = setImmediate(function next() {
      turn++
      turns = setImmediate(next)
    })
    const takenIn = new Set<number>()
    const batches: number[] = []
    await start({
      onRecord() {
        takenIn.add(turn)
        for (const began = performance.now(); performance.now() - began < SLOW_MS;);
      },
      onBatch: records => batches.push(records)
    })
    await decided()
    clearImmediate(turns)
    expect(batches).toEqual([5])
    // The first may be taken at the end of a turn, and the second at the beginning of the next.
    expect(takenIn.size).toBeGreaterThanOrEqual(4)
  })
})

describe('a journal that is not the database’s', () => {
  it('is refused when it is empty, though everything was decided', async () => {
    await openTicket()
    await stop()
    await world.journal.close()
    world.journal = await leveldbJournal({ dir: join(world.folder, 'other'), clock: world.clock })
    await expect(start()).rejects.toMatchObject({ code: 'journal-failed' })
  })
})

describe('a commit of nothing but the position', () => {
  let release = () => {}
  async function holdAnswers() {
    const id = (await openTicket()).id
    answer = new Promise(resolve => (release = resolve))
    await report('fs-2', 20)
    await until('the rules are past it', () => taken === world.journal.head())
    return id
  }

  it('is not waited for: the rules go on, and commit what they decide after it', async () => {
    await holdAnswers()
    for (const fillPct of [21, 22, 23]) {
      const seq = await report('fs-2', fillPct)
      await until('the next is taken', () => taken === seq)
    }
    expect(consumer?.committed()).toBeLessThan(world.journal.head() - 2)
    await report('fs-1', 5)
    world.clock.set(START + minutes(20))
    await world.journal.append(tick(minutes(60)))
    release()
    await decided()
    expect(await db().select().from(tickets)).toMatchObject([{ closeReason: 'self-cleared' }])
  })

  it('stops us all the same when somebody else moved it', async () => {
    await holdAnswers()
    await report('fs-2', 21)
    await until('it is on its way', () => taken === world.journal.head())
    await world.database.pool.query(`update offsets set seq = seq + 1000 where consumer = 'state'`)
    release()
    await until('it has stopped', () => fatal !== undefined)
    expect(fatal).toMatchObject({ code: 'offset-moved' })
    consumer = undefined
  })
})

describe('an end in order', () => {
  it('leaves a checkpoint of all that was taken, though the last of it changed nothing', async () => {
    await world.journal.append(tick(1000))
    await start()
    await until('the first tick is committed', () => consumer?.committed() === 1)
    const second = await world.journal.append(tick(1000))
    await until('the second is taken', () => taken === second, { everyMs: 1 })
    await stop()
    expect(await postgresStateStore(world.database.pool).checkpoint()).toMatchObject({ seq: second })
  })
})
