import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EditItem, Edited } from '#model/edits'
import { DEFAULT_TICKET_POLICY } from '#model/ticket-policy'
import { runningServer, type RunningServer } from '#test/fixtures/running-server'

const began = Date.now()
let server: RunningServer
let admin: Record<string, string>
let manager: Record<string, string>

beforeAll(async () => {
  server = await runningServer()
  admin = await server.bearer()
  await server.people.add({ username: 'chen', name: 'Chen', role: 'manager', password: 'long enough' })
  manager = await server.bearer('chen')
  const rows = ['area,d-1,,District,district,,,', 'facility,wc-1,d-1,Toilet 1,toilet,,,']
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

const put = (url: string, payload: object, headers = manager) =>
  server.app.inject({ method: 'PUT', url, headers, payload })
const edits = async (of: Edited, more = '') => {
  const answer = await server.app.inject({ url: `/api/edits?of=${of}${more}`, headers: manager })
  return answer.json<{ items: EditItem[]; nextCursor: string | null }>()
}
const crew = {
  ...{ name: 'North', contractor: null, areas: ['d-1'], kinds: [], shifts: [] },
  ...{ members: ['chen'], phone: null, active: true }
}
const plan = {
  ...{ title: 'Clean it', kind: 'dirty', facility: 'wc-1', days: [1], from: '06:00', to: '09:00' },
  active: true
}

describe('every edit has who, when, what and why', () => {
  it('of a crew, whose end needs a reason', async () => {
    expect((await put('/api/crews/north', crew)).statusCode).toBe(200)
    await put('/api/crews/north', { ...crew, members: [], why: ' Chen moved to South ' })
    const silent = await put('/api/crews/north', { ...crew, members: [], active: false })
    expect(silent.json()).toMatchObject({ status: 422, code: 'reason-required' })
    expect(
      (await put('/api/crews/north', { ...crew, members: [], active: false, why: ' ' })).statusCode
    ).toBe(400)
    await put('/api/crews/north', { ...crew, members: [], active: false, why: 'contract over' }, admin)
    // One that does not work already may be edited without a word.
    expect((await put('/api/crews/north', { ...crew, name: 'N', active: false })).statusCode).toBe(200)
    await put('/api/crews/south', { ...crew, active: false })

    const { items } = await edits('crew', '&subject=north')
    expect(items).toMatchObject([
      { who: 'chen', why: null, action: 'crew-changed' },
      {
        ...{ who: 'admin', why: 'contract over', action: 'crew-ended', subject: 'north' },
        detail: { active: { from: true, to: false } }
      },
      {
        ...{ who: 'chen', why: 'Chen moved to South', action: 'crew-changed' },
        detail: { members: { from: ['chen'], to: [] } }
      },
      {
        ...{ who: 'chen', why: null, action: 'crew-added' },
        detail: { name: 'North', areas: ['d-1'], members: ['chen'], active: true }
      }
    ])
    expect(items.map(({ at }) => Date.parse(at) >= began)).toEqual([true, true, true, true])
    const first = await edits('crew', '&limit=1')
    expect(first.items).toMatchObject([{ subject: 'south', action: 'crew-added' }])
    expect((await edits('crew', `&limit=9&cursor=${first.nextCursor}`)).items).toEqual(items)
  })

  it('of who answers for an area', async () => {
    const duty = { unit: 'Office', contractor: null, chiefs: [] }
    await put('/api/areas/d-1/chiefs', duty)
    await put('/api/areas/d-1/chiefs', { ...duty, unit: 'Bureau', why: 'new name' })
    expect((await edits('chief', '&subject=d-1')).items).toMatchObject([
      { action: 'chief-changed', why: 'new name', detail: { unit: { from: 'Office', to: 'Bureau' } } },
      { action: 'chief-added', why: null, subject: 'd-1', detail: { unit: 'Office' } }
    ])
  })

  it('of a plan, whose end needs a reason', async () => {
    await put('/api/plans/p-1', plan)
    const end = { ...plan, active: false }
    expect((await put('/api/plans/p-1', end)).json()).toMatchObject({ code: 'reason-required' })
    await put('/api/plans/p-1', { ...end, why: 'the toilet is torn down' })
    expect((await edits('plan')).items).toMatchObject([
      { action: 'plan-ended', why: 'the toilet is torn down', subject: 'p-1' },
      { action: 'plan-added', detail: { title: 'Clean it' } }
    ])
  })

  it('of the policy, always with a reason; the first is an edit of what is shipped', async () => {
    const policy = { ...DEFAULT_TICKET_POLICY, joinWithinM: 80 }
    expect((await put('/api/ticket-policy', policy)).json()).toMatchObject({
      status: 422,
      detail: 'body/why: say why tickets shall be handled otherwise'
    })
    const answer = await put('/api/ticket-policy', { ...policy, why: 'wide streets' })
    expect(answer.json()).toEqual(policy)
    expect((await edits('policy')).items).toMatchObject([
      { action: 'policy-changed', why: 'wide streets', detail: { joinWithinM: { from: 50, to: 80 } } }
    ])
  })

  it('of announced work, each window by itself', async () => {
    const day = (n: number) => new Date(Date.now() + n * 86_400_000).toISOString()
    const work = { subject: 'facility:wc-1', from: day(1), to: day(2) }
    const announce = async (note: string) => {
      const payload = { ...work, note }
      const answer = await server.app.inject({
        ...{ method: 'POST', url: '/api/maintenance', headers: manager, payload }
      })
      return answer.json<{ id: string }>().id
    }
    const id = await announce('new pipes')
    await announce('new roof')
    const put1 = await put(`/api/maintenance/${id}`, { to: day(3), why: 'rain' })
    expect(put1.statusCode).toBe(200)
    expect((await edits('maintenance')).items).toMatchObject([
      {
        ...{ action: 'maintenance-changed', why: 'rain', subject: 'facility:wc-1' },
        detail: { to: { from: work.to } }
      },
      { action: 'maintenance-added', why: 'new roof' },
      { action: 'maintenance-added', why: 'new pipes' }
    ])
  })

  it('of an account, which cannot be disabled without a word', async () => {
    await server.people.add({ username: 'li', name: 'Li', role: 'crew', password: 'long enough' })
    expect((await put('/api/people/li', { disabled: true }, admin)).json()).toMatchObject({
      status: 422,
      code: 'reason-required'
    })
    await put('/api/people/li', { role: 'inspector', why: 'promoted' }, admin)
    await put('/api/people/li', { disabled: true, why: 'left us' }, admin)
    const { items } = (await server.app.inject({ url: '/api/audit?limit=3', headers: admin })).json<{
      items: object[]
    }>()
    expect(items).toMatchObject([
      { why: 'left us', detail: { disabled: { from: false, to: true } } },
      { why: 'promoted', detail: { role: { from: 'crew', to: 'inspector' } } },
      { why: null, action: 'person-added' }
    ])
  })
})
