import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { trustedProxies } from '#server/trusted-proxies'
import { ADMIN, runningServer, type RunningServer } from '#test/fixtures/running-server'
import { readConfig } from '../../config.ts'

const PROXY = '10.0.0.5'
const STRANGER = '10.0.0.9'
const TRIES_PER_NAME = 10

let server: RunningServer
beforeAll(async () => {
  server = await runningServer({ trustedProxies: [PROXY, '172.18.0.0/16'] })
})
afterAll(async () => {
  await server.close()
  expect(server.errors).toEqual([])
})

let names = 0
/** How many of twelve wrong passwords for one name are let through, each said to be from another address. */
async function tries(remoteAddress: string, from: (n: number) => string): Promise<number> {
  const payload = { username: `nobody-${++names}`, password: 'a wrong one' }
  let heard = 0
  for (let n = 0; n < TRIES_PER_NAME + 2; n++) {
    const headers = { 'x-forwarded-for': from(n) }
    const asked = { method: 'POST', url: '/api/session', remoteAddress, headers, payload } as const
    if ((await server.app.inject(asked)).statusCode === 401) heard++
  }
  return heard
}
const asked = (remoteAddress: string, headers: Record<string, string>) =>
  server.app.inject({ url: '/metrics', remoteAddress, headers })
const cookieFrom = async (remoteAddress: string) => {
  const headers = { 'x-forwarded-proto': 'https' }
  const answer = await server.app.inject({
    ...{ method: 'POST', url: '/api/session', remoteAddress, headers, payload: ADMIN }
  })
  return String(answer.headers['set-cookie'])
}

describe('a proxy that is named', () => {
  it.each([PROXY, '172.18.7.7', '::ffff:172.18.7.7'])('speaks for its clients: %s', async proxy => {
    expect(await tries(proxy, n => `203.0.113.${n}`)).toBe(TRIES_PER_NAME + 2)
    expect(await tries(proxy, () => '203.0.113.77')).toBe(TRIES_PER_NAME)
    expect(await cookieFrom(proxy)).toContain('Secure')
  })

  it('is believed of its own client alone, not of what that client says it is', async () => {
    expect(await tries(PROXY, n => `198.51.100.${n}, 203.0.113.78`)).toBe(TRIES_PER_NAME)
    expect((await asked(PROXY, { 'x-forwarded-for': '127.0.0.1, 203.0.113.78' })).statusCode).toBe(401)
  })
})

describe('anybody else', () => {
  it('changes nothing by such headers', async () => {
    expect(await tries(STRANGER, n => `203.0.113.${n}`)).toBe(TRIES_PER_NAME)
    expect((await asked(STRANGER, { 'x-forwarded-for': '127.0.0.1' })).statusCode).toBe(401)
    expect(await cookieFrom(STRANGER)).not.toContain('Secure')
  })
})

describe('TRUSTED_PROXY', () => {
  it('names nobody unless it is set', () => {
    expect(readConfig({}).trustedProxies).toEqual([])
    const believed = trustedProxies()
    expect(['127.0.0.1', '::1', '::ffff:127.0.0.1'].map(believed)).toEqual([true, true, true])
    expect([PROXY, '192.168.0.1', 'unknown', ''].map(believed)).toEqual([false, false, false, false])
  })

  it('is a list of addresses and networks', () => {
    expect(readConfig({ TRUSTED_PROXY: '10.0.0.5, 172.18.0.0/16 fd00::/64' }).trustedProxies).toEqual([
      ...['10.0.0.5', '172.18.0.0/16', 'fd00::/64']
    ])
  })

  it.each([
    'proxy.example',
    '10.0.0',
    '10.0.0.5:80',
    '10.0.0.5/33',
    '10.0.0.5/',
    '0.0.0.0/0',
    '::/0',
    '10.0.0.5/8/8'
  ])('is refused with the fix as %s', wrong => {
    expect(() => readConfig({ TRUSTED_PROXY: `10.0.0.6,${wrong}` })).toThrow(
      `TRUSTED_PROXY="${wrong}" is no address and no network of a proxy: use one such as`
    )
  })
})
