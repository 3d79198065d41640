import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { databaseOn } from '#db/database'
import { migrateDatabase } from '#db/migrate'
import { notifications, tickets } from '#db/schema'
import { readStanding, standingNotices } from '#db/standing-notices'
import { NOTIFICATION_KINDS, type NotificationKind } from '#model/tickets'
import { minutes, type Millis } from '#model/time'
import { freshDatabase } from '#test/fixtures/database'

const NOW = Date.parse('2026-11-02T02:00:00Z')
const DESK = 'role:operator'
type Row = typeof tickets.$inferSelect
type State = Partial<Row>

let database: Awaited<ReturnType<typeof freshDatabase>>
const db = () => databaseOn(database.pool)
beforeAll(async () => {
  database = await freshDatabase()
  await migrateDatabase(database.pool)
})
afterAll(() => database.drop())
beforeEach(() => database.pool.query('truncate tickets, notifications'))

const ticket = (id: string, part: State = {}) =>
  db()
    .insert(tickets)
    .values({
      ...{ id, source: 'sensor', subject: `facility:${id}`, state: 'dispatched', severity: 'major' },
      ...{ crew: 'north', openedAt: NOW, firstDueAt: NOW, dueAt: NOW },
      ...{ parameters: {}, pauses: [], evidence: [], terms: {} as Row['terms'] },
      ...part
    })
let told = 0
const tell = (
  of: string,
  kind: NotificationKind,
  { to = DESK, at = NOW }: { to?: string; at?: Millis } = {}
) =>
  db()
    .insert(notifications)
    .values({ id: `n-${told++}`, addressee: to, kind, ticket: of, at, readAt: null })
const standing = (addressees = [DESK], limit = 100) => standingNotices(db(), { addressees, limit })
const kinds = async (addressees = [DESK]) =>
  (await standing(addressees)).items.flatMap(item => item.told.map(({ kind }) => kind))

const CLOSED: State = { state: 'closed', closedAt: NOW, closeReason: 'verified' }
const CLAIMED: State = { state: 'claimed-done', claimedAt: NOW, verification: 'report' }
const ASKED: State = {
  state: 'accepted',
  asked: { what: 'extend', by: 'li', role: 'crew', at: NOW, until: null, ms: 1, note: '' }
}
/** Of every kind: to whom, a ticket of which it is still so, and what settles it besides the ticket's end. */
const LIVES: Record<NotificationKind, { to?: string; so: State; settled: State[] }> = {
  dispatched: { to: 'crew:north', so: {}, settled: [{ state: 'accepted' }, { crew: 'south' }] },
  transferred: { to: 'unit:parks', so: { crew: null, unit: 'parks' }, settled: [{ state: 'new' }] },
  returned: { to: 'crew:north', so: {}, settled: [{ state: 'accepted' }, { crew: 'south' }] },
  refused: { so: { state: 'new', crew: null }, settled: [{}, { state: 'checked' }] },
  asked: { to: 'role:manager', so: ASKED, settled: [{ state: 'accepted' }] },
  answered: { to: 'li', so: { state: 'accepted' }, settled: [] },
  colour: { so: {}, settled: [CLAIMED, { clearedAt: NOW }, { deferredUntil: NOW }] },
  escalated: { so: {}, settled: [CLAIMED, { clearedAt: NOW }, { deferredUntil: NOW }] },
  'no-report': { so: { ...CLAIMED, verification: 'person' }, settled: [{ state: 'dispatched' }] },
  'to-verify': { so: { ...CLAIMED, verification: 'person' }, settled: [{ state: 'dispatched' }] },
  'claim-missing': { so: { state: 'accepted', clearedAt: NOW }, settled: [{ ...CLAIMED, clearedAt: NOW }] },
  nobody: { so: { state: 'new', crew: null }, settled: [{}, { state: 'new', crew: null, clearedAt: NOW }] },
  'to-check': { so: { state: 'new', crew: null }, settled: [{ state: 'checked' }] },
  recheck: { so: { ...CLOSED, recheck: 'due' }, settled: [{ ...CLOSED, recheck: 'ok' }] }
}

it.each(Object.keys(NOTIFICATION_KINDS) as NotificationKind[])(
  'counts what was told (%s) while it is so, and no longer when it is settled',
  async kind => {
    const { to = DESK, so, settled } = LIVES[kind]
    await ticket('so', so)
    await tell('so', kind, { to })
    expect(await kinds([to])).toEqual([kind])
    for (const [i, state] of [...settled, CLOSED, { state: 'void', closedAt: NOW }].entries()) {
      await ticket(`settled-${i}`, state)
      await tell(`settled-${i}`, kind, { to })
    }
    expect((await standing([to])).items.map(item => item.ticket.id)).toEqual(['so'])
  }
)

it('tells the desk of rework while nobody has it', async () => {
  await ticket('nobodys', { crew: null })
  await ticket('sent')
  for (const of of ['nobodys', 'sent']) await tell(of, 'returned')
  expect((await standing()).items.map(item => item.ticket.id)).toEqual(['nobodys'])
})

it('tells again what a sensor contradicts', async () => {
  await ticket('t', CLAIMED)
  await tell('t', 'colour')
  expect(await kinds()).toEqual([])
  await database.pool.query("update tickets set state = 'dispatched', claimed_at = null, verification = null")
  expect(await kinds()).toEqual(['colour'])
})

it('is one row a ticket: what asks for something first, then the newest, each kind once', async () => {
  for (const id of ['old', 'new', 'asks']) await ticket(id)
  await ticket('asks-too', { state: 'new', crew: null })
  for (const [of, kind, after] of [
    ['old', 'colour', 0],
    ['old', 'colour', 5],
    ['old', 'escalated', 7],
    ['new', 'colour', 9],
    ['asks-too', 'nobody', 1]
  ] as const)
    await tell(of, kind, { at: NOW + minutes(after) })
  const { items, tickets: all } = await standing()
  expect(all).toBe(3)
  expect(items.map(({ ticket: { id }, asks, told }) => ({ id, asks, told }))).toEqual([
    { id: 'asks-too', asks: true, told: [{ kind: 'nobody', at: NOW + minutes(1) }] },
    { id: 'new', asks: false, told: [{ kind: 'colour', at: NOW + minutes(9) }] },
    {
      id: 'old',
      asks: false,
      told: [
        { kind: 'escalated', at: NOW + minutes(7) },
        { kind: 'colour', at: NOW + minutes(5) }
      ]
    }
  ])
  const few = await standing([DESK], 1)
  expect([few.tickets, few.items.map(item => item.ticket.id)]).toEqual([3, ['asks-too']])
})

it('marks what stood and was told until then, of one ticket or of all, and nobody else’s', async () => {
  for (const id of ['a', 'b']) {
    await ticket(id)
    await tell(id, 'colour')
    await tell(id, 'escalated', { at: NOW + minutes(1) })
    await tell(id, 'colour', { to: 'chief' })
  }
  const read = (part: { until: Millis; ticket?: string }) =>
    readStanding(db(), { addressees: [DESK], at: NOW + minutes(9), ...part })
  await read({ until: NOW + minutes(1), ticket: 'a' })
  expect((await standing()).items.map(item => item.ticket.id)).toEqual(['b'])
  await read({ until: NOW })
  expect(await kinds()).toEqual(['escalated'])
  await read({ until: NOW + minutes(1) })
  expect(await kinds()).toEqual([])
  expect((await standing(['chief'])).tickets).toBe(2)
})

it('does not take what nobody was shown for read', async () => {
  await ticket('claimed', CLAIMED)
  await tell('claimed', 'colour')
  await readStanding(db(), { addressees: [DESK], until: NOW, at: NOW })
  await database.pool.query("update tickets set state = 'dispatched', claimed_at = null, verification = null")
  expect(await kinds()).toEqual(['colour'])
})
