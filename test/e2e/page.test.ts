import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { minutes } from '#model/time'
import { seen, signIn } from '#test/fixtures/browser'
import { cityCsv } from '#test/fixtures/city-csv'
import { pageSuite } from '#test/fixtures/page-suite'
import { ADMIN, type TestSystem } from '#test/fixtures/system'

const START = Date.parse('2026-11-02T02:00:00Z')

const { city, open, read, expectComplaint } = pageSuite({ at: START })
let sensor: Awaited<ReturnType<TestSystem['device']>>

async function importBins(): Promise<void> {
  await city.importCsv(
    cityCsv([
      { id: 'bin-1', attributes: { cleaningGrade: '3' } },
      { id: 'bin-2', attributes: { cleaningGrade: '3' } }
    ])
  )
  sensor = await city.device('bin-1-s')
  await sensor.publish({ fillPct: 20, tempC: 18 })
  await city.settled()
}

async function fillUp(): Promise<void> {
  // In the same millisecond it would be the same report again.
  await city.pass(minutes(1))
  await sensor.publish({ fillPct: 95, tempC: 18 })
  await city.pass(minutes(6))
  await sensor.publish({ fillPct: 96, tempC: 18 })
  await city.pass(minutes(6))
}

const facility = (page: Page, id: string) => page.locator(`a.facility[href="/facilities/${id}"]`)

it('lets nobody in without the right password, and leads back to where one wanted to go', async () => {
  const page = await open('/tickets?status=ended')
  await page.waitForURL(/\/sign-in\?next=/)
  await signIn(page, { username: ADMIN.username, password: 'a wrong guess' })
  await seen(page, '[role=alert]', 'User name or password is wrong.')
  await signIn(page)
  await page.waitForURL('**/tickets?status=ended')

  await page.click('button[aria-label="Sign out"]')
  await page.waitForURL('**/sign-in')
  await page.goto(city.system.httpUrl)
  await page.waitForURL('**/sign-in')
})

it('shows an empty city how to begin, takes its CSV and hands out the passwords once', async () => {
  const page = await read('/')
  await seen(page, 'h1', 'No facility yet')
  await page.setInputFiles('input[type=file]', {
    name: 'city.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from(cityCsv([{ id: 'bin-1' }], ['facility,bin-2,nowhere,,bin,,,']))
  })
  await seen(page, 'dialog[open]', 'Device passwords are shown only now.')
  await seen(page, 'dialog[open] tr', /bin-2.*nowhere/s)
  await page.click('dialog[open] footer button')
  await facility(page, 'bin-1').waitFor()
})

it('shows a bin turn full and its ticket come, without a reload, in both languages', async () => {
  await importBins()
  const [english, chinese] = await Promise.all([
    read('/', { language: 'en' }),
    read('/', { language: 'zh', width: 390 })
  ])
  const tickets = await english.context().newPage()
  await tickets.goto(`${city.system.httpUrl}/tickets`)
  await seen(tickets, '.empty', 'No open ticket.')
  await seen(english, '[role=status]', 'Live')
  await seen(chinese, '[role=status]', '实时')
  expect(await english.getAttribute('html', 'lang')).toBe('en')
  expect(await chinese.getAttribute('html', 'lang')).toBe('zh-CN')
  await facility(english, 'bin-1').filter({ hasText: 'OK' }).filter({ hasText: '20' }).waitFor()
  for (const page of [english, chinese, tickets])
    await page.evaluate("document.body.dataset.seen = 'not reloaded'")

  await fillUp()

  await facility(english, 'bin-1').filter({ hasText: 'Fault' }).filter({ hasText: 'Bin full' }).waitFor()
  await facility(chinese, 'bin-1').filter({ hasText: '故障' }).filter({ hasText: '垃圾桶满溢' }).waitFor()
  await english.getByRole('button', { name: 'Bin Fault: 1' }).waitFor()
  await chinese.getByRole('button', { name: '垃圾桶 故障: 1' }).waitFor()
  await tickets.locator('a.ticket').filter({ hasText: 'Empty the bin' }).filter({ hasText: 'left' }).waitFor()
  await seen(english, 'nav .count', '1')
  for (const page of [english, chinese, tickets]) {
    expect(await page.getAttribute('body', 'data-seen')).toBe('not reloaded')
  }

  await chinese.click('.segments button[lang=en]')
  await facility(chinese, 'bin-1').filter({ hasText: 'Bin full' }).waitFor()
  await chinese.reload()
  await facility(chinese, 'bin-1').filter({ hasText: 'Bin full' }).waitFor()
})

it('lets a person act on a ticket, with a note where one is due, and tells the others', async () => {
  await importBins()
  await fillUp()
  const [person, other] = await Promise.all([
    read('/tickets', { language: 'zh', width: 390 }),
    read('/tickets')
  ])
  await Promise.all([person.click('a.ticket'), other.click('a.ticket')])
  await person.click('.actions button:text-is("接单")')
  await seen(person, '.state', '已接单')
  await seen(other, '.state', 'Accepted')

  await person.click('.actions button:text-is("结案")')
  await person.click('dialog[open] footer .primary')
  await seen(person, 'dialog[open] [role=alert]', '请填写原因')
  await person.fill('dialog[open] textarea', '道路封闭，明日清运')
  await person.click('dialog[open] footer .primary')
  await seen(person, '.state', '已结案')
  await seen(other, 'ol', '道路封闭，明日清运')
})

it('draws the history of a facility and adds what comes', async () => {
  await importBins()
  const page = await read('/facilities/bin-1')
  await page.locator('.chart canvas').waitFor()
  await city.pass(minutes(1))
  await sensor.publish({ fillPct: 42, tempC: 18 })
  await seen(page, 'dd .value', '42')
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Export CSV' }).click()
  ])
  const csv = await (await download.createReadStream()).toArray()
  expect(Buffer.concat(csv as Buffer[]).toString()).toMatch(
    /^\uFEFFat,min,avg,max,count\r\n(.+\r\n)*.*,42,42,42,1\r\n$/
  )
})

it('never shows old values as live: a lost link is said at once, and every value turns stale', async () => {
  expectComplaint(/^WebSocket connection to/)
  await importBins()
  const page = await read('/')
  await seen(page, '[role=status]', 'Live')
  await city.stop()
  await seen(page, '[role=status]', 'Reconnecting')
  await page.locator('main[data-stale] a.facility').first().waitFor()
})
