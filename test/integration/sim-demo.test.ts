import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TicketDetail, TicketSummary } from '#model/api'
import { minutes, seconds, type Millis } from '#model/time'
import { freshDatabase, type TestDatabase } from '#test/fixtures/database'
import { prepareDemo, type PreparedDemo } from '../../demo.ts'

type Event = TicketDetail['history'][number]

/** The demo as `npm run demo` starts it, on a clock the test drives on. */
describe('the demo', () => {
  let database: TestDatabase
  let dataDir: string
  let demo: PreparedDemo
  let day: TicketDetail[]
  let after: TicketDetail[]
  const LIVE_MS = minutes(30)

  async function tickets(): Promise<TicketDetail[]> {
    const token = await demo.system.people.createToken('admin', 'bearer')
    const ask = async <T>(path: string): Promise<T> => {
      const answer = await fetch(demo.system.httpUrl + path, {
        headers: { authorization: `Bearer ${token}` }
      })
      expect(answer.status).toBe(200)
      return (await answer.json()) as T
    }
    const { items, nextCursor } = await ask<{ items: TicketSummary[]; nextCursor: string | null }>(
      '/api/tickets?status=all&limit=1000'
    )
    expect(nextCursor).toBeNull()
    const details: TicketDetail[] = []
    for (const { id } of items) details.push(await ask<TicketDetail>(`/api/tickets/${id}`))
    return details
  }

  beforeAll(async () => {
    database = await freshDatabase()
    dataDir = await mkdtemp(join(tmpdir(), 'mingjie-demo-'))
    await chmod(dataDir, 0o755)
    demo = await prepareDemo({
      config: {
        http: { host: '127.0.0.1', port: 0 },
        mqtt: { host: '127.0.0.1', port: 0 },
        dataDir,
        databaseUrl: database.url,
        influx: undefined,
        adminPassword: undefined,
        timeZone: 'Asia/Shanghai'
      },
      onFatal: error => {
        throw error
      },
      signal: new AbortController().signal,
      say: () => {}
    })
    await demo.play({ to: demo.to })
    day = await tickets()
    await demo.play({ to: demo.to + LIVE_MS, live: { stepMs: seconds(20) } })
    after = await tickets()
  }, 400_000)
  afterAll(async () => {
    await demo.close()
    await database.drop()
    await rm(dataDir, { recursive: true, force: true })
  })

  const did = ({ history }: TicketDetail, action: string, who?: string): Event | undefined =>
    history.find(event => event.action === action && (who === undefined || event.who === who))
  const at = ({ at }: Event): Millis => Date.parse(at)

  it('has played a day in which tickets went their whole life: dispatched, accepted, begun, claimed, confirmed', () => {
    const whole = day.filter(ticket =>
      ['dispatch', 'accept', 'start', 'claim'].every(action => did(ticket, action) !== undefined)
    )
    const confirmed = whole.filter(
      ticket => did(ticket, 'verify', 'sensor') && ticket.closeReason === 'verified'
    )
    expect(confirmed.length).toBeGreaterThanOrEqual(10)
    for (const { history, closedAt } of confirmed) {
      expect(history.map(at)).toEqual(history.map(at).sort((a, b) => a - b))
      expect(history[0]).toMatchObject({ action: 'open', to: 'new' })
      expect(closedAt).not.toBeNull()
    }
  })

  it('has had a false completion: contradicted by its sensor, returned, done after all', () => {
    const caught = day.filter(({ history }) =>
      history.some(({ action, data }) => action === 'return' && data?.suspectedFalse === true)
    )
    expect(caught.length).toBeGreaterThan(0)
    expect(caught.every(({ suspectedFalse, returns }) => suspectedFalse && returns > 0)).toBe(true)
    expect(caught.some(({ closeReason }) => closeReason === 'verified')).toBe(true)
  })

  it('ends the day with tickets on their way, in more than one state, and others over', () => {
    const states = new Set(day.map(({ state }) => state))
    expect(states).toContain('closed')
    expect([...states].filter(state => state !== 'closed' && state !== 'void').length).toBeGreaterThan(1)
    expect(day.filter(({ closedAt }) => closedAt === null).length).toBeGreaterThan(1)
  })

  it('goes on by itself: in the half hour after the day tickets open, are taken, claimed, confirmed', () => {
    const news = after.flatMap(({ history }) => history).filter(event => at(event) > demo.to)
    for (const action of ['open', 'dispatch', 'accept', 'start', 'claim', 'verify'])
      expect(news.filter(event => event.action === action).length, action).toBeGreaterThan(0)
    const before = new Map(day.map(ticket => [ticket.id, ticket]))
    const moved = after.filter(({ id, history }) => (before.get(id)?.history.length ?? 0) < history.length)
    expect(moved.length).toBeGreaterThanOrEqual(10)
  })

  it('lets something happen to a ticket in most minutes', () => {
    const news = after.flatMap(({ history }) => history.map(at)).filter(when => when > demo.to)
    const live = new Set(news.map(when => Math.floor((when - demo.to - 1) / minutes(1))))
    expect(live.size).toBeGreaterThan(LIVE_MS / minutes(1) / 2)
  })
})
