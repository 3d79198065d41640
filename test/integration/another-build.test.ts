import { eq } from 'drizzle-orm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { submitChange } from '#db/changes'
import { tick } from '#db/journal-ticks'
import { importRecords } from '#db/registry'
import { changes, checkpoints, episodes, ticketEvents, tickets } from '#db/schema'
import type { StateStore } from '#db/state-store'
import type { StateConsumer } from '#ingest/state-consumer'
import type { ChangeBody } from '#model/changes'
import type { Crew } from '#model/crews'
import { DEFAULT_RULES } from '#model/default-rules'
import type { Plan } from '#model/plans'
import type { Rule } from '#model/rules'
import { minutes } from '#model/time'
import { area, device, facility } from '#test/fixtures/registry-records'
import { startDeciding, stateWorld, type StateWorld } from '#test/fixtures/state-world'
import { until } from '#test/fixtures/until'

/** A crash, and then a start of another build: the last half minute is replayed by other rules than decided it. */
const START = Date.parse('2026-01-15T04:00:00Z')
/** A build ships its rules: the same version 1, decided otherwise. */
const shipping = (change: Partial<Rule>): Rule[] =>
  DEFAULT_RULES.map(rule => (rule.id === 'bin-full' ? { ...rule, ...change } : rule))
const LOWER = shipping({ when: { metric: 'fillPct', atLeast: 80 } })
const HIGHER = shipping({ when: { metric: 'fillPct', atLeast: 99 } })
/** Noon to one o'clock: START is noon in Shanghai, and the rules know no other clock than UTC's here. */
const PLAN = {
  ...{ id: 'p-1', title: 'Noon cleaning', kind: 'dirty', facility: 'bin-1', active: true },
  ...{ days: [1, 2, 3, 4, 5, 6, 7], from: '04:05', to: '05:05' }
} as const satisfies Plan
const CREW = {
  ...{ id: 'crew-1', name: 'One', contractor: null, phone: null, active: true },
  ...{ areas: ['city'], kinds: [], shifts: [], members: [] }
} satisfies Crew
const LONGER = shipping({ forMs: minutes(20) })

let world: StateWorld
let consumer: StateConsumer | undefined
let fatal: Error | undefined
let said: string[]
const db = () => world.database.db

beforeEach(async () => {
  world = await stateWorld(START)
  const records = [area('city', { kind: 'city' }), facility('bin-1'), device('fs-1', { facility: 'bin-1' })]
  await importRecords(db(), { records, who: 'test', at: START })
  fatal = undefined
  said = []
  await start(DEFAULT_RULES)
})
afterEach(async () => {
  await consumer?.close()
  await world.close()
})

/** `store`: where the process dies. */
async function start(rules: readonly Rule[], store: Partial<StateStore> = {}) {
  consumer = await startDeciding({
    ...{ journal: world.journal, pool: world.database.pool, clock: world.clock, rules },
    around: real => ({ ...real, ...store }),
    onFatal: error => (fatal = error),
    log: message => said.push(message)
  })
}

async function crashInto(rules: readonly Rule[]) {
  await consumer?.close()
  await db().delete(checkpoints)
  await start(rules)
}

/** What a process that is killed does not do any more. */
const KILLED: Partial<StateStore> = {
  saveCheckpoint: () => Promise.reject(new Error('killed'))
}

async function report(minute: number, fillPct: number) {
  world.clock.set(START + minutes(minute))
  await world.report('fs-1', { fillPct })
}

async function pass(minute: number) {
  const { clock, journal } = world
  clock.set(START + minutes(minute))
  await journal.append(tick(minutes(60)))
  await until('everything is decided', () => fatal !== undefined || consumer?.committed() === journal.head())
}

const allTickets = () => db().select().from(tickets).orderBy(tickets.openedAt)
const openTickets = async () => (await allTickets()).filter(({ closedAt }) => closedAt === null)
const goingOn = async () => (await db().select().from(episodes)).filter(({ endedAt }) => endedAt === null)
async function historyOf(id: string | undefined) {
  const rows = await db().select().from(ticketEvents).orderBy(ticketEvents.no)
  return rows.filter(({ ticket }) => ticket === id).map(({ no, action }) => `${no} ${action}`)
}

describe('what a start put right', () => {
  it('stays so over the next crash, whenever that comes', async () => {
    await report(0, 95)
    await pass(11)
    const [old] = await openTickets()
    await consumer?.close()
    await db().delete(checkpoints)
    // Before it is written: the next start finds all as it was.
    const died = { commit: () => Promise.reject(new Error('killed')) }
    await expect(start(LONGER, died)).rejects.toThrow('killed')
    expect(await db().select().from(checkpoints)).toEqual([])
    expect(await openTickets()).toEqual([old])
    // As soon as it is written, and after some minutes of work.
    for (const minutes of [0, 12]) {
      await start(LONGER, KILLED)
      if (minutes > 0) await pass(minutes)
      expect(await openTickets()).toEqual([])
      expect(await historyOf(old?.id)).toEqual(['0 open', '1 clear'])
      await consumer?.close()
    }
    // For these it was no mistake: what was closed stays closed all the same.
    await start(DEFAULT_RULES)
    await pass(16)
    expect(fatal).toBeUndefined()
    const [now, ...others] = await openTickets()
    expect(others).toEqual([])
    expect(now?.id).not.toBe(old?.id)
    expect(await historyOf(old?.id)).toEqual(['0 open', '1 clear'])
  })

  it('sends somebody to planned work that only a row tells of, once', async () => {
    const change = (id: string, body: ChangeBody) =>
      submitChange(db(), { subject: `plan:${id}`, body, who: 'chen', why: null, requestedAt: START })
    await pass(1)
    const { id } = await change('p-1', { kind: 'plan', plan: PLAN })
    await pass(2)
    await pass(70)
    const [planned] = await openTickets()
    expect(planned).toMatchObject({ source: 'planned', state: 'new', crew: null })
    await consumer?.close()
    await db().delete(checkpoints)
    await db().delete(changes).where(eq(changes.id, id))
    await change('crew', { kind: 'crew', crew: CREW })
    await start(DEFAULT_RULES, KILLED)
    await consumer?.close()
    await start(DEFAULT_RULES)
    await pass(80)
    await pass(90)
    expect(fatal).toBeUndefined()
    expect(await openTickets()).toMatchObject([{ id: planned?.id, state: 'dispatched', crew: 'crew-1' }])
    expect(await historyOf(planned?.id)).toEqual(['0 open', '1 dispatch'])
  })
})

describe('a start after a crash', () => {
  it('of the same build finds its rows as it left them', async () => {
    await report(0, 95)
    await pass(11)
    const before = await allTickets()
    await crashInto(DEFAULT_RULES)
    await pass(12)
    expect(before).toHaveLength(1)
    expect(await allTickets()).toEqual(before)
    expect(said).toEqual([expect.stringContaining('replaying')])
  })

  it('of a build with a longer hold has one ticket of one trouble, when that is full', async () => {
    await report(0, 95)
    await pass(11)
    const [old] = await openTickets()
    await crashInto(LONGER)
    await pass(12)
    expect(await openTickets()).toEqual([])
    expect(await goingOn()).toEqual([])
    expect(await allTickets()).toMatchObject([
      { id: old?.id, closeReason: 'self-cleared', bornCleared: true, state: 'closed' }
    ])
    expect(said.join()).toContain('another build decided')

    await pass(21)
    expect(fatal).toBeUndefined()
    const [open, ...others] = await openTickets()
    expect(others).toEqual([])
    expect(open?.id).not.toBe(old?.id)
    expect(await goingOn()).toMatchObject([{ ticket: open?.id }])
    expect(await historyOf(old?.id)).toEqual(['0 open', '1 clear'])
    expect(await historyOf(open?.id)).toEqual(['0 open'])
  })

  it('of a build for which there is no trouble leaves none behind', async () => {
    await report(0, 95)
    await pass(11)
    await crashInto(HIGHER)
    await pass(12)
    expect(await openTickets()).toEqual([])
    await report(13, 10)
    await pass(30)
    await report(31, 99.5)
    await pass(45)
    expect(fatal).toBeUndefined()
    expect(await openTickets()).toMatchObject([{ rule: 'bin-full', openedAt: START + minutes(41) }])
  })

  it('of a build that would have opened one has it in its rows, with its history', async () => {
    await report(0, 85)
    await pass(11)
    expect(await allTickets()).toEqual([])
    await crashInto(LOWER)
    await pass(12)
    const [open] = await openTickets()
    expect(open).toMatchObject({ rule: 'bin-full', openedAt: START + minutes(10) })
    expect(await historyOf(open?.id)).toEqual(['0 open'])
    await report(13, 10)
    await pass(16)
    expect(fatal).toBeUndefined()
    expect(await openTickets()).toEqual([])
    expect(await historyOf(open?.id)).toEqual(['0 open', '1 clear'])
  })

  it('of a build that sees it begin earlier keeps one ticket, into which the other goes', async () => {
    await report(0, 85)
    await report(5, 95)
    await pass(16)
    const [old] = await openTickets()
    await crashInto(LOWER)
    await pass(17)
    const [open, ...others] = await openTickets()
    expect(others).toEqual([])
    expect(open?.id).not.toBe(old?.id)
    expect((await allTickets()).find(({ id }) => id === old?.id)).toMatchObject({ mergedInto: open?.id })
    expect(await goingOn()).toMatchObject([{ startedAt: START, ticket: open?.id }])
    // Once more from the same rows: nothing is left to do.
    said = []
    await crashInto(LOWER)
    await pass(18)
    expect(said).toEqual([expect.stringContaining('replaying')])
    expect(fatal).toBeUndefined()
    expect(await openTickets()).toHaveLength(1)
  })
})
