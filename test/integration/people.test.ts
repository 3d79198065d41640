import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { PersonAnswer, TokenAnswer, TokenItem } from '#model/people'
import type { Role } from '#model/tickets'
import { ADMIN, runningServer, type RunningServer } from '#test/fixtures/running-server'
import { until } from '#test/fixtures/until'

type Headers = Record<string, string>

let server: RunningServer
let admin: Headers

beforeAll(async () => {
  server = await runningServer()
  admin = await server.bearer()
})
afterAll(async () => {
  await server.close()
  expect(server.errors).toEqual([])
})

const ask = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, payload?: object, headers = admin) =>
  server.app.inject({ method, url, headers, ...(payload && { payload }) })

async function add(username: string, role: Role): Promise<string> {
  const answer = await ask('POST', '/api/people', { username, name: username, role })
  expect(answer.statusCode).toBe(200)
  return answer.json<PersonAnswer>().secret as string
}
const login = (username: string, password: string) =>
  server.app.inject({ method: 'POST', url: '/api/session', payload: { username, password } })
/** As a browser on our own page sends it. */
async function cookieOf(username: string, password: string): Promise<Headers> {
  const set = String((await login(username, password)).headers['set-cookie'])
  return { cookie: set.split(';')[0] as string, host: 'city.example', origin: 'https://city.example' }
}
const who = async (headers: Headers) => (await ask('GET', '/api/session', undefined, headers)).statusCode

describe('accounts', () => {
  it('are added with a password that is shown once, and a name that nobody has', async () => {
    const secret = await add('li.wei', 'operator')
    expect((await login('li.wei', secret)).json()).toMatchObject({ username: 'li.wei', role: 'operator' })
    const again = await ask('POST', '/api/people', { username: 'li.wei', name: 'Li', role: 'crew' })
    expect(again.json()).toMatchObject({ status: 409, code: 'conflict' })
    const listed = (await ask('GET', '/api/people?q=LI.W')).body
    expect(listed).toContain('li.wei')
    expect(listed).not.toMatch(/secret|password|argon/)
  })

  it.each([
    { username: 'Big', name: 'B', role: 'crew' },
    { username: 'a b', name: 'B', role: 'crew' },
    { username: 'x', name: '  ', role: 'crew' },
    { username: 'x', name: 'B', role: 'king' },
    { username: 'x', name: 'B', role: 'crew', password: 'mine' }
  ])('are not made of %j', async person => {
    expect((await ask('POST', '/api/people', person)).json()).toMatchObject({ code: 'bad-request' })
  })

  it('are listed page by page', async () => {
    await add('page-1', 'crew')
    await add('page-2', 'crew')
    const first = (await ask('GET', '/api/people?q=page-&limit=1')).json<{
      items: object[]
      nextCursor: string
    }>()
    expect(first).toMatchObject({ items: [{ username: 'page-1' }], nextCursor: 'page-1' })
    const second = await ask('GET', `/api/people?q=page-&limit=1&cursor=${first.nextCursor}`)
    expect(second.json()).toMatchObject({ items: [{ username: 'page-2' }], nextCursor: null })
    expect((await ask('GET', '/api/people?q=%25')).json()).toMatchObject({ items: [] })
  })

  it('end at once when disabled: session, token, live page; and nobody tells a disabled name from an unknown one', async () => {
    const secret = await add('wang', 'crew')
    const cookie = await cookieOf('wang', secret)
    const { token } = (await ask('POST', '/api/tokens', { name: 'phone' }, cookie)).json<TokenAnswer>()
    const bearer = { authorization: `Bearer ${token}` }
    expect([await who(cookie), await who(bearer)]).toEqual([200, 200])
    await server.app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = server.app.server.address() as { port: number }
    const socket = new WebSocket(`ws://127.0.0.1:${port}/api/live`, { headers: bearer })
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    const closed = new Promise<number>(resolve => socket.once('close', resolve))

    expect((await ask('PUT', '/api/people/wang', { disabled: true, why: 'left' })).json()).toMatchObject({
      disabled: true
    })
    expect([await who(cookie), await who(bearer)]).toEqual([401, 401])
    expect(await closed).toBe(4401)
    expect((await login('wang', secret)).json()).toEqual((await login('nobody-here', secret)).json())

    await ask('PUT', '/api/people/wang', { disabled: false })
    expect([await who(cookie), await who(bearer)]).toEqual([401, 401])
    expect((await login('wang', secret)).statusCode).toBe(200)
  })

  it('have their new role with the next request', async () => {
    const cookie = await cookieOf('zhao', await add('zhao', 'operator'))
    const sees = async () => (await ask('GET', '/api/quarantine', undefined, cookie)).statusCode
    expect(await sees()).toBe(200)
    await ask('PUT', '/api/people/zhao', { role: 'crew', name: 'Zhao Min' })
    expect(await sees()).toBe(403)
    expect((await ask('GET', '/api/session', undefined, cookie)).json()).toEqual({
      username: 'zhao',
      name: 'Zhao Min',
      role: 'crew'
    })
  })

  it('get a new password by a reset, which ends every session', async () => {
    const secret = await add('chen', 'crew')
    const cookie = await cookieOf('chen', secret)
    const reset = (await ask('PUT', '/api/people/chen', { resetPassword: true })).json<PersonAnswer>()
    expect(reset.secret).toMatch(/^[\w-]{20}$/)
    expect(await who(cookie)).toBe(401)
    expect((await login('chen', secret)).statusCode).toBe(401)
    expect((await login('chen', reset.secret as string)).statusCode).toBe(200)
    expect((await ask('PUT', '/api/people/nobody-here', { disabled: true })).statusCode).toBe(404)
  })
})

describe('the last administrator', () => {
  it('can neither be disabled nor made less, until there is another', async () => {
    for (const change of [{ disabled: true }, { role: 'operator' }, { role: 'manager', name: 'x' }]) {
      const answer = await ask('PUT', '/api/people/admin', change)
      expect(answer.json()).toMatchObject({ status: 409, code: 'conflict' })
    }
    expect((await ask('GET', '/api/people?q=admin')).json()).toMatchObject({
      items: [{ username: 'admin', name: 'Administrator', role: 'admin', disabled: false }]
    })
    await add('second', 'admin')
    await ask('PUT', '/api/people/second', { disabled: true, why: 'left' })
    expect((await ask('PUT', '/api/people/admin', { role: 'crew' })).statusCode).toBe(409)
  })

  it('stays, also when two take each other’s right away at the same moment', async () => {
    await add('left', 'admin')
    for (let round = 0; round < 5; round++) {
      await ask('PUT', '/api/people/left', { role: 'admin' })
      const answers = await Promise.all([
        server.people.change('admin', { role: 'crew' }, 'left').catch((error: Error) => error),
        server.people.change('left', { role: 'crew' }, 'admin').catch((error: Error) => error)
      ])
      expect(answers.filter(answer => answer instanceof Error)).toHaveLength(1)
      const { rows } = await server.pool.query<{ username: string }>(
        `select username from people where role = 'admin' and not disabled`
      )
      expect(rows).toHaveLength(1)
      await server.people.change('admin', { role: 'admin' }, 'test')
    }
    await ask('PUT', '/api/people/left', { role: 'crew' })
  })
})

describe('one’s own password', () => {
  it('changes by knowing the old one; this session goes on, others end, tokens stay', async () => {
    const secret = await add('sun', 'crew')
    const [here, there] = [await cookieOf('sun', secret), await cookieOf('sun', secret)]
    const { token } = (await ask('POST', '/api/tokens', { name: 'cron' }, here)).json<TokenAnswer>()
    const change = (current: string, next: string) =>
      ask('POST', '/api/session/password', { current, next }, here)
    expect((await change('a wrong guess', 'long enough')).json()).toMatchObject({ code: 'forbidden' })
    expect((await change(secret, 'short')).json()).toMatchObject({ code: 'bad-request' })
    expect((await change(secret, 'long enough')).statusCode).toBe(204)
    expect([await who(here), await who(there)]).toEqual([200, 401])
    expect(await who({ authorization: `Bearer ${token}` })).toBe(200)
    expect((await login('sun', secret)).statusCode).toBe(401)
    expect((await login('sun', 'long enough')).statusCode).toBe(200)
  })

  it('cannot be guessed here more often than at the door', async () => {
    const headers = await cookieOf('zhou', await add('zhou', 'crew'))
    const tries = []
    for (let i = 0; i < 10; i++) {
      const guess = { current: `guess ${i}`, next: 'long enough' }
      tries.push((await ask('POST', '/api/session/password', guess, headers)).statusCode)
    }
    expect(tries.filter(status => status === 429)).toHaveLength(1)
    expect((await login('zhou', 'whatever')).statusCode).toBe(429)
  })
})

describe('a token', () => {
  it('speaks for its person in its role until its day, is shown once, and is listed without itself', async () => {
    const made = (
      await ask('POST', '/api/tokens', { name: 'nightly backup', role: 'inspector', days: 7 })
    ).json<TokenAnswer>()
    const headers = { authorization: `Bearer ${made.token}` }
    expect((await ask('GET', '/api/session', undefined, headers)).json()).toMatchObject({ role: 'inspector' })
    expect((await ask('POST', '/api/backup', undefined, headers)).statusCode).toBe(403)
    const listed = await ask('GET', '/api/tokens')
    expect(listed.body).not.toContain(made.token)
    const item = listed.json<{ items: TokenItem[] }>().items.find(({ id }) => id === made.id)
    expect(item).toMatchObject({ name: 'nightly backup', username: 'admin', role: 'inspector' })
    expect(item?.lastUsedAt).not.toBeNull()

    await server.pool.query(`update sessions set expires_at = now() - interval '1 second' where id = $1`, [
      made.id
    ])
    const fresh = await import('#db/people').then(({ postgresPeople }) =>
      postgresPeople({ db: server.db, clock: { now: () => Date.now() } })
    )
    expect(await fresh.personOf(made.token)).toBeUndefined()
  })

  it('makes no further tokens, accounts or passwords', async () => {
    const { token } = (await ask('POST', '/api/tokens', { name: 'all' })).json<TokenAnswer>()
    const headers = { authorization: `Bearer ${token}` }
    for (const [method, url, body] of [
      ['POST', '/api/tokens', { name: 'child' }],
      ['POST', '/api/people', { username: 'child', name: 'c', role: 'admin' }],
      ['PUT', '/api/people/admin', { resetPassword: true }],
      ['POST', '/api/session/password', { current: ADMIN.password, next: 'long enough' }],
      ['DELETE', '/api/tokens/x', undefined]
    ] as const) {
      expect([url, (await ask(method, url, body, headers)).json()]).toMatchObject([
        url,
        { code: 'forbidden' }
      ])
    }
    expect((await ask('GET', '/api/people', undefined, headers)).statusCode).toBe(200)
  })

  it('is its maker’s: others do not see it, cannot revoke it, and cannot make one of a higher role', async () => {
    const [mine, yours] = [
      await cookieOf('token-a', await add('token-a', 'crew')),
      await cookieOf('token-b', await add('token-b', 'crew'))
    ]
    const made = (await ask('POST', '/api/tokens', { name: 'mine' }, mine)).json<TokenAnswer>()
    expect((await ask('GET', '/api/tokens', undefined, yours)).json()).toMatchObject({ items: [] })
    expect((await ask('DELETE', `/api/tokens/${made.id}`, undefined, yours)).statusCode).toBe(404)
    expect((await ask('POST', '/api/tokens', { name: 'more', role: 'admin' }, mine)).statusCode).toBe(403)
    const bearer = { authorization: `Bearer ${made.token}` }
    expect(await who(bearer)).toBe(200)
    expect((await ask('DELETE', `/api/tokens/${made.id}`, undefined, mine)).statusCode).toBe(204)
    expect(await who(bearer)).toBe(401)
  })

  it('does no more than its person may now', async () => {
    const cookie = await cookieOf('token-c', await add('token-c', 'operator'))
    const { token } = (await ask('POST', '/api/tokens', { name: 'import' }, cookie)).json<TokenAnswer>()
    const bearer = { authorization: `Bearer ${token}` }
    expect(await who(bearer)).toBe(200)
    await ask('PUT', '/api/people/token-c', { role: 'crew' })
    expect(await who(bearer)).toBe(401)
  })
})

describe('the audit', () => {
  it('has who did what to whom, and no secret', async () => {
    const secret = await add('audited', 'crew')
    await ask('PUT', '/api/people/audited', { role: 'inspector' })
    await ask('PUT', '/api/people/audited', { role: 'inspector' })
    const reset = (await ask('PUT', '/api/people/audited', { resetPassword: true })).json<PersonAnswer>()
    const cookie = await cookieOf('audited', reset.secret as string)
    const made = (await ask('POST', '/api/tokens', { name: 'cron', days: 1 }, cookie)).json<TokenAnswer>()
    await ask('DELETE', `/api/tokens/${made.id}`)
    await ask('POST', '/api/session/password', { current: reset.secret, next: 'long enough' }, cookie)

    const audit = await until('all is written', async () => {
      const { items } = (await ask('GET', '/api/audit?limit=6')).json<{ items: object[] }>()
      return items.length === 6 ? items : undefined
    })
    const subject = 'audited'
    expect(audit).toMatchObject([
      { who: 'audited', action: 'password-changed', subject },
      { who: 'admin', action: 'token-revoked', subject, detail: { name: 'cron' } },
      { who: 'audited', action: 'token-created', subject, detail: { name: 'cron', role: 'inspector' } },
      { who: 'admin', action: 'password-reset', subject },
      {
        who: 'admin',
        action: 'person-changed',
        subject,
        detail: { role: { from: 'crew', to: 'inspector' } }
      },
      { who: 'admin', action: 'person-added', subject, detail: { role: 'crew' } }
    ])
    for (const hidden of [secret, reset.secret as string, made.token, 'argon2']) {
      expect(JSON.stringify(audit)).not.toContain(hidden)
    }
    const older = (await ask('GET', '/api/audit?limit=1')).json<{ nextCursor: string }>().nextCursor
    expect((await ask('GET', `/api/audit?limit=1&cursor=${older}`)).json()).toMatchObject({
      items: [{ action: 'token-revoked' }]
    })
  })
})
