import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { afterAll, expect, it } from 'vitest'
import { minutes, seconds } from '#model/time'
import { openReader } from '#test/fixtures/browser'
import { freePort } from '#test/fixtures/free-port'
import { browserOfSuite } from '#test/fixtures/page-suite'
import { runningServer, type RunningServer } from '#test/fixtures/running-server'
import { until } from '#test/fixtures/until'
import { BUILD } from '../../scripts/build-page.ts'

const browser = browserOfSuite()
const folder = mkdtempSync(join(tmpdir(), 'mingjie-versions-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The built page as the build of another day would be: all its files say another version, and the page is marked with it. */
function builtAs(version: string): string {
  const dir = join(folder, version)
  cpSync(BUILD, dir, { recursive: true })
  const { version: now } = JSON.parse(readFileSync(join(dir, '_app/version.json'), 'utf8')) as {
    version: string
  }
  for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
    const file = join(dir, name)
    if (/\.(br|gz)$/.test(name)) rmSync(file)
    if (!/\.(js|json|html)$/.test(name)) continue
    const text = readFileSync(file, 'utf8').replaceAll(now, version)
    writeFileSync(file, text.replace('<title>', `<meta name="built" content="${version}"><title>`))
  }
  return dir
}

/** Listens where the one before it did, as after an upgrade. */
async function serve(version: string, port: number): Promise<RunningServer & { port: number }> {
  const server = await runningServer({ staticDir: builtAs(version) })
  await server.app.listen({ host: '127.0.0.1', port })
  return { ...server, port: (server.app.server.address() as AddressInfo).port }
}

it('goes over to a new version only when it is there whole, and needs no file of the old one from the server', async () => {
  const first = await serve('1001', await freePort())
  const { page, close } = await openReader(browser())
  const url = `http://127.0.0.1:${first.port}/sign-in`
  const built = () => page.getAttribute('meta[name=built]', 'content')
  const versionsKept = () => page.evaluate('caches.keys()')
  await page.goto(url)
  await until('the first version is kept', async () => (await page.evaluate(ACTIVE)) === 'activated')
  expect([await built(), await versionsKept()]).toEqual(['1001', ['mingjie-page-1001']])
  await first.close()

  // Nobody answers: the page is there all the same.
  await page.goto(url)
  await page.locator('input[name=username]').waitFor()
  expect(await built()).toBe('1001')

  const second = await serve('1002', first.port)
  let loads = 0
  page.on('load', () => loads++)
  await page.goto(url)
  await page.locator('input[name=username]').waitFor()
  // Its cache is there from when it begins to be kept.
  await until('the second version is kept', async () => ((await versionsKept()) as string[]).length === 2)
  await until('no worker is on its way', () => page.evaluate(SETTLED))
  await until(
    'it has taken over',
    async () => {
      await page.goto(url)
      return (await built()) === '1002'
    },
    { withinMs: minutes(1), everyMs: seconds(1) }
  )
  const before = loads
  await page.locator('input[name=username]').waitFor()
  await page.fill('input[name=username]', 'somebody')
  expect(await page.inputValue('input[name=username]')).toBe('somebody')
  expect(loads).toBe(before)

  // The one before the last goes, so that versions do not pile up.
  await second.close()
  const third = await serve('1003', first.port)
  await page.goto(url)
  await until(
    'the third version is kept, and the second for pages still open',
    async () =>
      ((await versionsKept()) as string[]).toSorted().join() === 'mingjie-page-1002,mingjie-page-1003'
  )
  await close()
  await third.close()
})

const ACTIVE = 'navigator.serviceWorker.ready.then(({ active }) => active?.state)'
const SETTLED = `navigator.serviceWorker.ready.then(
  ({ installing, waiting, active }) => !installing && !waiting && active.state === 'activated'
)`
