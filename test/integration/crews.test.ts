import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { facilityCodes } from '#db/installation'
import type { AreaDuty, Crew, CrewItem, FacilityCode } from '#model/crews'
import type { Role } from '#model/tickets'
import { runningServer, type RunningServer } from '#test/fixtures/running-server'

type Headers = Record<string, string>

let server: RunningServer
let admin: Headers
const as: Partial<Record<Role, Headers>> = {}

beforeAll(async () => {
  server = await runningServer()
  admin = await server.bearer()
  for (const role of ['crew', 'manager', 'operator'] as const) {
    await server.people.add({ username: role, name: `The ${role}`, role, password: 'long enough' })
    as[role] = await server.bearer(role)
  }
  const rows = [
    'area,d-1,,District,district,,,',
    'area,g-1,d-1,Grid 1,grid,,,',
    'facility,wc-1,g-1,Toilet 1,toilet,,,',
    'facility,wc-2,g-1,Toilet 2,toilet,,,'
  ]
  await server.app.inject({
    method: 'POST',
    url: '/api/import',
    headers: { ...admin, 'content-type': 'text/csv' },
    payload: ['type,id,parent,name,kind,lat,lon,attributes', ...rows].join('\n')
  })
})
afterAll(async () => {
  await server.close()
  expect(server.errors).toEqual([])
})

const ask = (method: 'GET' | 'POST' | 'PUT', url: string, payload?: object, headers = admin) =>
  server.app.inject({ method, url, headers, ...(payload && { payload }) })
const crew = (said: Partial<Crew> = {}) => ({
  name: 'North',
  contractor: null,
  areas: ['d-1'],
  kinds: [],
  shifts: [],
  members: ['crew'],
  phone: '+86 138 0000 0000',
  active: true,
  ...said
})

describe('crews', () => {
  it('are made and changed by admin and manager, shown to all with names, and who is on shift', async () => {
    const made = await ask('PUT', '/api/crews/north', crew(), as.manager)
    expect(made.json()).toEqual({
      id: 'north',
      ...crew(),
      onShift: true,
      team: [{ username: 'crew', name: 'The crew' }]
    })
    await ask('PUT', '/api/crews/idle', crew({ name: 'Idle', active: false, members: [] }))
    const { items } = (await ask('GET', '/api/crews', undefined, as.crew)).json<{ items: CrewItem[] }>()
    expect(items.map(({ id, onShift }) => [id, onShift])).toEqual([
      ['idle', false],
      ['north', true]
    ])
    expect((await ask('PUT', '/api/crews/north', crew(), as.operator)).statusCode).toBe(403)
    const { rows } = await server.pool.query(
      `select who, subject, refused, applied_no is not null as applied from changes where kind = 'crew' order by id limit 1`
    )
    expect(rows).toEqual([{ who: 'manager', subject: 'crew:north', refused: null, applied: true }])
  })

  it.each([
    [{ areas: ['nowhere'] }, 'no area nowhere is registered'],
    [{ members: ['ghost'] }, 'there is no account ghost'],
    [{ shifts: [{ days: [0], from: '08:00', to: '16:00' }] }, 'must be >= 1'],
    [{ shifts: [{ days: [1], from: '8:00', to: '24:00' }] }, 'must match pattern'],
    [{ kinds: ['tree'] }, 'must be equal to one of the allowed values'],
    [{ phone: 'call me' }, 'must match pattern'],
    [{ name: '' }, 'must NOT have fewer than 1 characters']
  ])('are not made with %j', async (said, reason) => {
    const answer = await ask('PUT', '/api/crews/bad', { ...crew(), ...said })
    expect(answer.json()).toMatchObject({
      status: 400,
      code: 'bad-request',
      detail: expect.stringContaining(reason)
    })
  })
})

describe('who answers for an area', () => {
  const duty = {
    unit: 'Sanitation office',
    contractor: 'Clean Ltd',
    chiefs: [{ level: 2, name: 'Wang', username: 'manager', phone: null }]
  }

  it('is said by admin and manager and shown to all', async () => {
    const answer = await ask('PUT', '/api/areas/d-1/chiefs', duty, as.manager)
    expect(answer.json()).toEqual({ area: 'd-1', ...duty })
    const listed = (await ask('GET', '/api/chiefs', undefined, as.crew)).json<{ items: AreaDuty[] }>()
    expect(listed.items).toEqual([{ area: 'd-1', ...duty }])
  })

  it('is one person a level, of an area there is, by an account there is', async () => {
    const twice = { ...duty, chiefs: [duty.chiefs[0], duty.chiefs[0]] }
    const ghost = { ...duty, chiefs: [{ ...duty.chiefs[0], username: 'ghost' }] }
    expect((await ask('PUT', '/api/areas/d-1/chiefs', twice)).json()).toMatchObject({ detail: /one a level/ })
    expect((await ask('PUT', '/api/areas/d-1/chiefs', ghost)).json()).toMatchObject({
      detail: /no account ghost/
    })
    expect((await ask('PUT', '/api/areas/nowhere/chiefs', duty)).statusCode).toBe(404)
  })
})

describe('the code on the wall', () => {
  const scan = (facility: string, token: string, headers = as.crew) =>
    ask('POST', `/api/facilities/${facility}/service`, { token }, headers)

  it('is one a facility, the same at every start, for those who print it', async () => {
    const { items } = (await ask('GET', '/api/areas/d-1/codes?kind=toilet', undefined, as.manager)).json<{
      items: FacilityCode[]
    }>()
    expect(items.map(({ facility, name }) => [facility, name])).toEqual([
      ['wc-1', 'Toilet 1'],
      ['wc-2', 'Toilet 2']
    ])
    const again = await facilityCodes(server.db)
    expect(items.map(({ code }) => code)).toEqual(['wc-1', 'wc-2'].map(id => again.codeOf(id)))
    expect((await ask('GET', '/api/areas/d-1/codes', undefined, as.crew)).statusCode).toBe(403)
  })

  it('is needed, and is of that facility alone', async () => {
    const codes = await facilityCodes(server.db)
    const made = createHmac('sha256', 'a guess')
      .update('facility:wc-1')
      .digest()
      .subarray(0, 16)
      .toString('base64url')
    for (const [facility, token] of [
      ['wc-1', made],
      ['wc-1', codes.codeOf('wc-2')],
      ['nowhere', codes.codeOf('nowhere')]
    ] as const) {
      expect([facility, (await scan(facility, token)).json()]).toMatchObject([
        facility,
        { status: 403, code: 'forbidden' }
      ])
    }
    expect((await scan('wc-1', 'short')).statusCode).toBe(400)
    expect((await scan('wc-1', codes.codeOf('wc-1'), as.operator)).statusCode).toBe(403)
    expect((await server.pool.query(`select from changes where kind = 'service'`)).rows).toHaveLength(0)
  })

  it('becomes a change for the rules, once however often it is sent', async () => {
    const codes = await facilityCodes(server.db)
    const headers = { ...(as.crew as Headers), 'idempotency-key': 'one scan' }
    const answers = [
      await scan('wc-1', codes.codeOf('wc-1'), headers),
      await scan('wc-1', codes.codeOf('wc-1'), headers)
    ]
    expect(answers.map(answer => answer.statusCode)).toEqual([200, 200])
    expect(answers[0]?.json()).toMatchObject({ facility: 'wc-1', name: 'Toilet 1' })
    const { rows } = await server.pool.query(`select who, subject, body from changes where kind = 'service'`)
    expect(rows).toEqual([
      { who: 'crew', subject: 'facility:wc-1', body: { kind: 'service', facility: 'wc-1', by: 'scan' } }
    ])
  })
})
