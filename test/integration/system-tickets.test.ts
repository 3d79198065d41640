import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Episode, FacilityDetail, TicketDetail, TicketSummary } from '#model/api'
import type { ServerMessage } from '#model/live'
import { minutes, seconds, type Millis } from '#model/time'
import { cityCsv } from '#test/fixtures/city-csv'
import { standingClock, startTestSystem, type TestSystem } from '#test/fixtures/system'
import { until } from '#test/fixtures/until'

const START = Date.parse('2026-11-02T02:00:00Z')
const iso = (at: Millis) => new Date(at).toISOString()
interface List<T> {
  items: T[]
}

describe('a ticket, from the MQTT message to the page and back, in played time', () => {
  let city: TestSystem
  const clock = { now: START }

  beforeEach(async () => {
    const driven = standingClock(START)
    city = await startTestSystem({ clock: driven })
    clock.now = START
    await city.importCsv(
      cityCsv([
        { id: 'bin-1', attributes: { cleaningGrade: '1' } },
        { id: 'bin-2', attributes: { cleaningGrade: '3' } },
        { id: 'toilet-1', kind: 'toilet' }
      ])
    )
  })
  afterEach(async () => {
    const { fatal } = city
    await city.close()
    expect(fatal).toEqual([])
  })

  const tickets = async (query = 'status=all') =>
    (await city.get<List<TicketSummary>>(`/api/tickets?${query}`)).items
  const facility = (id: string) => city.get<FacilityDetail>(`/api/facilities/${id}`)
  const pass = async (ms: Millis) => {
    await city.pass(ms)
    clock.now += ms
  }
  const act = (id: string, body: object, key?: string) =>
    city.post<TicketDetail & { code: string }>(
      `/api/tickets/${id}/actions`,
      body,
      key === undefined ? {} : { 'idempotency-key': key }
    )
  /** A bin over its limit until the ticket is there. */
  async function fullBin(id = 'bin-1') {
    const sensor = await city.device(`${id}-s`)
    await sensor.publish({ fillPct: 95 })
    await pass(minutes(11))
    const ticket = (await tickets('status=open')).find(({ facility }) => facility === id)
    if (!ticket) throw new Error(`no ticket for ${id}`)
    return { sensor, ticket }
  }

  it('opens exactly one when a bin was at 95 % for ten minutes, not a minute earlier, with evidence and its time', async () => {
    const page = await city.live({ view: 'tickets', query: {} })
    const sensor = await city.device('bin-1-s')
    await sensor.publish({ fillPct: 95 })
    await pass(minutes(9))
    expect(await tickets()).toEqual([])
    expect((await facility('bin-1')).health).toBe('warning')
    await sensor.publish({ fillPct: 96 })
    await pass(minutes(3))

    const [ticket, ...others] = await tickets()
    expect(others).toEqual([])
    expect(ticket).toMatchObject({ rule: 'bin-full', facility: 'bin-1', state: 'new', area: 'grid-1' })
    expect(ticket?.openedAt).toBe(iso(START + minutes(10)))
    // Grade 1 has ten minutes.
    expect(ticket?.dueAt).toBe(iso(START + minutes(20)))
    const detail = await city.get<TicketDetail>(`/api/tickets/${ticket?.id}`)
    expect(detail.evidence.map(({ device, value, measuredAt }) => ({ device, value, measuredAt }))).toEqual([
      { device: 'bin-1-s', value: 95, measuredAt: iso(START) },
      { device: 'bin-1-s', value: 96, measuredAt: iso(START + minutes(9)) }
    ])
    expect(detail.episodes.map(({ startedAt, endedAt }) => ({ startedAt, endedAt }))).toEqual([
      { startedAt: iso(START), endedAt: null }
    ])
    expect(await facility('bin-1')).toMatchObject({ health: 'fault', openTickets: 1 })
    expect(await facility('bin-2')).toMatchObject({ health: 'unknown', openTickets: 0 })

    const upserted = (message: ServerMessage) => (message.type === 'changes' ? (message.upsert ?? []) : [])
    await until('the page has the ticket', () => page.flatMap(upserted).some(({ id }) => id === ticket?.id))
  })

  it('gives other streets two hours', async () => {
    const { ticket } = await fullBin('bin-2')
    expect(Date.parse(ticket.dueAt) - Date.parse(ticket.openedAt)).toBe(minutes(120))
  })

  it('closes by itself once the bin was empty for two minutes', async () => {
    const { sensor, ticket } = await fullBin()
    await sensor.publish({ fillPct: 20 })
    await pass(minutes(1))
    expect(await tickets('status=open')).toHaveLength(1)
    await pass(minutes(2))
    const closed = await city.get<TicketDetail>(`/api/tickets/${ticket.id}`)
    expect(closed).toMatchObject({ state: 'closed', closeReason: 'self-cleared' })
    expect(closed.history.map(({ who, action }) => `${who} ${action}`)).toEqual([
      'sensor open',
      'sensor clear'
    ])
    expect((await facility('bin-1')).health).toBe('ok')
    expect(await tickets('status=open')).toEqual([])
  })

  it('waits for the claim once a crew has accepted it, and the cleared sensor verifies that', async () => {
    const { sensor, ticket } = await fullBin()
    for (const [action, state] of [
      ['comment', 'new'],
      ['accept', 'accepted'],
      ['start', 'in-progress']
    ] as const) {
      expect((await act(ticket.id, { action, note: 'seen' })).body).toMatchObject({ state })
    }
    await sensor.publish({ fillPct: 5 })
    await pass(minutes(3))
    expect(await city.get<TicketDetail>(`/api/tickets/${ticket.id}`)).toMatchObject({ state: 'in-progress' })
    const { body } = await act(ticket.id, { action: 'claim' })
    expect(body).toMatchObject({ state: 'closed', closeReason: 'verified' })
    expect(body.history.map(({ action }) => action)).toEqual([
      'open',
      'comment',
      'accept',
      'start',
      'clear',
      'claim',
      'verify'
    ])
  })

  it('is closed by a person only with a reason, and while the bin is full only with a quiet time', async () => {
    const { ticket } = await fullBin()
    expect(await act(ticket.id, { action: 'close' })).toMatchObject({
      status: 422,
      body: { code: 'reason-required' }
    })
    expect(await act(ticket.id, { action: 'close', note: 'wrong sensor' })).toMatchObject({
      status: 409,
      body: { code: 'move-not-allowed' }
    })
    const quietUntil = iso(clock.now + minutes(60))
    const { status, body } = await act(ticket.id, { action: 'close', note: 'road works', quietUntil })
    expect(status).toBe(200)
    expect(body).toMatchObject({ state: 'closed', closeReason: 'person' })

    await pass(minutes(55))
    expect(await tickets('status=open')).toEqual([])
    // Still full when the quiet time ends: the ten minutes count from there.
    await pass(minutes(20))
    const [again, ...more] = await tickets('status=open')
    expect(more).toEqual([])
    expect(again).toMatchObject({ rule: 'bin-full', openedAt: iso(Date.parse(quietUntil) + minutes(10)) })
    expect(again?.id).not.toBe(ticket.id)
  })

  it('takes a repeated action with the same key once', async () => {
    const { ticket } = await fullBin()
    const first = await act(ticket.id, { action: 'comment', note: 'on my way' }, 'key-1')
    const second = await act(ticket.id, { action: 'comment', note: 'on my way' }, 'key-1')
    expect([first.status, second.status]).toEqual([200, 200])
    expect(second.body.history.filter(({ note }) => note === 'on my way')).toHaveLength(1)
    expect(await act(ticket.id, { action: 'comment', note: 'another' }, 'key-1')).toMatchObject({
      status: 409
    })
  })

  it('keeps a running hold over a restart and does not count the time it was away', async () => {
    await (await city.device('bin-1-s')).publish({ fillPct: 95 })
    await pass(minutes(5))
    await city.restart(minutes(4))
    clock.now += minutes(4)
    const sensor = await city.device('bin-1-s')
    await sensor.publish({ fillPct: 96 })
    // Six minutes counted: the one the last tick had promised, too.
    await pass(minutes(3))
    expect(await tickets()).toEqual([])
    await pass(minutes(2))
    const [ticket, ...others] = await tickets()
    expect(others).toEqual([])
    expect(ticket).toMatchObject({ rule: 'bin-full', openedAt: iso(START + minutes(13)) })
  })

  it('remembers open tickets, values and moves over a restart, and opens nothing twice', async () => {
    const { ticket } = await fullBin()
    await act(ticket.id, { action: 'accept' })
    const before = await facility('bin-1')
    await city.restart(seconds(30))
    expect(await facility('bin-1')).toEqual(before)
    await (await city.device('bin-1-s')).publish({ fillPct: 97 })
    await pass(minutes(15))
    expect((await tickets()).map(({ id, state }) => ({ id, state }))).toEqual([
      { id: ticket.id, state: 'accepted' }
    ])
    const { items } = await city.get<List<Episode>>('/api/facilities/bin-1/episodes')
    expect(items).toHaveLength(1)
  })

  it('opens one for a device that fell silent, and closes it with the next report', async () => {
    const sensor = await city.device('toilet-1-s')
    await sensor.publish({ stallsTotal: 4, stallsOccupied: 1 })
    await pass(minutes(2))
    expect((await facility('toilet-1')).health).toBe('ok')
    await pass(minutes(2))
    expect((await tickets()).map(({ rule, subject }) => ({ rule, subject }))).toEqual([
      { rule: 'device-silent', subject: 'device:toilet-1-s' }
    ])
    expect(await facility('toilet-1')).toMatchObject({ health: 'silent', openTickets: 1 })
    await sensor.publish({ stallsOccupied: 2 })
    await city.settled()
    expect(await tickets('status=open')).toEqual([])
    expect((await facility('toilet-1')).health).toBe('ok')
  })

  it('does not call devices silent because we were away', async () => {
    await (await city.device('toilet-1-s')).publish({ stallsTotal: 4, stallsOccupied: 1 })
    await pass(minutes(1))
    await city.restart(minutes(30))
    clock.now += minutes(30)
    await pass(minutes(3))
    expect(await tickets()).toEqual([])
    await pass(minutes(2))
    expect((await tickets()).map(({ rule }) => rule)).toEqual(['device-silent'])
  })
})
