import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Problem } from '#model/api'
import { DEFAULT_RULES } from '#model/default-rules'
import type { OdourLimitsList } from '#model/odour-limit-shapes'
import { SHIPPED_ODOUR_LIMITS } from '#model/odour-limits'
import {
  CONDITIONS,
  type MaintenanceItem,
  type RuleCounting,
  type RuleDetail,
  type RuleItem
} from '#model/rule-shapes'
import { hours, minutes } from '#model/time'
import { runningServer, type RunningServer } from '#test/fixtures/running-server'

let server: RunningServer
let headers: { authorization: string }

beforeAll(async () => {
  server = await runningServer()
  await server.people.add({ username: 'mei', name: 'Mei', role: 'manager', password: 'long enough' })
  headers = await server.bearer('mei')
  const csv = [
    'type,id,parent,name,kind,lat,lon,attributes',
    'area,city,,City,city,,,',
    'area,street-1,city,Lake Street,street,,,',
    'road,road-1,street-1,Lake Road,,,,"{""cleaningGrade"": ""special""}"',
    'facility,bin-1,street-1,Bin 1,bin,,,"{""road"": ""road-1""}"',
    'facility,bin-2,city,Bin 2,bin,,,'
  ].join('\n')
  const admin = await server.bearer()
  const type = { 'content-type': 'text/csv' }
  await server.app.inject({
    method: 'POST',
    url: '/api/import',
    headers: { ...admin, ...type },
    payload: csv
  })
})
afterAll(async () => {
  await server.close()
  expect(server.errors).toEqual([])
})

const get = async <T>(url: string) => (await server.app.inject({ url, headers })).json<T>()
const send = async <T>(method: 'PUT' | 'POST', url: string, payload: object) => {
  const answer = await server.app.inject({ method, url, headers, payload })
  return { status: answer.statusCode, body: answer.json<T & Problem>() }
}
const edit = (id: string, rule: object, basedOn: number, why = 'because') =>
  send<RuleDetail>('PUT', `/api/rules/${id}`, { rule, basedOn, why })

describe('rules over HTTP', () => {
  it('are those that were shipped until somebody edits one', async () => {
    const { items } = await get<{ items: RuleItem[] }>('/api/rules')
    expect(items.map(({ id }) => id)).toEqual(DEFAULT_RULES.map(({ id }) => id))
    expect(items.every(({ asShipped, version }) => asShipped && version === 1)).toBe(true)
    const shipped = DEFAULT_RULES.find(({ id }) => id === 'bin-tilted')
    expect(await get<RuleDetail>('/api/rules/bin-tilted')).toEqual({
      ...shipped,
      asShipped: true,
      shipped: true,
      names: {},
      history: [{ version: 1, at: null, who: null, reason: null, rule: shipped }]
    })
  })

  it('get another version by what was changed alone, and say who, when and why', async () => {
    const overrides = [{ scope: 'area:street-1', set: { when: { metric: 'fillPct', atLeast: 80 } } }]
    const { status, body } = await edit('bin-full', { overrides, forMs: minutes(5) }, 1, 'the market spills')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      version: 2,
      forMs: minutes(5),
      clearForMs: minutes(2),
      overrides,
      asShipped: false
    })
    expect(body.history.map(({ version, who, reason }) => ({ version, who, reason }))).toEqual([
      { version: 2, who: 'mei', reason: 'the market spills' },
      { version: 1, who: null, reason: null }
    ])
    expect(Date.parse(body.history[0]?.at as string)).toBeGreaterThan(Date.now() - minutes(1))
    expect((await get<{ items: RuleItem[] }>('/api/rules')).items[0]).toMatchObject({ version: 2 })
  })

  it('refuse who was slower, also when both ask at once', async () => {
    const slow = await edit('bin-full', { forMs: 0 }, 1)
    expect(slow.body).toMatchObject({
      status: 409,
      code: 'conflict',
      detail: expect.stringContaining('version 2') as string
    })
    const both = await Promise.all([1, 2].map(n => edit('bin-fire', { clearForMs: minutes(n) }, 1)))
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409])
    expect((await get<RuleDetail>('/api/rules/bin-fire')).history).toHaveLength(2)
  })

  it('refuse what is wrong, all of it at once and by place, and need a reason', async () => {
    const { body } = await edit('bin-tilted', { forMs: -5, colour: 'red' }, 1)
    expect(body).toMatchObject({ status: 400, code: 'bad-request' })
    expect(body.detail).toMatch(/^forMs: expected .*; colour: is no field here/)
    const sense = await edit('bin-tilted', { clear: { metric: 'tiltDeg', below: 40 } }, 1)
    expect(sense.body.detail).toContain('both hold at tiltDeg ≥ 30 and < 40')
    expect((await edit('bin-tilted', { forMs: 0 }, 1, ' ')).status).toBe(400)
    expect((await get<RuleDetail>('/api/rules/bin-tilted')).version).toBe(1)
  })

  it('go back to what was shipped, as a new version', async () => {
    const { body } = await send<RuleDetail>('POST', '/api/rules/bin-full/reset', {
      basedOn: 2,
      why: 'enough'
    })
    expect(body).toMatchObject({ version: 3, asShipped: true, forMs: minutes(10) })
    expect(body.history.map(({ version }) => version)).toEqual([3, 2, 1])
  })

  it('may be new ones, which have nothing to go back to', async () => {
    const lid = {
      label: { en: 'Lid open', zh: '箱盖敞开' },
      why: { en: 'Smell and rats.', zh: '异味与鼠患。' },
      subject: 'bin',
      severity: 'minor',
      when: { metric: 'lidOpen', is: true },
      forMs: minutes(30),
      clear: { metric: 'lidOpen', is: false },
      clearForMs: 0,
      due: hours(4),
      ticket: { title: { en: 'Close the lid', zh: '关闭箱盖' } }
    }
    const { body } = await edit('bin-lid-open', lid, 0)
    expect(body).toMatchObject({ id: 'bin-lid-open', version: 1, noData: 'hold', shipped: false })
    expect(body.history).toMatchObject([{ version: 1, who: 'mei' }])
    const reset = await send('POST', '/api/rules/bin-lid-open/reset', { basedOn: 1, why: 'x' })
    expect(reset.body).toMatchObject({ status: 404 })
    expect((await edit('bin-lid-two', { label: lid.label }, 0)).body.detail).toContain('when: is missing')
  })

  it('say what counts for whom, and where each setting comes from', async () => {
    const counts = (subject: string, rule = 'bin-full') =>
      get<RuleCounting & Problem>(`/api/rules/${rule}/counting?subject=${subject}`)
    expect(await counts('facility:bin-1')).toMatchObject({
      name: 'Bin 1',
      applies: true,
      standing: { road: 'road-1', cleaningGrade: 'special', areas: ['street-1', 'city'] },
      settings: { due: minutes(10), forMs: minutes(10) },
      sources: { due: 'cleaningGrade:special', respondMs: 'cleaningGrade:special' }
    })
    expect(await counts('facility:bin-2')).toMatchObject({ settings: { due: hours(2) }, sources: {} })
    expect(await counts('facility:bin-2', 'toilet-leak')).toMatchObject({ applies: false })
    expect(await counts('facility:nothing')).toMatchObject({ status: 404 })
  })

  it('may name what verifies a claim, which stays as it is where an edit does not speak of it', async () => {
    const verify = { metric: 'fillPct', atMost: 20 }
    const { body } = await edit('bin-full', { verify }, 3)
    expect(body).toMatchObject({ version: 4, verify, asShipped: false })
    expect((await edit('bin-full', { forMs: minutes(9) }, 4)).body).toMatchObject({ version: 5, verify })
    const wrong = await edit('bin-full', { verify: { metric: 'fillPct', atMost: 95 } }, 5)
    expect(wrong.body.detail).toContain('verify: what verifies a claim is true while it begins')
    expect((await edit('bin-full', { verify: 20 }, 5)).body.detail).toContain('verify: expected a condition')
    const silent = await edit('device-silent', { verify: { metric: 'batteryPct', atLeast: 5 } }, 1)
    expect(silent.body.detail).toContain('verify: a report ends silence')
    const clean = await edit('toilet-clean-due', { verify: { metric: 'paperPct', atLeast: 50 } }, 1)
    expect(clean.body.detail).toContain('verify: a cleaning that is due')
    expect((await edit('bin-full', { verify: null }, 5)).body).toMatchObject({ version: 6, verify: null })
  })

  it('have presets as what to send, and refuse half of one', async () => {
    interface Presets {
      items: { id: string; rule: Record<string, unknown> }[]
    }
    const { items } = await get<Presets>('/api/rules/lighting-rate/presets')
    expect(items.map(({ id }) => id)).toEqual([
      'same-everywhere',
      'graded',
      'small-roads',
      'graded-small-roads'
    ])
    expect((await get<Presets>('/api/rules/bin-full/presets')).items).toEqual([])
    const graded = items[1]!.rule
    const { body } = await edit('lighting-rate', graded, 1)
    expect(body).toMatchObject({
      version: 2,
      when: { lightingRate: 'below', pct: 96, roadPct: 95 },
      clear: { lightingRate: 'atLeast', pct: 96, roadPct: 95 }
    })
    expect(body.overrides.map(({ scope }) => scope)).toEqual(['lightingGrade:main'])
    const half = await edit(
      'lighting-rate',
      { when: { lightingRate: 'below', pct: 98, smallRoads: true } },
      2
    )
    expect(half.status).toBe(400)
    const back = await get<Presets>('/api/rules/lighting-rate/presets')
    expect((await edit('lighting-rate', back.items[0]!.rule, 2)).body).toMatchObject({ asShipped: true })
  })

  it('may have other parents, but none that waits for it in turn', async () => {
    const link = (rule: string, via: string) => ({ parents: [{ rule, via }] })
    const { body } = await edit('battery-low', link('device-silent', 'gateway'), 1)
    expect(body).toMatchObject({ version: 2, parents: [{ rule: 'device-silent', via: 'gateway' }] })
    const circle = await edit('device-silent', link('battery-low', 'gateway'), 1)
    expect(circle.body.detail).toContain(
      'parents[0].rule: would wait for itself: device-silent → battery-low → device-silent'
    )
    expect((await edit('bin-full', link('cabinet-dead', 'cabinet'), 6)).body.detail).toContain(
      'parents[0].via: only a light or device has a cabinet, not a bin'
    )
  })

  it('have a published shape', async () => {
    const { $defs, properties } = await get<{
      $defs: { condition: { anyOf: object[] } }
      properties: object
    }>('/schemas/rule.json')
    expect($defs.condition.anyOf).toHaveLength(Object.keys(CONDITIONS).length)
    expect(properties).toHaveProperty('overrides')
  })
})

describe('odour limits over HTTP', () => {
  it('are those that were shipped until somebody changes them, with a reason', async () => {
    const shipped = await get<OdourLimitsList>('/api/odour-limits')
    expect(shipped).toEqual({
      version: 1,
      now: SHIPPED_ODOUR_LIMITS[0]!.from,
      items: SHIPPED_ODOUR_LIMITS,
      history: []
    })
    const [first] = shipped.items
    const items = [first!, { ...first!, from: '2026-01-01', name: { en: 'Contract', zh: '合同' } }]
    const put = (body: object) => send<OdourLimitsList>('PUT', '/api/odour-limits', body)
    const { status, body } = await put({ items, basedOn: 1, why: 'the new contract' })
    expect(status).toBe(200)
    expect(body).toMatchObject({ version: 2, now: '2026-01-01', items })
    expect(body.history).toMatchObject([{ version: 2, who: 'mei', reason: 'the new contract', items }])
    expect((await put({ items, basedOn: 1, why: 'x' })).body).toMatchObject({ status: 409 })
    const wrong = await put({ items: [...items].reverse(), basedOn: 2, why: 'x' })
    expect(wrong.body).toMatchObject({
      status: 400,
      detail: `items[1].from: must be later than 2026-01-01, which it follows`
    })
    expect((await put({ items, basedOn: 2, why: ' ' })).status).toBe(400)
    expect((await get<OdourLimitsList>('/api/odour-limits')).version).toBe(2)
  })
})

describe('maintenance over HTTP', () => {
  const at = (ms: number) => new Date(Date.now() + ms).toISOString()
  const announce = (body: object) => send<MaintenanceItem>('POST', '/api/maintenance', body)
  const listed = async (state = '') =>
    (await get<{ items: MaintenanceItem[] }>(`/api/maintenance${state && `?state=${state}`}`)).items

  it('is announced, seen, ended early, and cancelled before it begins', async () => {
    const now = await announce({
      subject: 'area:street-1',
      from: at(-minutes(5)),
      to: at(hours(2)),
      note: 'new pipes'
    })
    expect(now.body).toMatchObject({ name: 'Lake Street', state: 'present', who: 'mei', note: 'new pipes' })
    const later = await announce({
      subject: 'facility:bin-2',
      from: at(hours(1)),
      to: at(hours(2)),
      note: 'paint'
    })
    expect((await listed()).map(({ id }) => id)).toEqual([now.body.id, later.body.id])
    expect(await listed('future')).toMatchObject([{ name: 'Bin 2' }])

    const ended = await send<MaintenanceItem>('PUT', `/api/maintenance/${now.body.id}`, { to: at(0) })
    expect(Date.parse(ended.body.to)).toBeLessThan(Date.now() + minutes(1))
    const cancelled = await send<MaintenanceItem>('PUT', `/api/maintenance/${later.body.id}`, {
      cancel: true
    })
    expect(cancelled.body).toMatchObject({ state: 'cancelled' })
    expect((await send('PUT', `/api/maintenance/${later.body.id}`, { cancel: true })).status).toBe(409)
  })

  it.each<[string, object, string]>([
    ['nobody knows', { subject: 'road:none' }, 'there is no road:none'],
    ['is a point', { subject: 'point:1.00000N1.00000E' }, 'there is no point'],
    ['ends before it begins', { to: at(-hours(1)) }, 'must be after from'],
    ['is over', { from: at(-hours(3)), to: at(-hours(2)) }, 'is over already'],
    ['never ends', { to: at(hours(24 * 91)) }, 'at most 90 days']
  ])('is refused where it %s', async (_, change, why) => {
    const { status, body } = await announce({
      subject: 'road:road-1',
      from: at(0),
      to: at(hours(1)),
      note: 'x',
      ...change
    })
    expect([status, body.detail]).toEqual([400, expect.stringContaining(why)])
  })
})
