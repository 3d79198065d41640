import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RatesOf, ReportedTicket, TicketDetail, TicketRates } from '#model/api'
import type { FollowedReport } from '#model/report-follow-shapes'
import type { Role } from '#model/tickets'
import { minutes, type Millis } from '#model/time'
import { cityCsv } from '#test/fixtures/city-csv'
import { standingClock, startTestSystem, type Answer, type TestSystem } from '#test/fixtures/system'

/** A Monday, ten in the morning in Shanghai. */
const START = Date.parse('2026-11-02T02:00:00Z')
const iso = (at: Millis) => new Date(at).toISOString()
type Said = FollowedReport & { code: string }

describe('reporters without an account', () => {
  let city: TestSystem
  const tokens = new Map<string, string>()

  beforeAll(async () => {
    city = await startTestSystem({ clock: standingClock(START), publicReports: true })
    await city.importCsv(
      cityCsv([
        { id: 'toilet-1', kind: 'toilet' },
        { id: 'toilet-2', kind: 'toilet' },
        { id: 'toilet-3', kind: 'toilet' }
      ])
    )
    for (const [username, role] of [
      ['li', 'crew'],
      ['wang', 'operator']
    ] as [string, Role][]) {
      await city.post('/api/people', { username, name: username, role })
      tokens.set(username, await city.system.people.createToken(username, 'bearer'))
    }
    const crew = { ...{ name: 'North', contractor: null, areas: ['grid-1'], kinds: [] }, members: ['li'] }
    const { status } = await city.api('/api/crews/north', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...crew, shifts: [], phone: null, active: true })
    })
    expect(status).toBe(200)
  })
  afterAll(() => city.close())

  const as = (who: string) => ({ authorization: `Bearer ${tokens.get(who)}` })
  /** Nobody in particular, from an address of their own. */
  const asked = async <T = Said>(
    path: string,
    { body, from, key }: { body?: object; from: string; key?: string }
  ): Promise<Answer<T> & { text: string }> => {
    const answer = await fetch(city.system.httpUrl + path, {
      method: body ? 'POST' : 'GET',
      headers: {
        'x-forwarded-for': from,
        ...(body && { 'content-type': 'application/json' }),
        ...(key && { 'idempotency-key': key })
      },
      ...(body && { body: JSON.stringify(body) })
    })
    const text = await answer.text()
    return { status: answer.status, body: JSON.parse(text) as T, text }
  }
  const look = (code: string, from = '10.0.0.1') => asked(`/api/reports/${code}`, { from })
  const rate = (code: string, body: object, from = '10.0.0.1') =>
    asked(`/api/reports/${code}/rating`, { body, from })
  const reported = (toilet: string, more: object = {}, key = `k-${toilet}`) =>
    city.post<ReportedTicket>(
      '/api/tickets',
      { kind: 'dirty', source: 'hotline', subject: `facility:${toilet}`, ...more },
      { ...as('wang'), 'idempotency-key': key }
    )
  const act = async (id: string, body: object) =>
    expect((await city.post(`/api/tickets/${id}/actions`, body, as('wang'))).status).toBe(200)

  it('follow a hotline report from its code to its end, and rate it once', async () => {
    const { body: taken } = await reported('toilet-1', { note: 'the caller is Mrs Zhao' })
    const { code } = taken.report
    expect(code).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$/)
    // An answer that was lost is the same once more.
    expect((await reported('toilet-1', { note: 'the caller is Mrs Zhao' })).body.report.code).toBe(code)

    const first = await look((code ?? '').toLowerCase().replaceAll('-', ''))
    expect(first.body).toEqual({
      code,
      kind: 'dirty',
      place: 'Facility toilet-1',
      reportedAt: iso(START),
      state: 'received',
      why: null,
      steps: [{ state: 'received', at: iso(START) }],
      postponedUntil: null,
      rating: null,
      rateUntil: null,
      timeZone: 'Asia/Shanghai'
    })
    expect((await rate(code ?? '', { stars: 5 })).body).toMatchObject({ code: 'conflict' })

    const { id } = taken
    await act(id, { action: 'check', note: 'a word between us' })
    await city.pass(minutes(5))
    await act(id, { action: 'dispatch' })
    await act(id, { action: 'accept' })
    await act(id, { action: 'start' })
    expect((await look(code ?? '')).body.state).toBe('being-worked-on')
    await city.pass(minutes(10))
    await act(id, { action: 'close', note: 'closed by wang himself' })
    const over = await look(code ?? '')
    expect(over.body).toMatchObject({ state: 'done', why: null, rating: null })
    expect(over.body.rateUntil).not.toBeNull()
    expect(over.body.steps.map(({ state }) => state)).toEqual([
      'received',
      'checked',
      'on-the-way',
      'being-worked-on',
      'done'
    ])
    for (const secret of ['wang', 'Zhao', 'between', 'himself', 'north'])
      expect(over.text).not.toContain(secret)

    expect((await rate(code ?? '', { stars: 6 })).status).toBe(400)
    const rated = await rate(code ?? '', { stars: 4, comment: ' quick ' })
    expect(rated.body.rating).toMatchObject({ stars: 4, comment: 'quick' })
    expect((await rate(code ?? '', { stars: 4, comment: 'quick' })).status).toBe(200)
    expect((await rate(code ?? '', { stars: 1 })).body).toMatchObject({ code: 'conflict' })

    const detail = await city.get<TicketDetail>(`/api/tickets/${id}`)
    expect(detail.ratings).toMatchObject([{ report: taken.report.id, stars: 4, comment: 'quick' }])
    expect(detail.history.at(-1)).toMatchObject({ who: 'reporter', action: 'rated', data: { stars: 4 } })
  })

  it('each have a code of their own, which crews never see', async () => {
    const one = (await reported('toilet-2')).body
    const two = (await reported('toilet-2', { source: 'public' }, 'k-2')).body
    expect(two.id).toBe(one.id)
    expect(two.report.code).not.toBe(one.report.code)
    expect((await look(two.report.code ?? '')).body).toMatchObject({ state: 'received', kind: 'dirty' })
    const patrol = await city.post<ReportedTicket>(
      '/api/tickets',
      { kind: 'dirty', source: 'patrol', subject: 'facility:toilet-2' },
      as('li')
    )
    expect(patrol.body.report.code).toBeNull()
    const codes = ({ reports }: TicketDetail) => reports.map(({ code }) => code).sort()
    expect(codes(await city.get(`/api/tickets/${one.id}`))).toEqual(
      [one.report.code, two.report.code, null].sort()
    )
    const crew = await city.api<TicketDetail>(`/api/tickets/${one.id}`, { headers: as('li') })
    expect(codes(crew.body)).toEqual([null, null, null])

    await act(one.id, { action: 'void', note: 'a hoax' })
    expect((await look(one.report.code ?? '')).body).toMatchObject({
      state: 'closed-without-work',
      why: 'not-confirmed'
    })
    expect((await rate(two.report.code ?? '', { stars: 1 })).status).toBe(200)
  })

  it('get the same answer for a code nobody has and one that is none, and are slowed down', async () => {
    const nobody = await look('0000-0000-0000', '10.0.0.2')
    const none = await look('hello', '10.0.0.2')
    expect(nobody).toEqual(none)
    expect(nobody.body).toMatchObject({ status: 404, code: 'not-found' })
    const tries: number[] = []
    for (let i = 0; i < 30; i++) tries.push((await look('0000-0000-0000', '10.0.0.2')).status)
    expect(tries.slice(0, 28)).toEqual(Array(28).fill(404))
    expect(tries.slice(28)).toEqual([429, 429])
    expect((await look('0000-0000-0000', '10.0.0.3')).status).toBe(404)
    for (let i = 0; i < 10; i++) await rate('0000-0000-0000', { stars: 1 }, '10.0.0.4')
    expect((await rate('0000-0000-0000', { stars: 1 }, '10.0.0.4')).status).toBe(429)
  })

  it('report by themselves where that is on, once however often it is sent, and only so often', async () => {
    expect((await asked('/api/reports', { from: '10.0.0.5' })).body).toEqual({ open: true })
    const report = (body: object, key: string, from = '10.0.0.5') =>
      asked('/api/reports', { body: { kind: 'dirty', ...body }, key, from })
    const first = await report({ facility: 'toilet-3', note: 'wet floor' }, 'p-1')
    expect(first.body).toMatchObject({ state: 'received', place: 'Facility toilet-3' })
    expect((await report({ facility: 'toilet-3', note: 'wet floor' }, 'p-1')).body.code).toBe(first.body.code)
    expect((await report({}, 'p-2')).status).toBe(400)
    const nowhere = { status: 400, body: { code: 'no-such-place' } }
    expect(await report({ facility: 'nothing' }, 'p-3')).toMatchObject(nowhere)
    expect(await report({ lat: -30, lon: 10 }, 'p-4')).toMatchObject(nowhere)
    expect((await report({ lat: 10 }, 'p-5')).status).toBe(400)
    const { items } = await city.get<{ items: TicketDetail[] }>('/api/tickets?facility=toilet-3')
    expect(items).toMatchObject([{ source: 'public', state: 'new', reporters: 1 }])
    const statuses: number[] = []
    for (let i = 0; i < 8; i++) statuses.push((await report({ facility: 'nothing' }, `p-1${i}`)).status)
    expect(statuses).toEqual([...Array<number>(7).fill(400), 429])
    // What was sent before is answered all the same.
    expect((await report({ facility: 'toilet-3', note: 'wet floor' }, 'p-1')).status).toBe(200)
  })

  it('count in the rates of the period in which they rated', async () => {
    const period = `from=${iso(START)}&to=${iso(START + minutes(600))}`
    expect(await city.get<TicketRates>(`/api/tickets/rates?${period}`)).toMatchObject({
      rated: 2,
      starsAvg: 2.5
    })
    const by = await city.get<{ items: RatesOf[] }>(`/api/tickets/rates/by?${period}&by=kind`)
    expect(by.items.find(({ key }) => key === 'toilet')).toMatchObject({ rated: 2, starsAvg: 2.5 })
    const before = `from=${iso(START - minutes(600))}&to=${iso(START)}`
    expect(await city.get<TicketRates>(`/api/tickets/rates?${before}`)).toMatchObject({
      rated: 0,
      starsAvg: null
    })
  })

  it('are known by their codes after a restart', async () => {
    const { body } = await reported('toilet-1', { kind: 'blocked' }, 'k-3')
    await city.restart()
    expect((await look(body.report.code ?? '')).body.state).toBe('received')
  })
})
