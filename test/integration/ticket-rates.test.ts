import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseOn } from '#db/database'
import { migrateDatabase } from '#db/migrate'
import { tickets } from '#db/schema'
import { casesOf, ratesBy, ticketRates } from '#db/ticket-rates'
import { CASE_COUNT_IDS, countRates, countedAs, type RatedTicket } from '#model/ticket-rates'
import { days } from '#model/time'
import { freshDatabase } from '#test/fixtures/database'

const START = Date.parse('2026-11-01T00:00:00Z')
const period = { from: START, to: START + days(30) }
type Row = typeof tickets.$inferInsert

/** The same numbers in [0, 1) in every run. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const row = (id: string, part: Partial<Row>): Row => ({
  id,
  source: 'sensor',
  subject: `facility:${id}`,
  state: 'closed',
  severity: 'major',
  openedAt: START,
  firstDueAt: START,
  dueAt: START,
  parameters: {},
  terms: {} as Row['terms'],
  pauses: [],
  evidence: [],
  ...part
})

/** Tickets of every kind around the period, all moments whole days so that many coincide. */
function anyTickets(n: number): Row[] {
  const random = seeded(7)
  const day = () => START + days(Math.floor(random() * 36) - 3)
  const oneOf = <T>(...values: T[]): T => values[Math.floor(random() * values.length)] as T
  return Array.from({ length: n }, (_, i) => {
    const open = random() < 0.2
    return row(`t-${i}`, {
      area: oneOf('a', 'b', null),
      crew: oneOf('c', 'd', null),
      firstDueAt: day(),
      dueAt: day(),
      closedAt: open ? null : day(),
      resolvedAt: open || random() < 0.1 ? null : day(),
      closeReason: open ? null : oneOf('verified', 'person', 'merged', 'void', 'self-cleared'),
      pauses: oneOf<Row['pauses']>(
        [],
        [],
        [{ from: START, until: START + 1, why: oneOf('deferred', 'cleared') }]
      ),
      returns: oneOf(0, 0, 2),
      rework: random() < 0.1,
      bornCleared: random() < 0.1,
      oneStep: random() < 0.1
    })
  })
}

const rated = (one: Row): RatedTicket =>
  ({ ...one, deferred: one.pauses.some(({ why }) => why === 'deferred') }) as unknown as RatedTicket
const inPeriod = ({ firstDueAt }: Row) => firstDueAt >= period.from && firstDueAt < period.to

describe('the rates that the database counts', () => {
  let database: Awaited<ReturnType<typeof freshDatabase>>
  const db = () => databaseOn(database.pool)
  const fill = async (rows: Row[]) => {
    await db().delete(tickets)
    for (let i = 0; i < rows.length; i += 500)
      await db()
        .insert(tickets)
        .values(rows.slice(i, i + 500))
  }
  beforeAll(async () => {
    database = await freshDatabase()
    await migrateDatabase(database.pool)
  })
  afterAll(() => database.drop())

  it('are 93.72 % and 75.82 % of 972 due, 911 closed and 737 on time', async () => {
    const closed = { closeReason: 'verified', closedAt: START + 30 }
    await fill(
      Array.from({ length: 972 }, (_, i) =>
        row(`t-${i}`, {
          dueAt: START + 20,
          ...(i < 911 && { ...closed, resolvedAt: START + (i < 737 ? 10 : 25) })
        })
      )
    )
    expect(await ticketRates(db(), period)).toMatchObject({
      due: 972,
      closed: 911,
      onTime: 737,
      closingPct: 93.72,
      onTimePct: 75.82
    })
  })

  it('are those of the definition, whatever the tickets are', async () => {
    const rows = anyTickets(3000)
    await fill(rows)
    const its = rows.filter(inPeriod)
    expect(await ticketRates(db(), period)).toMatchObject(countRates(its.map(rated), period.to))
    const groups = await ratesBy(db(), period, { by: 'area', groupsOf: key => [key, 'all'] })
    for (const key of ['a', 'b', null, 'all']) {
      const of = its.filter(({ area = null }) => key === 'all' || area === key)
      expect(groups.find(one => one.key === key)?.rates).toMatchObject(countRates(of.map(rated), period.to))
    }
    const crew = its.filter(({ crew }) => crew === 'c')
    expect(await ticketRates(db(), { ...period, crew: 'c' })).toMatchObject(
      countRates(crew.map(rated), period.to)
    )
    for (const counted of CASE_COUNT_IDS) {
      const wanted = its.filter(one => countedAs(rated(one), period.to).includes(counted))
      expect(wanted.length).toBeGreaterThan(5)
      const found = await casesOf(db(), { ...period, counted, limit: 5000 })
      expect(found.toSorted()).toEqual(wanted.map(({ id }) => id).toSorted())
      expect(await casesOf(db(), { ...period, counted, limit: 7 })).toEqual(found.slice(0, 7))
    }
  })
})
