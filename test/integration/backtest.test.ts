import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Problem } from '#model/api'
import { DEFAULT_RULES } from '#model/default-rules'
import type { BacktestState, RuleDetail } from '#model/rule-shapes'
import { hours, minutes, systemClock, type Millis, seconds } from '#model/time'
import { makeCity } from '#sim/city'
import { cityCsv } from '#sim/city-csv'
import { drivenClock } from '#sim/driven-clock'
import { plan } from '#sim/plan'
import { payloadOf, reportStream } from '#sim/reports'
import { freshDatabase } from '#test/fixtures/database'
import { startTestSystem, type TestSystem } from '#test/fixtures/system'
import { until } from '#test/fixtures/until'

/** Into the night, so that lamps are judged too. */
const TO = Date.parse('2026-03-10T15:00:00Z')
const FROM = TO - hours(20)
const STEP_MS = minutes(1)
const iso = (at: Millis) => new Date(at).toISOString()

let database: Awaited<ReturnType<typeof freshDatabase>>
let city: TestSystem
const simulated = makeCity({ seed: 3, scale: 0.03 })

beforeAll(async () => {
  database = await freshDatabase()
  const clock = drivenClock(FROM, systemClock)
  city = await startTestSystem({ clock, databaseUrl: database.url })
  await city.importCsv(cityCsv(simulated))
  const { journal } = city.system
  const stream = reportStream({
    city: simulated,
    from: FROM,
    faults: plan({ city: simulated, from: FROM, to: TO })
  })
  for (let at = FROM + STEP_MS; at <= TO; at += STEP_MS) {
    clock.set(at)
    const said = stream.until(at).map(report => ({
      kind: 'telemetry' as const,
      deviceId: report.device,
      payload: Buffer.from(payloadOf(report))
    }))
    await Promise.all(said.map(entry => journal.append(entry)))
    await city.system.tick(STEP_MS)
  }
  await city.settled()
}, 300_000)
afterAll(async () => {
  await city.close()
  await database.drop()
})

const ask = (rule: string, body: object) =>
  city.post<BacktestState & Problem>(`/api/rules/${rule}/backtest`, { from: iso(FROM), to: iso(TO), ...body })
const look = (id: string) => city.get<BacktestState>(`/api/backtests/${id}`)
async function run(rule: string, draft: object, more: object = {}) {
  const { status, body } = await ask(rule, { rule: draft, ...more })
  expect([status, body.state]).not.toEqual([202, 'failed'])
  await until(
    'the back-test is over',
    async () => !['waiting', 'running'].includes((await look(body.id)).state),
    { withinMs: seconds(100), everyMs: 100 }
  )
  const done = await look(body.id)
  if (!done.result) throw new Error(`it is ${done.state}: ${done.error}`)
  return done.result
}

/** What the live rules decided. */
async function lived(rule: string) {
  const { rows } = await database.pool.query<{
    subject: string
    from: Date
    to: Date | null
    ticket: string | null
  }>(`select subject, started_at as from, ended_at as to, ticket from episodes where rule = $1`, [rule])
  return rows.map(({ subject, from, to, ticket }) => ({
    subject,
    from: from.toISOString(),
    to: to?.toISOString() ?? null,
    ticket
  }))
}
const bySubject = (a: { subject: string; from: string }, b: { subject: string; from: string }) =>
  `${a.subject} ${a.from}`.localeCompare(`${b.subject} ${b.from}`)

describe('a back-test over a simulated day', () => {
  it.each(DEFAULT_RULES.map(({ id }) => id))('of %s finds what the live rules found', async rule => {
    const live = await lived(rule)
    // Switched off the draft finds nothing, so every episode of the present version is a difference.
    const result = await run(rule, { enabled: false })
    const found = result.differences.map(({ subject, from, to }) => ({ subject, from, to })).sort(bySubject)
    expect(result.leftOut).toBe(0)
    expect(found).toEqual(live.map(({ subject, from, to }) => ({ subject, from, to })).sort(bySubject))
    const tickets = new Set(live.map(({ ticket }) => ticket).filter(ticket => ticket !== null))
    expect(result.present).toMatchObject({ episodes: live.length, tickets: tickets.size })
    expect(result.draft).toEqual({ episodes: 0, tickets: 0, minutes: 0, flaps: 0 })
  })

  it('has something to find', async () => {
    const counts = await Promise.all(DEFAULT_RULES.map(async ({ id }) => (await lived(id)).length))
    expect(counts.filter(count => count > 0).length).toBeGreaterThan(8)
  })

  it('says what a lower and a higher threshold would have found', async () => {
    const same = await run('bin-full', {})
    expect(same).toMatchObject({ differences: [], draft: same.present })
    const lower = await run('bin-full', { when: { metric: 'fillPct', atLeast: 62 } })
    expect(lower.draft.minutes).toBeGreaterThan(lower.present?.minutes ?? 0)
    const higher = await run('bin-full', { when: { metric: 'fillPct', atLeast: 100 } })
    expect(higher.draft.episodes).toBeLessThan(higher.present?.episodes ?? 0)
    expect(higher.differences.some(({ what }) => what === 'only-present')).toBe(true)
    expect(lower.notes.map(({ en }) => en).join(' ')).toContain('outages')
  })

  it('says of which part of the range there are readings', async () => {
    const { rows } = await database.pool.query<{ first: Date; last: Date }>(
      `select min(received_at) as first, max(received_at) as last
         from telemetry join telemetry_series on series = id where metric = 'fillPct' and received_at < $1`,
      [new Date(TO)]
    )
    const stored = { from: rows[0]?.first.toISOString(), to: rows[0]?.last.toISOString() }
    const young = await run('bin-full', {}, { from: iso(TO - hours(24 * 30)) })
    expect(young.covered).toEqual(stored)
    // What is older speaks of the whole range.
    const late = await run('bin-full', {}, { from: iso(TO - hours(2)) })
    expect(late.covered).toEqual({ from: iso(TO - hours(2)), to: stored.to })
    const before = await run('bin-full', {}, { from: iso(FROM - hours(9)), to: iso(FROM - hours(3)) })
    expect(before).toMatchObject({ covered: null, readings: 0 })
  })

  it('takes a draft that names what verifies a claim, which no episode depends on', async () => {
    const strict = await run('bin-full', { verify: { metric: 'fillPct', atMost: 20 } })
    expect(strict).toMatchObject({ differences: [], draft: strict.present })
  })

  it('takes a preset as it is answered, and says what it would have found', async () => {
    const { items } = await city.get<{ items: { id: string; rule: object }[] }>(
      '/api/rules/lighting-rate/presets'
    )
    const results = new Map<string, Awaited<ReturnType<typeof run>>>()
    for (const { id, rule } of items) results.set(id, await run('lighting-rate', rule))
    const [same, graded, small] = [...results.values()]
    expect(same).toMatchObject({ differences: [], draft: same?.present })
    // No target is higher than 98, and a road of a few lamps may have two dark ones.
    const minutesOf = (one: typeof same) => one?.draft.minutes ?? NaN
    expect(minutesOf(graded)).toBeLessThanOrEqual(minutesOf(same))
    expect(minutesOf(small)).toBeLessThan(minutesOf(same))
    expect(small?.differences.some(({ what }) => what === 'only-present')).toBe(true)
  })

  it('looks at one area where it is asked to, and at a new rule without a version in force', async () => {
    const whole = await run('bin-full', { when: { metric: 'fillPct', atLeast: 70 } })
    const grid = simulated.facilities.find(({ kind }) => kind === 'bin')?.parent as string
    const part = await run('bin-full', { when: { metric: 'fillPct', atLeast: 70 } }, { area: grid })
    expect(part.draft.episodes).toBeLessThan(whole.draft.episodes)
    const {
      id: _,
      version: __,
      history: ___,
      asShipped: ____,
      shipped: _____,
      names: ______,
      ...rule
    } = await city.get<RuleDetail & Record<string, unknown>>('/api/rules/bin-full')
    const fresh = await run('bin-brimming', rule)
    expect(fresh).toMatchObject({ present: null, draft: (await run('bin-full', {})).present })
  })

  it('changes nothing: not a ticket, not an episode, not the rule', async () => {
    const state = async () => {
      const { rows } = await database.pool.query(
        `select (select count(*) from tickets) as tickets, (select count(*) from episodes) as episodes,
           (select count(*) from ticket_events) as events, (select count(*) from changes) as changes`
      )
      return rows[0] as object
    }
    const before = await state()
    await run('bin-full', { when: { metric: 'fillPct', atLeast: 62 } })
    expect(await state()).toEqual(before)
    expect((await city.get<RuleDetail>('/api/rules/bin-full')).version).toBe(1)
  })

  it('is refused where it makes no sense, runs one at a time, and stops when it is told to', async () => {
    const refused = async (body: object) => (await ask('bin-full', { rule: {}, ...body })).body.detail
    expect(await refused({ rule: { forMs: -1 } })).toContain('forMs: expected')
    expect(await refused({ from: iso(TO + hours(1)) })).toContain('must be after from')
    expect(await refused({ from: iso(TO - hours(24 * 31)) })).toContain('at most 30 days')
    expect(await refused({ area: 'nowhere' })).toContain('there is no area nowhere')

    const ids: string[] = []
    for (let n = 0; n < 3; n++) ids.push((await ask('device-silent', { rule: {} })).body.id)
    // The last one first: when it runs, those before it are over by the time they are looked at.
    const states: string[] = []
    for (const id of ids.toReversed()) states.push((await look(id)).state)
    expect(states.filter(state => state === 'running').length).toBeLessThanOrEqual(1)
    for (const id of ids) {
      const { body } = await city.api<BacktestState>(`/api/backtests/${id}`, { method: 'DELETE' })
      expect(['cancelled', 'done']).toContain(body.state)
    }
    expect((await city.api<Problem>('/api/backtests/none')).body).toMatchObject({ status: 404 })
    expect((await run('bin-full', {})).readings).toBeGreaterThan(0)
  })
})
