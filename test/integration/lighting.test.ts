import { afterAll, beforeAll, expect, it } from 'vitest'
import type { LampList, LightingDetail, LightingList } from '#model/lighting-shapes'
import { minutes } from '#model/time'
import { EVENING, LAMP_CITY, lampsOf, lampsSay } from '#test/fixtures/lamp-city'
import { standingClock, startTestSystem, type TestSystem } from '#test/fixtures/system'

let city: TestSystem

beforeAll(async () => {
  city = await startTestSystem({ clock: standingClock(EVENING) })
  await city.importCsv(LAMP_CITY)
})
afterAll(() => city.close())

const list = (query = '') => city.get<LightingList>(`/api/lighting${query}`)
const shown = ({ items }: LightingList) => items.map(({ level, id }) => `${level} ${id}`)

it('answers rates worst first, page by page, with the ticket that follows', async () => {
  await lampsSay(city, [...lampsOf('r-1').slice(1), ...lampsOf('r-2')], true)
  await lampsSay(city, lampsOf('r-1').slice(0, 1), false)
  await city.pass(minutes(11))

  const roads = await list('?level=road')
  // One dark of four, nothing heard of three, all of two lit.
  expect(shown(roads)).toEqual(['road r-1', 'road r-3', 'road r-2'])
  expect(roads.items).toMatchObject([
    {
      ratePct: { min: 75, max: 75 },
      targetPct: 98,
      standing: 'under',
      lamps: 4,
      lit: 3,
      dark: 1,
      name: 'Road 1'
    },
    { ratePct: { min: 0, max: 100 }, standing: 'unsure', unknown: 3 },
    { ratePct: { min: 100, max: 100 }, standing: 'met', ticket: null, grade: 'branch', areaName: 'Gulou' }
  ])
  expect(roads).toMatchObject({ total: 3, nextCursor: null, night: true, whole: { level: 'city', lamps: 9 } })
  const { body: ticket } = await city.api<{ rule: string; subject: string }>(
    `/api/tickets/${encodeURIComponent(roads.items[0]?.ticket ?? '')}`
  )
  expect(ticket).toMatchObject({ rule: 'lighting-rate', subject: 'road:r-1' })

  const first = await list('?level=road&limit=2')
  expect(shown(first)).toEqual(['road r-1', 'road r-3'])
  const second = await list(`?level=road&limit=2&cursor=${encodeURIComponent(first.nextCursor ?? '')}`)
  expect(shown(second)).toEqual(['road r-2'])
  expect(second.nextCursor).toBeNull()

  const all = await list()
  expect(all.total).toBe(all.items.length)
  for (const { lamps, lit, dark, unknown, out } of all.items) expect(lit + dark + unknown + out).toBe(lamps)
})

it('answers only what is asked for: a level, an area, a part of a name', async () => {
  expect(shown(await list('?level=road&area=street-2'))).toEqual(['road r-3'])
  expect(shown(await list('?area=street-1')).toSorted()).toEqual(['road r-1', 'road r-2', 'street street-1'])
  expect((await list('?level=road&area=street-1')).whole).toMatchObject({ id: 'street-1', lamps: 6, lit: 5 })
  expect(shown(await list('?q=ROAD 2'))).toEqual(['road r-2'])
  expect(shown(await list('?level=grade')).toSorted()).toEqual(['grade gulou:branch', 'grade gulou:main'])
  expect(shown(await list('?q=no such place'))).toEqual([])
})

it('names the lamps of a place that are not lit, dark ones first', async () => {
  const lamps = async (path: string) =>
    (await city.get<LampList>(`/api/lighting/${path}`)).items.map(({ id, view }) => `${id} ${view}`)
  expect(await lamps('road/r-1/lamps')).toEqual(['r-1-l0 dark'])
  expect(await lamps('city/city/lamps')).toEqual([
    'r-1-l0 dark',
    'r-3-l0 unknown',
    'r-3-l1 unknown',
    'r-3-l2 unknown'
  ])
  expect(await lamps('grade/gulou:branch/lamps?view=lit')).toEqual(['r-2-l0 lit', 'r-2-l1 lit'])
  const first = await city.get<LampList>('/api/lighting/city/city/lamps?limit=3')
  expect(first).toMatchObject({ total: 4, nextCursor: expect.any(String) as string })
  const cursor = encodeURIComponent(first.nextCursor ?? '')
  expect(await lamps(`city/city/lamps?limit=3&cursor=${cursor}`)).toEqual(['r-3-l2 unknown'])
})

it('answers one place, and says of an unknown one that there is none', async () => {
  const road = await city.get<LightingDetail>('/api/lighting/road/r-2')
  expect(road).toMatchObject({ id: 'r-2', lit: 2, night: true })
  for (const path of ['road/r-9', 'road/r-9/lamps', 'grade/gulou:secondary']) {
    const answer = await city.api<{ code: string }>(`/api/lighting/${path}`)
    expect([answer.status, answer.body.code]).toEqual([404, 'not-found'])
  }
  expect((await city.api('/api/lighting?level=planet')).status).toBe(400)
})

it('says by day that no lamp should be lit, and until when', async () => {
  await city.restart(minutes(12 * 60))
  await city.pass(minutes(2))
  const roads = await list('?level=road')
  expect(roads).toMatchObject({ night: false, judgedFrom: null, total: 3 })
  for (const rate of roads.items)
    expect(rate).toMatchObject({ ratePct: null, out: rate.lamps, standing: null })
  // 9:02 in Nanjing: between dawn and dusk of that day.
  const now = Date.parse(roads.at)
  expect(Date.parse(roads.since ?? '')).toBeLessThan(now)
  expect(roads.until).toMatch(/^2026-01-16T09:[45]/)
})
