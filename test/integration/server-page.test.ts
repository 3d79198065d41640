import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runningServer, type RunningServer } from '#test/fixtures/running-server'

let server: RunningServer
const staticDir = mkdtempSync(join(tmpdir(), 'mingjie-page-'))

beforeAll(async () => {
  mkdirSync(join(staticDir, '_app/immutable'), { recursive: true })
  writeFileSync(
    join(staticDir, 'index.html'),
    '<script src="/a.js"></script><script>start()</script>the page'
  )
  writeFileSync(join(staticDir, '_app/immutable/start.js'), 'plain')
  writeFileSync(join(staticDir, '_app/immutable/start.js.gz'), 'packed')
  server = await runningServer({ staticDir })
})
afterAll(async () => {
  await server.close()
  rmSync(staticDir, { recursive: true, force: true })
})

it('answers every address that is not of the API with the page', async () => {
  for (const url of ['/', '/tickets/T-1', '/login?to=%2F']) {
    const answer = await server.app.inject(url)
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
    expect(answer.body).toContain('the page')
    expect(answer.headers['cache-control']).toBe('no-cache')
  }
  for (const url of ['/api/none', '/api', '/schemas/none.json', '/_app/immutable/old.js']) {
    expect((await server.app.inject(url)).json()).toMatchObject({ code: 'not-found' })
  }
  expect((await server.app.inject({ method: 'POST', url: '/' })).json()).toMatchObject({ code: 'not-found' })
})

it('lets a browser keep what never changes, packed where it takes that', async () => {
  const plain = await server.app.inject('/_app/immutable/start.js')
  expect(plain.headers['cache-control']).toBe('public, max-age=31536000, immutable')
  expect(plain.body).toBe('plain')
  const headers = { 'accept-encoding': 'gzip' }
  const packed = await server.app.inject({ url: '/_app/immutable/start.js', headers })
  expect([packed.headers['content-encoding'], packed.body]).toEqual(['gzip', 'packed'])
})

it('runs the scripts of the page and no other', async () => {
  const { headers } = await server.app.inject('/')
  expect(headers['content-security-policy']).toMatch(/script-src 'self' 'sha256-[A-Za-z0-9+/]{43}=';/)
})

it('gives nothing from outside the page’s folder', async () => {
  for (const url of ['/../../etc/passwd', '/..%2f..%2fetc/passwd', '/%2e%2e/%2e%2e/etc/passwd']) {
    expect((await server.app.inject(url)).body).not.toContain('root:')
  }
})

it('goes on sending the page it started with when another is built', async () => {
  writeFileSync(join(staticDir, 'index.html'), 'another page')
  rmSync(join(staticDir, '_app/immutable/start.js'))
  try {
    expect((await server.app.inject('/tickets')).body).toContain('the page')
    expect((await server.app.inject('/_app/immutable/start.js')).body).toBe('plain')
  } finally {
    writeFileSync(join(staticDir, '_app/immutable/start.js'), 'plain')
  }
})

it('says with an entity tag that nothing is new', async () => {
  const { headers } = await server.app.inject('/')
  const again = await server.app.inject({ url: '/', headers: { 'if-none-match': String(headers.etag) } })
  expect([again.statusCode, again.body]).toEqual([304, ''])
})
