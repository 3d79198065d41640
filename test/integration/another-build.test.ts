import { eq, inArray } from 'drizzle-orm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { submitChange } from '#db/changes'
import { followedCase } from '#db/followed-reports'
import { tick } from '#db/journal-ticks'
import { importRecords } from '#db/registry'
import { changes, checkpoints, episodes, ratings, ticketEvents, tickets } from '#db/schema'
import type { StateStore } from '#db/state-store'
import type { StateConsumer } from '#ingest/state-consumer'
import type { ChangeBody, TicketReportBody } from '#model/changes'
import type { Crew } from '#model/crews'
import { DEFAULT_RULES } from '#model/default-rules'
import type { Plan } from '#model/plans'
import type { Rule } from '#model/rules'
import type { TicketKind } from '#model/ticket-kinds'
import type { TicketAction } from '#model/tickets'
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

describe('who follows a case by a code', () => {
  const SAID: Omit<TicketReportBody, 'report' | 'what'> = {
    ...{ kind: 'ticket-report', source: 'hotline', subject: 'facility:bin-1', lat: null, lon: null },
    ...{ note: null, photos: [], oneStep: false, role: 'operator' }
  }
  const ACT = { kind: 'ticket-action', role: 'operator', note: 'why', claimedAt: null } as const
  const submit = (body: ChangeBody) =>
    submitChange(db(), { subject: 'facility:bin-1', body, who: 'wang', why: null, requestedAt: START })
  const reported = (name: string, what: TicketKind, codeHash?: string) =>
    submit({ ...SAID, report: name, what, ...(codeHash !== undefined && { codeHash }) })
  const act = (ticket: string, action: TicketAction, more: { into?: string; quietUntil?: number } = {}) =>
    submit({ ...ACT, ticket, action, quietUntil: null, ...more })
  const rated = (ticket: string, report: string) =>
    submit({ kind: 'ticket-rating', ticket, report, stars: 4, comment: null })
  const allRatings = async () =>
    (await db().select().from(ratings)).map(({ ticket, report }) => `${ticket} ${report}`)

  it('may still follow and rate what only its row tells of', async () => {
    await pass(1)
    const made = [await reported('R-1', 'dirty', 'h-1'), await reported('R-2', 'dirty', 'h-2')]
    made.push(await reported('R-3', 'damaged', 'h-3'), await reported('R-4', 'dirty'))
    await pass(2)
    made.push(await act('R-3', 'merge', { into: 'R-1' }))
    await pass(3)
    expect((await openTickets()).map(({ id }) => id)).toEqual(['R-1'])
    await consumer?.close()
    await db().delete(checkpoints)
    const ids = made.map(({ id }) => id)
    await db().delete(changes).where(inArray(changes.id, ids))
    await start(DEFAULT_RULES)
    await pass(4)
    await act('R-1', 'close')
    await pass(5)
    // The last of them never had a code.
    for (const name of ['R-1', 'R-3', 'R-4', 'R-1']) await rated('R-1', name)
    await pass(6)
    expect(fatal).toBeUndefined()
    expect(await allRatings()).toEqual(['R-1 R-1', 'R-1 R-3'])
    expect(await followedCase(db(), 'h-3')).toMatchObject({ ticket: { id: 'R-1' }, rating: { stars: 4 } })
  })

  it('follows the ticket of which the report is by this build', async () => {
    await report(0, 95)
    await pass(11)
    await reported('R-1', 'overflow', 'h-1')
    await pass(12)
    const [sensed] = await openTickets()
    expect(await followedCase(db(), 'h-1')).toMatchObject({ ticket: { id: sensed?.id } })
    await crashInto(HIGHER)
    await pass(13)
    expect(await openTickets()).toMatchObject([{ id: 'R-1' }])
    await act('R-1', 'close')
    await pass(14)
    await rated('R-1', 'R-1')
    await pass(15)
    expect(fatal).toBeUndefined()
    expect(await followedCase(db(), 'h-1')).toMatchObject({ ticket: { id: 'R-1' }, rating: { stars: 4 } })
  })

  it('may rate what was closed because no rule has it open any more', async () => {
    await report(0, 95)
    await pass(11)
    const { id } = await reported('R-1', 'overflow', 'h-1')
    await pass(12)
    const [sensed] = await openTickets()
    await db().delete(changes).where(eq(changes.id, id))
    await crashInto(HIGHER)
    await pass(13)
    expect(await openTickets()).toEqual([])
    await rated(sensed?.id ?? '', 'R-1')
    await pass(14)
    expect(fatal).toBeUndefined()
    expect(await allRatings()).toEqual([`${sensed?.id} R-1`])
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
