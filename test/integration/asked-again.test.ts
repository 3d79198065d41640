import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { Problem, ReportedTicket, TicketDetail } from '#model/api'
import type { FacilityCode } from '#model/crews'
import { cityCsv } from '#test/fixtures/city-csv'
import { runningServer, type RunningServer } from '#test/fixtures/running-server'

type Person = 'admin' | 'wang' | 'chen'

let server: RunningServer
const headers = {} as Record<Person, { authorization: string }>

beforeAll(async () => {
  server = await runningServer()
  await server.people.add({ username: 'wang', name: 'Wang', role: 'crew' })
  await server.people.add({ username: 'chen', name: 'Chen', role: 'operator' })
  for (const name of ['admin', 'wang', 'chen'] as const) headers[name] = await server.bearer(name)
  const csv = cityCsv([{ id: 'toilet-1', kind: 'toilet' }])
  const text = { ...headers.admin, 'content-type': 'text/csv' }
  await server.app.inject({ method: 'POST', url: '/api/import', headers: text, payload: csv })
  await crew('north', ['wang'])
  await crew('south', [])
})
afterAll(async () => {
  await server.close()
  expect(server.errors).toEqual([])
})

async function crew(id: string, members: string[]): Promise<void> {
  const said = { name: id, contractor: null, areas: ['grid-1'], kinds: [], shifts: [], phone: null }
  const payload = { ...said, members, active: true }
  const url = `/api/crews/${id}`
  const answer = await server.app.inject({ method: 'PUT', url, headers: headers.admin, payload })
  expect(answer.statusCode).toBe(200)
}

async function post<T>(who: Person, url: string, payload: object, key?: string) {
  const keyed = key === undefined ? {} : { 'idempotency-key': key }
  const answer = await server.app.inject({
    method: 'POST',
    url,
    headers: { ...headers[who], ...keyed },
    payload
  })
  return { status: answer.statusCode, body: answer.json<T & Problem>(), text: answer.body }
}
const act = (who: Person, ticket: string, action: object, key?: string) =>
  post<TicketDetail>(who, `/api/tickets/${ticket}/actions`, action, key)

/** What a person reported, sent to the crew of Wang. */
async function sent(kind: string): Promise<string> {
  const report = { kind, source: 'patrol', subject: 'facility:toilet-1' }
  const { body } = await post<ReportedTicket>('chen', '/api/tickets', report)
  await act('chen', body.id, { action: 'check' })
  expect((await act('chen', body.id, { action: 'dispatch', crew: 'north' })).body.state).toBe('dispatched')
  return body.id
}

describe('what a phone asks again', () => {
  it('is the same though its person is of another crew meanwhile, and not with other words', async () => {
    const ticket = await sent('dirty')
    const first = await act('wang', ticket, { action: 'accept' }, 'k-1')
    expect(first.body.state).toBe('accepted')
    await crew('a-crew-before', ['wang'])
    expect(await act('wang', ticket, { action: 'accept' }, 'k-1')).toMatchObject({ status: 200 })
    expect((await act('wang', ticket, { action: 'accept', note: 'x' }, 'k-1')).body.code).toBe('conflict')
    await crew('a-crew-before', [])
  })

  it('is not the same for an operator who names another crew, or none', async () => {
    const ticket = await sent('blocked')
    const handed = { action: 'transfer', note: 'nearer', crew: 'north' }
    expect((await act('chen', ticket, handed, 'k-2')).status).toBe(200)
    for (const other of [
      { ...handed, crew: 'south' },
      { action: 'transfer', note: 'nearer', unit: 'Works' }
    ]) {
      expect((await act('chen', ticket, other, 'k-2')).body.code).toBe('conflict')
    }
  })

  it('tells a crew nothing of what another crew has by now', async () => {
    const ticket = await sent('overflow')
    await act('wang', ticket, { action: 'comment', note: 'on my way' }, 'k-3')
    await act('chen', ticket, { action: 'transfer', note: 'a matter of the south', crew: 'south' })
    const again = await act('wang', ticket, { action: 'comment', note: 'on my way' }, 'k-3')
    expect(again).toMatchObject({
      status: 200,
      body: { id: ticket, crew: 'south', history: [], actions: [] }
    })
    expect(again.text).not.toContain('a matter of the south')
  })

  it('says of a scan when it was, not when it was asked again', async () => {
    const codes = await server.app.inject({ url: '/api/areas/grid-1/codes', headers: headers.admin })
    const [code] = codes.json<{ items: FacilityCode[] }>().items
    const scan = () =>
      post<{ at: string }>('wang', '/api/facilities/toilet-1/service', { token: code?.code }, 'k-4')
    const first = await scan()
    expect(first.status).toBe(200)
    await new Promise(resolve => setTimeout(resolve, 20))
    expect((await scan()).body.at).toBe(first.body.at)
  })
})

it('keeps no place for who opens one live page after the other', async () => {
  await server.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = server.app.server.address() as AddressInfo
  const sockets: WebSocket[] = []
  const opens = (who: Person): Promise<boolean> =>
    new Promise(resolve => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/api/live`, { headers: headers[who] })
      sockets.push(socket)
      socket.on('open', () => resolve(true))
      socket.on('error', () => resolve(false))
    })
  const opened: boolean[] = []
  for (let i = 0; i < 55; i++) opened.push(await opens('wang'))
  expect(opened.filter(Boolean)).toHaveLength(50)
  expect(await opens('chen')).toBe(true)
  for (const socket of sockets) socket.terminate()
})
