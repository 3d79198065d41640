import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type {
  AreaItem,
  NotificationItem,
  PlanItem,
  PlanRun,
  RatesOf,
  StandingNotices,
  TicketDetail,
  TicketRates,
  TicketSummary
} from '#model/api'
import type { TicketPolicy } from '#model/ticket-policy'
import type { Role } from '#model/tickets'
import { minutes, type Millis } from '#model/time'
import { cityCsv } from '#test/fixtures/city-csv'
import { standingClock, startTestSystem, type TestSystem } from '#test/fixtures/system'

/** A Monday, ten in the morning in Shanghai. */
const START = Date.parse('2026-11-02T02:00:00Z')
const iso = (at: Millis) => new Date(at).toISOString()

describe('tickets and the people around them, through the API', () => {
  let city: TestSystem
  const tokens = new Map<string, string>()
  let now = START

  beforeAll(async () => {
    city = await startTestSystem({ clock: standingClock(START) })
    await city.importCsv(
      cityCsv([
        { id: 'bin-1', attributes: { cleaningGrade: '3' } },
        { id: 'bin-2', attributes: { cleaningGrade: '1' } },
        { id: 'toilet-1', kind: 'toilet' }
      ])
    )
    for (const [username, role] of [
      ['li', 'crew'],
      ['wang', 'operator'],
      ['chen', 'manager'],
      ['sun', 'inspector']
    ] as [string, Role][]) {
      await city.post('/api/people', { username, name: username, role })
      tokens.set(username, await city.system.people.createToken(username, 'bearer'))
    }
    await put('/api/crews/north', {
      name: 'North',
      contractor: null,
      areas: ['grid-1'],
      kinds: [],
      shifts: [],
      members: ['li'],
      phone: null,
      active: true
    })
  })
  afterAll(async () => {
    const { fatal } = city
    await city.close()
    expect(fatal).toEqual([])
  })

  const as = (who: string) => ({ authorization: `Bearer ${tokens.get(who)}` })
  const put = async <T>(path: string, body: unknown): Promise<T> => {
    const answer = await city.api<T>(path, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body)
    })
    if (answer.status !== 200) throw new Error(`PUT ${path} answers ${JSON.stringify(answer)}`)
    return answer.body
  }
  const act = (who: string, id: string, body: object) =>
    city.post<TicketDetail & { code?: string }>(`/api/tickets/${id}/actions`, body, as(who))
  const detail = (id: string) => city.get<TicketDetail>(`/api/tickets/${id}`)
  /** Sensors fall silent here as time is passed; that is another test. */
  const open = async () =>
    (await city.get<{ items: TicketSummary[] }>('/api/tickets')).items.filter(
      ({ rule }) => rule !== 'device-silent'
    )
  const notices = async (who: string) =>
    (await city.api<{ items: NotificationItem[] }>('/api/notifications?unread=true', { headers: as(who) }))
      .body.items
  /** What somebody's bell says. */
  const bell = async (who: string) =>
    (await city.api<StandingNotices>('/api/notifications/standing', { headers: as(who) })).body
  const bellOf = async (who: string, ticket: string) =>
    (await bell(who)).items.find(one => one.ticket === ticket)
  const pass = async (ms: Millis) => {
    await city.pass(ms)
    now += ms
  }

  it('sends the crew on shift by itself, tells it, and returns what the sensor contradicts', async () => {
    const sensor = await city.device('bin-1-s')
    await sensor.publish({ fillPct: 95 })
    await pass(minutes(12))
    const [ticket] = await open()
    const id = ticket?.id ?? ''
    expect(ticket).toMatchObject({ rule: 'bin-full', state: 'dispatched', crew: 'north' })
    const [notice] = await notices('li')
    expect(notice).toMatchObject({ kind: 'dispatched', ticket: id, addressee: 'crew:north' })
    expect((await city.post(`/api/notifications/${notice?.id}/read`, {}, as('wang'))).status).toBe(404)
    const read = await city.api(`/api/notifications/${notice?.id}/read`, {
      method: 'POST',
      headers: as('li')
    })
    expect(read.status).toBe(204)
    expect(await notices('li')).toEqual([])
    expect(await bellOf('li', id)).toBeUndefined()

    expect((await act('li', id, { action: 'accept' })).body).toMatchObject({
      state: 'accepted',
      crew: 'north'
    })
    expect((await act('li', id, { action: 'claim' })).body).toMatchObject({ verification: 'report' })
    await pass(minutes(1))
    await sensor.publish({ fillPct: 96 })
    await pass(minutes(1))
    expect(await detail(id)).toMatchObject({ state: 'dispatched', suspectedFalse: true, returns: 1 })
    expect(await bellOf('li', id)).toMatchObject({ asks: true, told: [{ kind: 'returned' }] })

    await act('li', id, { action: 'accept' })
    expect(await bellOf('li', id)).toBeUndefined()
    const looked = { checklist: 'toilet-6-5', answers: [{ item: 'floor', ok: true }] }
    expect((await act('li', id, { action: 'start', checklist: looked })).status).toBe(400)
    const invented = { ...looked, answers: [{ item: 'ceiling', ok: true }] }
    expect((await act('li', id, { action: 'claim', checklist: invented })).status).toBe(400)
    const claim = await act('li', id, { action: 'claim', checklist: looked })
    const unsensed = { item: 'smell', ok: null, sensor: { why: 'no-sensor' } }
    expect(claim.body.history.at(-1)).toMatchObject({
      action: 'claim',
      data: { checklist: { answers: [...looked.answers, unsensed] } }
    })
    await pass(minutes(1))
    await sensor.publish({ fillPct: 5 })
    await pass(minutes(1))
    const done = await detail(id)
    expect(done).toMatchObject({ state: 'closed', closeReason: 'verified' })
    expect(done.episodes).toMatchObject([{ ticket: id }])
    expect(done.episodes[0]?.endedAt).not.toBeNull()
    expect(done.clocks.resolve).toMatchObject({ running: false, late: false, endedAt: done.claimedAt })
    await pass(minutes(15))
    expect(await open()).toEqual([])
  })

  it('defers by the answer of another role, and shows who may do what and what that needs', async () => {
    const sensor = await city.device('bin-2-s')
    await sensor.publish({ fillPct: 95 })
    await pass(minutes(12))
    const [ticket] = await open()
    const id = ticket?.id ?? ''
    await act('li', id, { action: 'accept' })
    const seen = (await city.api<TicketDetail>(`/api/tickets/${id}`, { headers: as('li') })).body
    expect(seen.actions).toEqual(['start', 'claim', 'refuse', 'defer', 'extend', 'comment'])
    expect(seen.needs).toMatchObject({ defer: ['reason', 'until'], refuse: ['reason'] })
    const until = iso(now + minutes(60))
    expect((await act('li', id, { action: 'defer', note: 'market day' })).body.code).toBe('move-not-allowed')
    const asked = await act('li', id, { action: 'defer', note: 'market day', until })
    expect(asked.body).toMatchObject({ asked: 'defer', request: { by: 'li', role: 'crew', until } })
    expect(await bellOf('chen', id)).toMatchObject({ asks: true, told: [{ kind: 'asked' }] })
    expect((await act('li', id, { action: 'approve' })).body.code).toBe('forbidden')
    const approved = (await act('chen', id, { action: 'approve' })).body
    expect(approved).toMatchObject({ deferredUntil: until, paused: 'deferred', asked: null })
    expect(approved.clocks.resolve.running).toBe(false)
    expect(await bellOf('chen', id)).toBeUndefined()
    expect(await bellOf('li', id)).toMatchObject({ asks: false, told: [{ kind: 'answered' }] })
    const colour = approved.colour
    await pass(minutes(59))
    expect((await detail(id)).colour).toBe(colour)
    await pass(minutes(10))
    expect(await detail(id)).toMatchObject({ deferredUntil: null, colour: 'red' })
    const red = await bellOf('wang', id)
    expect(red).toMatchObject({ colour: 'red', title: { en: 'Empty the bin' }, asks: false })
    expect(red?.told.map(({ kind }) => kind)).toContain('colour')

    await act('wang', id, { action: 'close', note: 'seen to', quietUntil: iso(now + minutes(600)) })
    expect(await open()).toEqual([])
    // Nobody has read it, and nobody has to any more.
    expect((await notices('wang')).map(({ kind }) => kind)).toContain('colour')
    expect(await bellOf('wang', id)).toBeUndefined()
  })

  it('takes reports, joins the same, and knows them after a restart', async () => {
    const litter = { kind: 'litter', source: 'patrol', lat: 32.05, lon: 118.78, note: 'bags' }
    const first = await city.post<TicketDetail>('/api/tickets', litter, {
      ...as('li'),
      'idempotency-key': 'k-1'
    })
    expect(first.status).toBe(200)
    expect(first.body).toMatchObject({ kind: 'litter', state: 'new', source: 'patrol', reporters: 1 })
    const again = await city.post<TicketDetail>('/api/tickets', litter, {
      ...as('li'),
      'idempotency-key': 'k-1'
    })
    expect(again.body).toMatchObject({ id: first.body.id, reporters: 1 })
    expect(await bellOf('wang', first.body.id)).toMatchObject({ asks: true, told: [{ kind: 'to-check' }] })
    await city.restart()
    const kept = await bellOf('wang', first.body.id)
    expect(kept).toMatchObject({ asks: true, told: [{ kind: 'to-check' }] })
    const read = { until: kept?.told[0]?.at, ticket: first.body.id }
    expect((await city.post('/api/notifications/read', read, as('li'))).status).toBe(204)
    expect(await bellOf('wang', first.body.id)).toBeDefined()
    expect((await city.post('/api/notifications/read', read, as('wang'))).status).toBe(204)
    expect(await bellOf('wang', first.body.id)).toBeUndefined()
    await city.restart()
    expect(await bellOf('wang', first.body.id)).toBeUndefined()
    const near = { ...litter, source: 'hotline', lat: 32.0501 }
    const second = await city.post<TicketDetail>('/api/tickets', near, as('wang'))
    expect(second.body).toMatchObject({ id: first.body.id, reporters: 2 })
    // The played clock stands still: both came at one moment, in no order.
    const reporters = second.body.reports.map(({ who, source }) => `${who} ${source}`)
    expect(reporters.sort()).toEqual(['li patrol', 'wang hotline'])

    const { id } = first.body
    expect((await act('wang', id, { action: 'dispatch', crew: 'north' })).body.code).toBe('move-not-allowed')
    await act('wang', id, { action: 'check' })
    await act('wang', id, { action: 'dispatch', crew: 'north' })
    await act('li', id, { action: 'accept' })
    expect((await act('li', id, { action: 'claim' })).body).toMatchObject({ verification: 'person' })
    expect((await notices('sun')).map(({ kind }) => kind)).toContain('to-verify')
    expect((await act('sun', id, { action: 'verify', note: 'clean' })).body).toMatchObject({
      state: 'closed'
    })
    const bad = await city.post<{ code: string }>(
      '/api/tickets',
      { ...litter, photos: ['0'.repeat(64)] },
      as('li')
    )
    expect(bad).toMatchObject({ status: 400, body: { code: 'bad-request' } })
  })

  it('opens a ticket for planned work that nobody did', async () => {
    const policy = await city.get<TicketPolicy>('/api/ticket-policy')
    expect(await put('/api/ticket-policy', { ...policy, autoDispatch: false, why: 'a trial' })).toMatchObject(
      {
        autoDispatch: false
      }
    )
    const local = new Intl.DateTimeFormat('en-GB', {
      hour: '2-digit',
      minute: '2-digit',
      timeZone: 'Asia/Shanghai'
    })
    const plan = {
      title: 'Cleaning',
      kind: 'dirty',
      facility: 'toilet-1',
      days: [1, 2, 3, 4, 5, 6, 7],
      from: local.format(now + minutes(2)),
      to: local.format(now + minutes(12)),
      active: true
    }
    const { nextFrom, facilityName } = await put<PlanItem>('/api/plans/p-1', plan)
    expect(Date.parse(nextFrom ?? '')).toBeGreaterThan(now)
    expect(facilityName).toBe('Facility toilet-1')
    await pass(minutes(14))
    const [ticket] = await open()
    expect(ticket).toMatchObject({ source: 'planned', kind: 'dirty', facility: 'toilet-1', state: 'new' })
    const { items } = await city.get<{ items: PlanRun[] }>('/api/plans/p-1/runs')
    expect(items).toMatchObject([{ doneAt: null, ticket: ticket?.id }])
  })

  it('counts its rates', async () => {
    const period = `from=${iso(START)}&to=${iso(now + minutes(600))}`
    const all = await city.get<TicketRates>(`/api/tickets/rates?${period}`)
    expect(all).toMatchObject({ due: 4, closed: 3, returned: 1, closingPct: 75 })
    const bins = await city.get<TicketRates>(`/api/tickets/rates?${period}&area=grid-1&kind=bin&crew=north`)
    expect(bins).toMatchObject({ due: 2, closed: 2, closingPct: 100 })

    const by = async (what: string) =>
      (await city.get<{ items: RatesOf[] }>(`/api/tickets/rates/by?${period}&by=${what}`)).items
    expect((await by('kind')).find(({ key }) => key === 'bin')).toMatchObject({ due: 2, closingPct: 100 })
    // What lies in the grid lies in the district too.
    const areas = await by('area')
    const roots = await city.get<{ items: AreaItem[] }>('/api/areas')
    const root = roots.items.find(({ parent }) => parent === null)
    expect(areas.find(({ key }) => key === root?.id)).toMatchObject({ due: all.due, closed: all.closed })

    for (const counted of ['due', 'closed', 'returned', 'onTime'] as const) {
      const { items } = await city.get<{ items: TicketSummary[] }>(
        `/api/tickets/rates/cases?${period}&counted=${counted}`
      )
      expect(items).toHaveLength(all[counted])
    }
  })
})
