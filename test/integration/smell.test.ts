import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FacilityDetail, Problem, ReportedTicket, TicketDetail } from '#model/api'
import type { StoredChecklist } from '#model/checklists'
import { minutes } from '#model/time'
import { cityCsv } from '#test/fixtures/city-csv'
import { standingClock, startTestSystem, type TestSystem } from '#test/fixtures/system'

/** A Monday, ten in the morning in Shanghai. */
const START = Date.parse('2026-11-02T02:00:00Z')
const TOILET = { id: 'wc-1', kind: 'toilet', device: { kind: 'odour-sensor' } } as const

describe('a claim with a checklist, through the API', () => {
  let city: TestSystem
  let sensor: Awaited<ReturnType<TestSystem['device']>>

  beforeAll(async () => {
    city = await startTestSystem({ clock: standingClock(START) })
    await city.importCsv(cityCsv([TOILET]))
    sensor = await city.device('wc-1-s')
    const said = { kind: 'dirty', source: 'patrol', subject: 'facility:wc-1' }
    id = (await city.post<ReportedTicket>('/api/tickets', said)).body.id
    for (const action of ['check', 'dispatch', 'accept'])
      expect((await act({ action })).body).toMatchObject({ id })
  })
  afterAll(async () => {
    const { fatal } = city
    await city.close()
    expect(fatal).toEqual([])
  })

  let id: string
  const act = (body: object, key?: string) =>
    city.post<TicketDetail & Problem>(
      `/api/tickets/${id}/actions`,
      body,
      key === undefined ? {} : { 'idempotency-key': key }
    )
  const looked = (smell?: boolean) => ({
    checklist: 'toilet-6-5',
    answers: [{ item: 'floor', ok: true }, ...(smell === undefined ? [] : [{ item: 'smell', ok: smell }])]
  })
  const smellIn = ({ history }: TicketDetail) => {
    const data = history.findLast(({ action }) => action === 'claim')?.data
    return (data?.['checklist'] as StoredChecklist).answers.find(({ item }) => item === 'smell')
  }
  const odour = async () => (await city.get<FacilityDetail>('/api/facilities/wc-1')).odour

  it('has the answer of the sensor with its reading, once, however often it is sent', async () => {
    await sensor.publish({ nh3Ppm: 0.4, h2sPpm: 0 })
    await city.pass(minutes(1))
    expect(await odour()).toMatchObject({ ok: true, readings: [{ metric: 'nh3Ppm', value: 0.4 }] })

    const claim = { action: 'claim', checklist: looked() }
    const first = await act(claim, 'key-1')
    const reading = { device: 'wc-1-s', metric: 'nh3Ppm', value: 0.4, at: new Date(START).toISOString() }
    expect(smellIn(first.body)).toMatchObject({
      ok: true,
      by: 'odour-sensor',
      sensor: { ok: true, readings: [reading] }
    })
    await sensor.publish({ nh3Ppm: 3, h2sPpm: 0 })
    await city.pass(minutes(1))
    // The phone did not hear the answer and asks again: the same act, with what the sensor said then.
    const again = await act(claim, 'key-1')
    expect(again.status).toBe(200)
    expect(again.body.history).toEqual(first.body.history)
  })

  it('takes no word of a client for who answered', async () => {
    const claimed = { item: 'smell', ok: true, by: 'odour-sensor' }
    const answer = await act({
      action: 'comment',
      note: 'x',
      checklist: { ...looked(), answers: [claimed] }
    })
    expect(answer).toMatchObject({
      status: 400,
      body: { detail: 'body/checklist/answers/0 must NOT have additional properties: by' }
    })
  })

  it('says that it smells though the person says it does not, and leaves it to them once the sensor is stale', async () => {
    for (const action of ['return', 'accept']) await act({ action, note: 'look again' })
    await sensor.publish({ nh3Ppm: 3, h2sPpm: 0 })
    await city.pass(minutes(1))
    const smells = await act({ action: 'claim', checklist: looked(true) })
    expect(smellIn(smells.body)).toMatchObject({ ok: false, by: 'odour-sensor', said: true })

    await act({ action: 'return', note: 'it smells' })
    await sensor.publish({ nh3Ppm: 0.2, h2sPpm: 0 })
    await city.pass(minutes(20))
    expect(await odour()).toEqual({ ok: null, why: 'stale', readings: [] })
    await act({ action: 'accept' })
    const stale = await act({ action: 'claim', checklist: looked(true) })
    expect(smellIn(stale.body)).toEqual({
      ...{ item: 'smell', ok: true },
      sensor: { ok: null, why: 'stale', readings: [] }
    })
    await city.restart()
    expect((await city.get<TicketDetail>(`/api/tickets/${id}`)).history).toEqual(stale.body.history)
  })
})
