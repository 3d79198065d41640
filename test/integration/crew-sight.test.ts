import { afterAll, beforeAll, expect, it } from 'vitest'
import type { TicketDetail, TicketsNow, TicketSummary } from '#model/api'
import type { LiveView } from '#model/live'
import { ROLES, type Role } from '#model/tickets'
import { cityCsv } from '#test/fixtures/city-csv'
import { until } from '#test/fixtures/until'
import { standingClock, startTestSystem, type TestSystem } from '#test/fixtures/system'

const START = Date.parse('2026-11-02T02:00:00Z')
const CREW = { contractor: null, kinds: [], shifts: [], phone: null, active: true }

let city: TestSystem
const tokens = new Map<string, string>()
/** Their names here, by the ids they were given. */
const named = new Map<string, string>()

beforeAll(async () => {
  city = await startTestSystem({ clock: standingClock(START) })
  await city.importCsv(
    cityCsv(
      [{ id: 'toilet-1', kind: 'toilet' }],
      ['area,grid-2,city,Grid 2,grid,,,', 'facility,toilet-2,grid-2,,toilet,,,']
    )
  )
  for (const role of Object.keys(ROLES) as Role[]) {
    if (role !== 'admin') await city.system.people.add({ username: role, name: role, role })
    tokens.set(role, await city.system.people.createToken(role, 'bearer'))
  }
  for (const [id, area, members] of [
    ['north', 'grid-1', ['crew']],
    ['south', 'grid-2', []]
  ] as const) {
    const body = JSON.stringify({ ...CREW, name: id, areas: [area], members })
    const headers = { 'content-type': 'application/json' }
    expect((await city.api(`/api/crews/${id}`, { method: 'PUT', headers, body })).status).toBe(200)
  }
  await open({ name: 'mine', kind: 'dirty', facility: 'toilet-1', crew: 'north' })
  await open({ name: 'theirs', kind: 'blocked', facility: 'toilet-1', crew: 'south' })
  await open({ name: 'nobody’s here', kind: 'litter', facility: 'toilet-1' })
  await open({ name: 'nobody’s there', kind: 'litter', facility: 'toilet-2' })
  await open({ name: 'mine there', kind: 'dirty', facility: 'toilet-2', crew: 'north' })
  await open({ name: 'theirs, ended', kind: 'advert', facility: 'toilet-1', crew: 'south', ended: true })
  await open({ name: 'mine, ended', kind: 'overflow', facility: 'toilet-1', crew: 'north', ended: true })
})
afterAll(async () => {
  const { fatal } = city
  await city.close()
  expect(fatal).toEqual([])
})

async function open(it: {
  name: string
  kind: string
  facility: string
  crew?: string
  ended?: boolean
}): Promise<void> {
  const { name, kind, facility, crew, ended } = it
  const { body } = await city.post<TicketDetail>('/api/tickets', {
    ...{ kind, source: 'hotline', subject: `facility:${facility}` }
  })
  const acts = [
    ...(crew ? [{ action: 'check' }, { action: 'dispatch', crew }] : []),
    ...(ended ? [{ action: 'close', note: 'done' }] : [])
  ]
  for (const act of acts) expect((await city.post(`/api/tickets/${body.id}/actions`, act)).status).toBe(200)
  named.set(body.id, name)
}

const as = (role: Role) => ({ authorization: `Bearer ${tokens.get(role)}` })
const namesOf = (items: { id: string }[]) => items.map(({ id }) => named.get(id)).sort()
const list = async (role: Role, query: string) =>
  namesOf(
    (await city.api<{ items: TicketSummary[] }>(`/api/tickets?${query}`, { headers: as(role) })).body.items
  )
async function looked(role: Role, view: LiveView) {
  const [snapshot] = (await city.live(view, as(role))).filter(message => message.type === 'snapshot')
  const picture = snapshot?.picture
  if (picture?.view === 'tickets') return { names: namesOf(picture.items), total: picture.total }
  return picture?.view === 'facility' ? { names: namesOf(picture.tickets) } : undefined
}

const OPEN = ['mine', 'mine there', 'nobody’s here', 'nobody’s there', 'theirs']
const OPEN_OF_CREW = ['mine', 'mine there', 'nobody’s here']
const ENDED = ['mine, ended', 'theirs, ended']
const OTHERS: readonly Role[] = ['admin', 'operator', 'manager', 'inspector']

it('lists to a crew its own tickets and those nobody has in its areas, to all others every one', async () => {
  for (const role of OTHERS) {
    expect([role, await list(role, 'status=open')]).toEqual([role, OPEN])
    expect([role, await list(role, 'status=ended')]).toEqual([role, ENDED])
  }
  expect(await list('crew', 'status=open')).toEqual(OPEN_OF_CREW)
  expect(await list('crew', 'status=all')).toEqual([...OPEN_OF_CREW, 'mine, ended'].sort())
  expect(await list('crew', 'status=open&crew=south')).toEqual([])
  const period = 'from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z&counted=due'
  const cases = async (role: Role) =>
    (
      await city.api<{ items: TicketSummary[] }>(`/api/tickets/rates/cases?${period}`, { headers: as(role) })
    ).body.items.map(({ crew }) => crew)
  expect(await cases('manager')).toContain('south')
  expect(await cases('crew')).not.toContain('south')
})

it('shows at a first glance who was sent nowhere, what is due and what came, to a crew its own', async () => {
  const now = async (role: Role) => {
    const { body } = await city.api<TicketsNow>('/api/tickets/now', { headers: as(role) })
    const { unsent, unsentTotal, urgent, newest } = body
    return { unsent: namesOf(unsent), unsentTotal, urgent: namesOf(urgent), newest: namesOf(newest) }
  }
  for (const role of OTHERS) {
    expect(await now(role)).toEqual({
      unsent: ['nobody’s here', 'nobody’s there'],
      unsentTotal: 2,
      urgent: OPEN,
      newest: OPEN
    })
  }
  expect(await now('crew')).toEqual({
    unsent: ['nobody’s here'],
    unsentTotal: 1,
    urgent: OPEN_OF_CREW,
    newest: OPEN_OF_CREW
  })
})

it('shows a crew the rates of all together and its own, and those of no other crew', async () => {
  const period = 'from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z'
  const asked = async <T>(role: Role, path: string) =>
    city.api<T>(`/api/tickets/rates${path}${period}`, { headers: as(role) })
  const keys = async (role: Role, by: string) =>
    (await asked<{ items: { key: string | null }[] }>(role, `/by?by=${by}&`)).body.items.map(({ key }) => key)
  const due = async (role: Role, path = '?') => (await asked<{ due: number }>(role, path)).body.due
  for (const role of OTHERS) {
    expect((await keys(role, 'crew')).toSorted()).toEqual(['north', null, 'south'])
    expect((await asked(role, '?crew=south&')).status).toBe(200)
  }
  expect(await keys('crew', 'crew')).toEqual(['north'])
  expect(await keys('crew', 'area')).toEqual(await keys('manager', 'area'))
  expect(await due('crew')).toBe(await due('manager'))
  expect(await due('crew', '?crew=north&')).toBe(await due('manager', '?crew=north&'))
  for (const path of ['?', '/by?by=crew&', '/by?by=kind&', '/cases?counted=due&'])
    expect([path, (await asked('crew', `${path}crew=south&`)).status]).toEqual([path, 403])
})

it('shows a ticket of another crew, or of nobody in another area, to everyone but a crew', async () => {
  for (const [id, name] of named) {
    for (const role of [...OTHERS, 'crew'] as const) {
      const { status } = await city.api(`/api/tickets/${id}`, { headers: as(role) })
      const hidden = role === 'crew' && (name.startsWith('theirs') || name === 'nobody’s there')
      expect([name, role, status]).toEqual([name, role, hidden ? 403 : 200])
    }
  }
})

it('paints the same on the live page, each reader its own', async () => {
  const view: LiveView = { view: 'tickets', query: { status: 'open' } }
  expect(await looked('operator', view)).toEqual({ names: OPEN, total: 5 })
  expect(await looked('crew', view)).toEqual({ names: OPEN_OF_CREW, total: 3 })
  const all: LiveView = { view: 'tickets', query: { status: 'ended' } }
  expect(await looked('operator', all)).toEqual({ names: ENDED, total: 2 })
  expect(await looked('crew', all)).toEqual({ names: ['mine, ended'], total: 1 })
  const place: LiveView = { view: 'facility', id: 'toilet-1' }
  expect((await looked('operator', place))?.names).toContain('theirs')
  expect((await looked('crew', place))?.names).toEqual(['mine', 'mine, ended', 'nobody’s here'])
})

it('answers a crew that gives a ticket back, though it may be out of its sight then', async () => {
  const [id = ''] = [...named].find(([, name]) => name === 'mine there') ?? []
  const refused = await city.post<TicketDetail>(
    `/api/tickets/${id}/actions`,
    { action: 'refuse', note: 'Not ours' },
    as('crew')
  )
  expect([refused.status, refused.body.state]).toEqual([200, 'new'])
})

it('tells who reports what is another crew’s already that it is, and nothing of what was said of it', async () => {
  const report = { kind: 'blocked', source: 'patrol', subject: 'facility:toilet-1', note: 'still so' }
  const { status, body } = await city.post<TicketDetail>('/api/tickets', report, as('crew'))
  expect([status, named.get(body.id)]).toEqual([200, 'theirs'])
  expect(body).toMatchObject({ history: [], reports: [], ratings: [], evidence: [], actions: [] })
  const seen = await city.api<TicketDetail>(`/api/tickets/${body.id}`)
  expect(seen.body.history.map(({ note }) => note)).toContain('still so')
})

it('follows on a page that is open who is in a crew and which crew has a ticket', async () => {
  const heard = await city.live({ view: 'facility', id: 'toilet-1' }, as('crew'))
  const shown = () => {
    const last = heard.findLast(message => message.type === 'changes' && message.facility !== undefined)
    return last?.type === 'changes' ? namesOf(last.facility?.tickets ?? []) : undefined
  }
  const put = async (members: string[]) => {
    const body = JSON.stringify({ ...CREW, name: 'north', areas: ['grid-1'], members })
    const headers = { 'content-type': 'application/json' }
    expect((await city.api('/api/crews/north', { method: 'PUT', headers, body })).status).toBe(200)
  }
  const sees = (names: string[]) =>
    until(`the page shows ${names.join(', ')}`, () => JSON.stringify(shown()) === JSON.stringify(names))
  // Twice: what a page has read is read once more anyway.
  for (let i = 0; i < 2; i++) {
    await put([])
    await sees([])
    await put(['crew'])
    await sees(['mine', 'mine, ended', 'nobody’s here'])
  }
  const [id = ''] = [...named].find(([, name]) => name === 'mine') ?? []
  const move = { action: 'transfer', note: 'They are nearer', crew: 'south' }
  expect((await city.post(`/api/tickets/${id}/actions`, move)).status).toBe(200)
  await sees(['mine, ended', 'nobody’s here'])
  expect((await city.post(`/api/tickets/${id}/actions`, { ...move, crew: 'north' })).status).toBe(200)
  await sees(['mine', 'mine, ended', 'nobody’s here'])
})

it('does nothing in the name of who signed in after the one who meant it', async () => {
  const [id = ''] = [...named].find(([, name]) => name === 'mine') ?? []
  const headers = { ...as('crew'), 'mingjie-as': 'operator' }
  const act = { action: 'comment', note: 'mine' }
  expect((await city.post(`/api/tickets/${id}/actions`, act, headers)).status).toBe(401)
  const own = { ...as('crew'), 'mingjie-as': 'crew' }
  expect((await city.post(`/api/tickets/${id}/actions`, act, own)).status).toBe(200)
})
