import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ImportResult, TicketDetail, TicketSummary } from '#model/api'
import { ROLES, type Role } from '#model/tickets'
import { ADMIN, runningServer, type RunningServer } from '#test/fixtures/running-server'
import { until } from '#test/fixtures/until'

let server: RunningServer
let admin: { authorization: string }

beforeAll(async () => {
  server = await runningServer()
  admin = await server.bearer()
})
afterAll(async () => {
  await server.close()
  expect(server.errors).toEqual([])
})

const csv = (...rows: string[]) =>
  server.app.inject({
    method: 'POST',
    url: '/api/import',
    headers: { ...admin, 'content-type': 'text/csv' },
    payload: ['type,id,parent,name,kind,lat,lon,attributes', ...rows].join('\n')
  })
const get = (url: string, headers: object = admin) => server.app.inject({ url, headers: { ...headers } })
const post = (url: string, payload: object, headers: object = {}) =>
  server.app.inject({ method: 'POST', url, payload, headers: { ...admin, ...headers } })

/** A bin that burns, and its ticket. */
async function burningBin(id: string): Promise<TicketSummary> {
  await csv(
    `area,grid-1,,Grid 1,grid,,,`,
    `facility,${id},grid-1,Bin,bin,,,`,
    `device,${id}-s,${id},,fill-sensor,,,`
  )
  await server.report(`${id}-s`, { fillPct: 40, tempC: 80 })
  return until(`${id} has its ticket`, async () => {
    const [ticket] = (await get(`/api/tickets?facility=${id}`)).json<{ items: TicketSummary[] }>().items
    // Live a moment before it is stored.
    const stored = ticket && (await get(`/api/tickets/${ticket.id}`)).statusCode === 200
    return stored ? ticket : undefined
  })
}

describe('signing in', () => {
  const login = (payload: object, headers = {}) =>
    server.app.inject({ method: 'POST', url: '/api/session', payload, headers })

  it('gives a cookie that no script reads and no other site sends, and takes it back', async () => {
    const answer = await login(ADMIN)
    expect(answer.json()).toEqual({ username: 'admin', name: 'Administrator', role: 'admin' })
    expect(answer.headers['set-cookie']).toMatch(
      /^mingjie_session=[\w-]{43}; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Strict$/
    )
    const cookie = String(answer.headers['set-cookie']).split(';')[0] as string
    expect((await get('/api/session', { cookie })).json()).toMatchObject({ username: 'admin' })

    const ours = { cookie, host: 'city.example', origin: 'https://city.example' }
    const gone = await server.app.inject({ method: 'DELETE', url: '/api/session', headers: ours })
    expect(gone.statusCode).toBe(204)
    expect((await get('/api/session', { cookie })).statusCode).toBe(401)
  })

  it('marks the cookie Secure when people come by https', async () => {
    const answer = await login(ADMIN, { 'x-forwarded-proto': 'https' })
    expect(answer.headers['set-cookie']).toContain('; Secure')
  })

  it('says the same of a wrong password and of a name nobody has', async () => {
    const answers = await Promise.all([
      login({ ...ADMIN, password: 'wrong' }),
      login({ username: 'nobody', password: 'wrong' })
    ])
    for (const answer of answers) {
      expect(answer.headers['content-type']).toContain('application/problem+json')
      expect(answer.json()).toMatchObject({ status: 401, code: 'wrong-credentials' })
    }
  })

  it('slows down guessing', async () => {
    const tries = []
    for (let i = 0; i < 11; i++) tries.push((await login({ username: 'guessed', password: 'x' })).statusCode)
    expect(tries.slice(0, 10)).toEqual(Array(10).fill(401))
    expect(tries[10]).toBe(429)
  })

  it('refuses what the page of another site sends, and a cookie without an origin', async () => {
    const cookie = `mingjie_session=${await server.people.createToken('admin', 'cookie')}`
    for (const headers of [{ cookie, host: 'city.example', origin: 'https://evil.example' }, { cookie }]) {
      const answer = await server.app.inject({ method: 'DELETE', url: '/api/session', headers })
      expect(answer.json()).toMatchObject({ status: 403, code: 'foreign-origin' })
    }
  })

  it('never changes the admin who is there', async () => {
    expect(await server.people.ensureAdmin({ password: 'another one' })).toEqual({ created: false })
    expect(await server.people.verify('admin', ADMIN.password)).toBeDefined()
  })
})

describe('who may do what', () => {
  /** Every route that somebody may not use; what is not here is public or for all who are signed in. */
  const ONLY: Record<string, readonly Role[]> = {
    'GET /api/areas/:id/codes': ['admin', 'manager'],
    'GET /api/audit': ['admin'],
    'GET /api/edits': ['admin', 'manager', 'operator', 'inspector'],
    'GET /api/people': ['admin', 'manager'],
    'GET /api/quarantine': ['admin', 'operator'],
    'POST /api/backup': ['admin'],
    'POST /api/facilities/:id/service': ['admin', 'crew'],
    'POST /api/import': ['admin', 'operator'],
    'POST /api/maintenance': ['admin', 'manager'],
    'POST /api/people': ['admin'],
    'DELETE /api/backtests/:id': ['admin', 'manager'],
    'POST /api/rules/:id/backtest': ['admin', 'manager'],
    'POST /api/rules/:id/reset': ['admin', 'manager'],
    'PUT /api/areas/:id/chiefs': ['admin', 'manager'],
    'PUT /api/crews/:id': ['admin', 'manager'],
    'PUT /api/maintenance/:id': ['admin', 'manager'],
    'PUT /api/people/:username': ['admin'],
    'PUT /api/plans/:id': ['admin', 'manager'],
    'PUT /api/ticket-policy': ['admin', 'manager'],
    'PUT /api/odour-limits': ['admin', 'manager'],
    'PUT /api/rules/:id': ['admin', 'manager']
  }
  const PUBLIC = [
    'GET /api/openapi.json',
    'GET /healthz',
    'GET /readyz',
    'GET /schemas/rule.json',
    'GET /schemas/telemetry.json',
    'GET /*',
    'GET /api/reports',
    'GET /api/reports/:code',
    'POST /api/reports',
    'POST /api/reports/photos',
    'POST /api/reports/:code/rating',
    'POST /api/session'
  ]
  /** Also for whoever asks from this machine, as these tests do. */
  const LOCAL = ['GET /metrics']
  const SIGNED_IN = [
    'GET /api/session',
    'DELETE /api/session',
    'POST /api/session/password',
    'GET /api/crews',
    'GET /api/chiefs',
    'POST /api/attachments',
    'GET /api/attachments/:id',
    'GET /api/tokens',
    'POST /api/tokens',
    'DELETE /api/tokens/:id',
    'GET /api/facilities',
    'GET /api/facilities/:id',
    'GET /api/facilities/:id/telemetry',
    'GET /api/facilities/:id/episodes',
    'GET /api/areas',
    'GET /api/lighting',
    'GET /api/lighting/:level/:id',
    'GET /api/lighting/:level/:id/lamps',
    'GET /api/roads',
    'GET /api/devices',
    'GET /api/tickets',
    'GET /api/tickets/:id',
    'POST /api/tickets/:id/actions',
    'POST /api/tickets',
    'GET /api/tickets/now',
    'GET /api/tickets/rates',
    'GET /api/tickets/rates/by',
    'GET /api/tickets/rates/cases',
    'GET /api/notifications',
    'GET /api/notifications/standing',
    'POST /api/notifications/read',
    'POST /api/notifications/:id/read',
    'GET /api/ticket-policy',
    'GET /api/plans',
    'GET /api/plans/:id/runs',
    'GET /api/rules',
    'GET /api/rules/:id',
    'GET /api/odour-limits',
    'GET /api/rules/:id/counting',
    'GET /api/rules/:id/presets',
    'GET /api/backtests/:id',
    'GET /api/maintenance',
    'GET /api/system'
  ]
  const everyRoute = [...PUBLIC, ...LOCAL, ...SIGNED_IN, ...Object.keys(ONLY)]

  it('knows every route there is', () => {
    const printed = [...server.app.policies.keys()].filter(route => !route.startsWith('HEAD'))
    expect(printed.sort()).toEqual(everyRoute.sort())
  })

  it('lets each role through where it may go, and nobody without a session', async () => {
    const bearers: Partial<Record<Role, { authorization: string }>> = { admin }
    for (const role of Object.keys(ROLES) as Role[]) {
      if (role === 'admin') continue
      await server.people.add({ username: role, name: role, role, password: 'long enough' })
      bearers[role] = await server.bearer(role)
    }
    for (const route of everyRoute) {
      const [method, path = ''] = route.split(' ') as ['GET', string]
      const url = path.replace(/:\w+/g, 'x').replace('*', 'somewhere')
      const status = async (headers: object) =>
        (await server.app.inject({ method, url, headers: { ...headers } })).statusCode
      const anonymous = await status({})
      expect([route, anonymous === 401]).toEqual([route, SIGNED_IN.includes(route) || route in ONLY])
      for (const [role, headers] of Object.entries(bearers)) {
        if (route === 'DELETE /api/session') continue
        const refused = [401, 403].includes(await status(headers))
        expect([route, role, refused]).toEqual([route, role, ONLY[route]?.includes(role as Role) === false])
      }
    }
  })

  it('does not start with a route that does not say who may use it', async () => {
    const { guardRoutes } = await import('#server/access')
    const { default: fastify } = await import('fastify')
    const app = fastify() as unknown as RunningServer['app']
    guardRoutes(app, server.people)
    expect(() => app.get('/open', async () => 'all')).toThrow('does not say who may use it')
  })

  it('shows metrics to this machine, and to others only when they are signed in', async () => {
    const asked = (headers: object) =>
      server.app.inject({ url: '/metrics', remoteAddress: '10.0.0.9', headers: { ...headers } })
    expect((await get('/metrics', {})).body).toBe('mingjie_up 1\n')
    expect((await asked({})).statusCode).toBe(401)
    expect((await asked(admin)).statusCode).toBe(200)
    expect((await get('/metrics', { 'x-forwarded-for': '10.0.0.9' })).statusCode).toBe(401)
  })
})

describe('answers', () => {
  it('are problems with a code when something is wrong', async () => {
    expect((await get('/api/nothing')).json()).toMatchObject({ status: 404, code: 'not-found' })
    expect((await get('/api/facilities/nothing')).json()).toMatchObject({ status: 404, code: 'not-found' })
    expect((await get('/api/facilities?limit=0&kind=tree')).json()).toMatchObject({
      status: 400,
      code: 'bad-request',
      errors: [{ path: 'querystring/kind' }, { path: 'querystring/limit' }]
    })
    const large = await post('/api/session', { username: 'x'.repeat(70_000), password: '' })
    expect(large.json()).toMatchObject({ status: 413, code: 'too-large' })
    const broken = await server.app.inject({ url: '/api/facilities/%E0%A4%A', headers: admin })
    expect(broken.json()).toMatchObject({ status: 400, code: 'bad-request' })
  })

  it('take a time only when it is one', async () => {
    await csv('area,grid-t,,T,grid,,,', 'facility,bin-t,grid-t,,bin,,,')
    const asked = (from: string) => get(`/api/facilities/bin-t/telemetry?metric=fillPct&from=${from}`)
    for (const from of ['yesterday', '2026-13-45T00:00:00Z', '2026-02-30T00:00:00Z', '2026-10-01']) {
      expect([from, (await asked(from)).json<{ code: string }>().code]).toEqual([from, 'bad-request'])
    }
    expect((await asked('2026-10-01T00:00:00Z')).statusCode).toBe(200)
  })

  it('call what cannot be stored a fault of the asker', async () => {
    for (const url of [
      '/api/tickets/%00',
      '/api/facilities/bin-t/telemetry?metric=fillPct&from=2026-06-30T23:59:60Z',
      '/api/tickets/rates?from=2026-06-30T23:59:60Z&to=2026-07-30T00:00:00Z',
      '/api/tickets/rates/by?by=crew&from=2026-06-01T00:00:00Z&to=2026-06-30T23:59:60Z',
      '/api/tickets/rates/cases?counted=due&from=2026-06-01T00:00:00Z&to=2026-06-30T23:59:60Z'
    ]) {
      expect((await get(url)).json()).toMatchObject({ status: 400, code: 'bad-request' })
    }
    const { rows } = (
      await csv('area,nul,,,grid,,,"{""x"": ""\\u0000""}"', 'area,nul-2,,,grid,,,')
    ).json<ImportResult>()
    expect(rows).toMatchObject([{ ok: false, error: expect.stringContaining('NUL') as string }, { ok: true }])
  })

  it('describe themselves, and carry a strict content policy', async () => {
    const answer = await get('/api/openapi.json', {})
    const api = answer.json<{ paths: Record<string, { get: { responses: object } }> }>()
    expect(Object.keys(api.paths)).toContain('/api/tickets/{id}/actions')
    expect(api.paths['/api/facilities']?.get.responses).toHaveProperty('4XX')
    expect(answer.headers['content-security-policy']).toContain("script-src 'self';")
    expect(answer.headers['x-content-type-options']).toBe('nosniff')
    const schema = (await get('/schemas/telemetry.json', {})).json<{ $id: string }>()
    expect(schema.$id).toBe('/schemas/telemetry.json')
    expect(JSON.stringify(schema)).toContain('"fillPct":{"type":"number","minimum":0,"maximum":100')
  })

  it('say when the system is not ready, and why', async () => {
    expect((await get('/readyz', {})).statusCode).toBe(200)
    const trouble = {
      part: 'journal',
      label: { en: 'Journal full', zh: '日志已满' },
      detail: 'free some disk'
    }
    Object.assign(server.system, { ready: false, troubles: [trouble] })
    const answer = await get('/readyz', {})
    Object.assign(server.system, { ready: true, troubles: [] })
    expect(answer.statusCode).toBe(503)
    expect(answer.json()).toEqual({ ready: false, troubles: [trouble] })
    expect((await get('/healthz', {})).json()).toEqual({ alive: true })
  })
})

describe('the import', () => {
  it('takes rows in any order, gives each new device a secret once, and lets it report at once', async () => {
    const rows = [
      'device,s-1,bin-1,,fill-sensor,,,"{""expectedIntervalMs"": 60000}"',
      'facility,bin-1,street-1,Bin 1,bin,31.2,121.5,"{""road"": ""road-1""}"',
      'road,road-1,,Main road,,,,"{""cleaningGrade"": ""special""}"',
      'area,street-1,district-1,Street,street,,,',
      'area,district-1,,District,district,,,'
    ]
    const first = (await csv(...rows)).json<ImportResult>()
    expect(first).toMatchObject({ created: 5, updated: 0, failed: 0 })
    const secret = first.rows[0]?.secret as string
    expect(secret).toMatch(/^[\w-]{32}$/)
    expect(first.rows.slice(1).map(row => row.secret)).toEqual([undefined, undefined, undefined, undefined])
    expect(await server.credentials.check('s-1', secret)).toMatchObject({ ok: true })
    expect(await server.credentials.check('s-1', 'wrong')).toEqual({ ok: false })

    await server.report('s-1', { fillPct: 42 })
    const shown = await until('its level is shown', async () => {
      const facility = (await get('/api/facilities/bin-1')).json<{ headline: { value: number } | null }>()
      return facility.headline?.value
    })
    expect(shown).toBe(42)

    const again = (await csv(...rows)).json<ImportResult>()
    expect(again).toMatchObject({ created: 0, updated: 0, failed: 0 })
    expect(again.rows.every(row => row.ok && row.secret === undefined)).toBe(true)
    const renamed = (await csv('facility,bin-1,street-1,Bin One,bin,31.2,121.5,')).json<ImportResult>()
    expect(renamed).toMatchObject({ created: 0, updated: 1, failed: 0 })
  })

  it('says of each broken row what is wrong, by line, and takes the others', async () => {
    const answer = await csv(
      'area,a-1,,A,district,,,',
      'tree,t-1,,,,,,',
      'area,a-2,grid-t,,city,,,',
      'facility,f-1,nowhere,,bin,,,',
      'facility,f-2,a-1,,bin,91,0,',
      'facility,f-3,a-1,,bin,,,"{""toiletClass"": 4}"',
      'facility,f-4,a-1,,bin,,,{"road": "x", "stream": "food"}',
      'facility,f-5,a-1,,bin,,,"{""road"": ""gone""}"',
      'device,d-1,f-1,,fill-sensor,,,',
      'device,d-2,a b,,fill-sensor,,,',
      'facility,f 6,a-1,,bin,,,',
      'facility,f-7,a-1,,bin,,,',
      'facility,f-7,a-1,,bin,,,',
      'device,d-3,f-7,,lamp-controller,,,',
      'device,d-4,f-7,,fill-sensor,,,"{""model"": ""gateway""}"',
      'device,d-5,f-7,,fill-sensor,,,"{""geometry"": {""emptyDistanceMm"": 100, ""fullDistanceMm"": 900}}"',
      'facility,f-8,a-1,,toilet,,,"{""toiletClass"": ""2""}"',
      'device,d-6,f-7,,fill-sensor,,,"{""geometry"": {""emptyDistanceMm"": ""900"", ""fullDistanceMm"": 100}}"',
      'facility,f-9,a-1,,bin,,,"{""stream"": ""paper""}"'
    )
    const { created, failed, rows } = answer.json<ImportResult>()
    expect({ created, failed }).toEqual({ created: 2, failed: 17 })
    expect(Object.fromEntries(rows.filter(row => !row.ok).map(row => [row.line, row.error]))).toEqual({
      3: 'type: one of area, road, facility, device',
      4: 'parent: a city does not lie in a grid',
      5: 'parent: no area nowhere is registered',
      6: 'lat: degrees from -90 to 90',
      7: 'attributes/toiletClass: must be one of 1, 2, 3; it is 4',
      8: expect.stringMatching(/^9 cells under 8 columns: quote attributes/) as string,
      9: 'attributes: no road gone is registered',
      10: 'parent: no facility and no gateway f-1 is registered',
      11: 'parent: no facility and no gateway a b is registered',
      12: expect.stringMatching(/^id: /) as string,
      14: 'id: already in line 13',
      15: 'parent: a lamp-controller does not fit to a bin',
      16: 'attributes: gateway is not a fill-sensor',
      17: 'attributes/geometry: fullDistanceMm must be less than emptyDistanceMm',
      18: 'attributes/toiletClass: must be one of 1, 2, 3 (without quotes); it is "2"',
      19: 'attributes/geometry/emptyDistanceMm: must be number (without quotes); it is "900"',
      20: 'attributes/stream: must be one of residual, recyclable, food, hazardous; it is "paper"'
    })
  })

  it('binds a device to its gateway, by parent or by attribute', async () => {
    const answer = await csv(
      'area,g-1,,G,grid,,,',
      'facility,lamp-1,g-1,,light,,,',
      'device,l-1,lamp-1,,lamp-controller,,,"{""gateway"": ""gw-1""}"',
      'device,l-2,gw-1,,lamp-controller,,,',
      'device,gw-1,,,gateway,,,'
    )
    const { rows } = answer.json<ImportResult>()
    const gateway = await server.credentials.check('gw-1', rows[4]?.secret as string)
    expect(
      gateway.ok && [gateway.gatewayFor('l-1'), gateway.gatewayFor('l-2'), gateway.gatewayFor('s-1')]
    ).toEqual([true, true, false])
    const unbound = (await get('/api/devices?unbound=true')).json<{ items: { id: string }[] }>()
    expect(unbound.items.map(device => device.id)).toEqual(['gw-1', 'l-2'])
  })

  it('reads what a Chinese Excel writes', async () => {
    const bytes = [...Buffer.from('type,id,kind,name\narea,gbk-1,grid,')]
    const payload = Buffer.from([...bytes, 0xc3, 0xf7, 0xbd, 0xe0])
    const headers = { ...admin, 'content-type': 'text/csv' }
    await server.app.inject({ method: 'POST', url: '/api/import', headers, payload })
    const areas = (await get('/api/areas')).json<{ items: { id: string; name: string }[] }>().items
    expect(areas.find(area => area.id === 'gbk-1')?.name).toBe('明洁')
  })

  it('refuses a file it cannot read, and what is no CSV', async () => {
    const headers = { ...admin, 'content-type': 'text/csv' }
    const sent = (payload: string, more = {}) =>
      server.app.inject({ method: 'POST', url: '/api/import', headers: { ...headers, ...more }, payload })
    expect((await sent('type,name\narea,x')).json()).toMatchObject({ status: 400, code: 'invalid-csv' })
    expect((await sent('')).json()).toMatchObject({ status: 400, code: 'invalid-csv' })
    expect((await sent('{}', { 'content-type': 'application/json' })).json()).toMatchObject({
      code: 'invalid-csv'
    })
  })
})

describe('history', () => {
  it('tells readings as people know them, each or by bucket', async () => {
    await csv(
      'area,g-2,,G,grid,,,',
      'facility,c-1,g-2,,compactor,,,',
      'device,cc-1,c-1,,compactor-controller,,,'
    )
    await server.report('cc-1', { state: 'fault', containerFillPct: 20 })
    // Of one millisecond the first reading would win.
    await new Promise(resolve => setTimeout(resolve, 5))
    await server.report('cc-1', { containerFillPct: 40 })
    const told = async <T>(query: string) =>
      (await get(`/api/facilities/c-1/telemetry?metric=${query}`)).json<{ items: T[] }>().items
    const buckets = await until('both are stored', async () => {
      const items = await told<{ count: number }>('containerFillPct&step=3600000')
      return items.reduce((sum, bucket) => sum + bucket.count, 0) === 2 ? items : undefined
    })
    expect(buckets[0]).toMatchObject({ min: 20, at: expect.stringMatching(/:00:00.000Z$/) as string })
    expect(await told('state')).toMatchObject([{ value: 'fault', quality: 'good' }])
  })

  it('tells a facility’s episodes', async () => {
    await burningBin('bin-e')
    const { items } = (await get('/api/facilities/bin-e/episodes')).json<{ items: object[] }>()
    expect(items).toMatchObject([{ rule: 'bin-fire', subject: 'facility:bin-e', endedAt: null }])
    const earlier = await get('/api/facilities/bin-e/episodes?to=2020-01-01T00:00:00Z')
    expect(earlier.json()).toEqual({ items: [], nextCursor: null })
  })

  it('tells what could not be understood, newest first, page by page', async () => {
    for (const device of ['q-1', 'q-2', 'q-3']) await server.report(device, { fillPct: 1 })
    const url = '/api/quarantine?reason=unknown-device&limit=2'
    const first = await until('all three are there', async () => {
      const page = (await get(url)).json<{ items: { device: string }[]; nextCursor: string | null }>()
      return page.items[0]?.device === 'q-3' ? page : undefined
    })
    expect(first.items).toMatchObject([
      { device: 'q-3', payload: '{"values":{"fillPct":1}}' },
      { device: 'q-2' }
    ])
    const second = (await get(`${url}&cursor=${first.nextCursor}`)).json<{ items: object[] }>()
    expect(second.items).toMatchObject([{ device: 'q-1' }])
  })
})

describe('a ticket', () => {
  const act = (id: string, payload: object, headers: object = {}) =>
    post(`/api/tickets/${id}/actions`, payload, headers)

  it('goes from new to closed by its moves, and tells who did what', async () => {
    const { id } = await burningBin('bin-a')
    const opened = (await get(`/api/tickets/${id}`)).json<TicketDetail>()
    expect(opened).toMatchObject({ state: 'new', rule: 'bin-fire', subjectName: 'Bin', areaName: 'Grid 1' })
    expect(opened.evidence).toMatchObject([{ device: 'bin-a-s', metric: 'tempC', value: 80 }])
    expect(opened.actions).toContain('accept')

    expect((await act(id, { action: 'accept' })).json()).toMatchObject({ state: 'accepted' })
    expect((await act(id, { action: 'start' })).json()).toMatchObject({ state: 'in-progress' })
    const holds = await act(id, { action: 'close', note: 'put out' })
    expect(holds.json()).toMatchObject({ status: 409, code: 'move-not-allowed' })
    const unread = await act(id, { action: 'close', note: ' \u200b ' })
    expect(unread.json()).toMatchObject({ code: 'reason-required' })
    const forGood = await act(id, { action: 'close', note: 'put out', quietUntil: '9999-12-31T00:00:00Z' })
    expect(forGood.json()).toMatchObject({
      status: 400,
      detail: expect.stringContaining('90 days') as string
    })
    const quietUntil = new Date(Date.now() + 3_600_000).toISOString()
    const closed = (await act(id, { action: 'close', note: 'put out', quietUntil })).json<TicketDetail>()
    // What the system itself adds, such as a colour, comes with the next record.
    const moves = closed.history.filter(({ who }) => who !== 'system').map(({ action }) => action)
    expect(moves).toEqual(['open', 'accept', 'start', 'close'])
    expect(closed).toMatchObject({ state: 'closed', closeReason: 'person', actions: ['reopen'] })
    expect(closed.history.at(-1)).toMatchObject({ who: 'admin', note: 'put out', to: 'closed' })

    const ended = (await get('/api/tickets?status=ended&facility=bin-a')).json<{ items: TicketSummary[] }>()
    expect(ended.items.map(ticket => ticket.id)).toEqual([id])
    const byArea = (await get('/api/tickets?status=ended&area=nowhere')).json<{ items: TicketSummary[] }>()
    expect(byArea.items).toEqual([])
  })

  it('refuses a move it cannot make, one without its reason, and one of another role', async () => {
    const { id } = await burningBin('bin-b')
    expect((await act(id, { action: 'verify', note: 'fine' })).json()).toMatchObject({
      code: 'move-not-allowed'
    })
    expect((await act(id, { action: 'void', note: ' ' })).json()).toMatchObject({
      status: 422,
      code: 'reason-required'
    })
    expect((await act('nothing', { action: 'accept' })).json()).toMatchObject({ code: 'not-found' })
    const crew = await server.bearer('crew')
    expect((await act(id, { action: 'void', note: 'no' }, crew)).json()).toMatchObject({ code: 'forbidden' })
  })

  it('takes a repeated key once, and a key of another request never', async () => {
    const { id } = await burningBin('bin-c')
    const key = { 'idempotency-key': 'phone-17' }
    const first = await act(id, { action: 'accept' }, key)
    const again = await act(id, { action: 'accept' }, key)
    expect([first.statusCode, again.statusCode]).toEqual([200, 200])
    expect(again.json<TicketDetail>().history.filter(event => event.action === 'accept')).toHaveLength(1)
    expect((await act(id, { action: 'start' }, key)).json()).toMatchObject({ status: 409, code: 'conflict' })
  })
})
