import { readFileSync } from 'node:fs'
import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { databaseOn } from '#db/database'
import { migrateDatabase } from '#db/migrate'
import { planRuns, reports, ticketEvents, tickets } from '#db/schema'
import { postgresStateStore } from '#db/state-store'
import { days } from '#model/time'
import { freshDatabase } from '#test/fixtures/database'

const NOW = Date.parse('2026-11-01T00:00:00Z')
type Row = typeof tickets.$inferSelect

describe('what is kept of tickets', () => {
  let database: Awaited<ReturnType<typeof freshDatabase>>
  const db = () => databaseOn(database.pool)
  const ticket = async (id: string, part: Partial<Row> = {}): Promise<Row> => {
    const [row] = await db()
      .insert(tickets)
      .values({
        ...{ id, source: 'hotline', subject: `facility:${id}`, state: 'closed', severity: 'minor' },
        ...{ openedAt: 0, firstDueAt: 0, dueAt: 0, closedAt: 1, parameters: {}, pauses: [], evidence: [] },
        terms: {} as Row['terms'],
        ...part
      })
      .returning()
    if (!row) throw new Error('no row')
    return row
  }
  beforeAll(async () => {
    database = await freshDatabase()
    await migrateDatabase(database.pool)
  })
  afterAll(() => database.drop())

  it('forgets reports of what is over and runs of plans after 400 days', async () => {
    await ticket('over')
    await ticket('open', { state: 'new', closedAt: null })
    const report = (id: string, of: string, age: number) => ({
      ...{ id, ticket: of, at: NOW - days(age), who: 'li', source: 'hotline', kind: 'dirty' },
      ...{ subject: 'facility:x', photos: [] }
    })
    await db()
      .insert(reports)
      .values([report('old', 'over', 401), report('new', 'over', 399), report('waits', 'open', 401)])
    const run = (age: number) => ({ from: NOW - days(age) - 1, until: NOW - days(age) })
    await db()
      .insert(planRuns)
      .values([401, 399].map(age => ({ plan: 'p', facility: 'x', ...run(age) })))
    await postgresStateStore(database.pool).tidy(NOW - days(35))
    const left = await db().select().from(reports)
    expect(left.map(({ id }) => id).sort()).toEqual(['new', 'waits'])
    expect((await db().select().from(planRuns)).map(({ until }) => until)).toEqual([NOW - days(399)])
  })

  it('knows from the history when a ticket of an older build was accepted, and keeps it', async () => {
    const row = await ticket('accepted', { state: 'accepted', closedAt: null })
    const entry = { ticket: 'accepted', who: 'li', action: 'accept', to: 'accepted' }
    await db()
      .insert(ticketEvents)
      .values([
        { ...entry, no: 1, at: NOW + 5 },
        { ...entry, no: 2, at: NOW + 9 }
      ])
    const sql = readFileSync(new URL('../../db/migrations/0005_reporters.sql', import.meta.url), 'utf8')
    await database.pool.query(sql.split('--> statement-breakpoint').at(-1) ?? '')
    const acceptedAt = async () =>
      (await db().select().from(tickets).where(eq(tickets.id, 'accepted')))[0]?.acceptedAt
    expect(await acceptedAt()).toBe(NOW + 5)

    const store = postgresStateStore(database.pool)
    const nothing = { episodes: [], events: [], notifications: [], reports: [], ratings: [], planRuns: [] }
    const more = { ...nothing, quarantine: [], applied: [] }
    const at = (seq: number) => ({ seq, appliedNo: 0 })
    await store.commit({ ...more, from: at(0), to: at(1), tickets: [{ ...row, state: 'in-progress' }] })
    expect(await acceptedAt()).toBe(NOW + 5)
    // Given back: nobody has accepted it any more.
    await store.commit({ ...more, from: at(1), to: at(2), tickets: [{ ...row, state: 'new' }] })
    expect(await acceptedAt()).toBeNull()
  })
})
