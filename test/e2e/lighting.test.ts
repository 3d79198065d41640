import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { hours, minutes } from '#model/time'
import { seen } from '#test/fixtures/browser'
import { EVENING, LAMP_CITY, lampsOf, lampsSay } from '#test/fixtures/lamp-city'
import { pageSuite } from '#test/fixtures/page-suite'

const { city, read, expectComplaint } = pageSuite({ at: EVENING, begin: () => city.importCsv(LAMP_CITY) })

/** One of four dark on road 1, all lit on road 2, nothing heard of road 3; for eleven minutes. */
async function oneDark(): Promise<void> {
  await lampsSay(city, [...lampsOf('r-1').slice(1), ...lampsOf('r-2')], true)
  await lampsSay(city, lampsOf('r-1').slice(0, 1), false)
  await city.pass(minutes(11))
}
const places = (page: Page) => page.locator('.list .place strong').allTextContents()

it('lists the roads worst first, each as a range with what is asked, its dark lamps and its ticket', async () => {
  await oneDark()
  const page = await read('/lighting')
  await seen(page, 'nav [aria-current=page]', 'Lighting')
  await seen(page, 'section', /Nanjing.*55.55 to 88.88 %.*5 of 9 lit/s)
  await expect.poll(() => places(page)).toEqual(['Road 1', 'Road 3', 'Road 2'])
  await seen(page, '.list li', /Road 1.*75 %.*under.*≥ 98 %/s)
  await seen(page, '.list li', /Road 3.*0 to 100 %.*not sure/s)
  await seen(page, '.list li', /Road 2.*100 %.*met/s)

  await page.getByRole('button', { name: /^Road 1/ }).click()
  await seen(page, '.lamps li', /Lamp r-1-l0.*dark/s)
  await expect.poll(() => page.locator('.lamps li').count()).toBe(1)
  await page.getByRole('link', { name: 'Lamp r-1-l0' }).click()
  await page.waitForURL(/\/facilities\/r-1-l0$/)
  // Its page says the rate of its road, and leads back.
  await seen(page, 'dl', /Lighting rate of the road\s*75 %/)
  await page.locator('dl a', { hasText: '75 %' }).click()
  await page.waitForURL(/\/lighting\?/)
  await expect.poll(() => places(page)).toEqual(['Road 1'])
  await page.getByRole('link', { name: 'Open ticket' }).click()
  await page.waitForURL(/\/tickets\//)
  await seen(page, 'main', /Road 1/)
})

it('counts by level, finds by name and area, goes by keys, and follows what happens', async () => {
  await oneDark()
  const page = await read('/lighting', { language: 'zh', width: 390 })
  await seen(page, '.list li', /Road 1.*75%.*未达标/s)
  await page.getByRole('button', { name: '区·道路等级' }).click()
  await seen(page, '.list li', /Gulou · 主干路.*75%/s)
  await page.getByRole('button', { name: '道路', exact: true }).click()
  await page.getByLabel('区域').selectOption('street-2')
  await expect.poll(() => places(page)).toEqual(['Road 3'])
  await page.getByLabel('区域').selectOption('')
  await page.getByRole('searchbox').fill('road 2')
  await expect.poll(() => places(page)).toEqual(['Road 2'])
  await page.getByRole('searchbox').fill('nowhere')
  await seen(page, '.empty', '没有符合条件的位置。')
  await page.getByRole('searchbox').fill('')
  await expect.poll(() => places(page)).toEqual(['Road 1', 'Road 3', 'Road 2'])

  await page.locator('h1').click()
  await page.keyboard.press('j')
  await page.keyboard.press('j')
  await page.keyboard.press('Enter')
  await seen(page, '.lamps li', /Lamp r-3-l0.*无数据/s)

  // The dark lamp is lit, and the page says so by itself.
  await lampsSay(city, lampsOf('r-1'), true)
  await city.settled()
  await seen(page, '.list li', /Road 1.*100%.*达标/s)
})

it('hands over what it shows as a table', async () => {
  await oneDark()
  const page = await read('/lighting')
  const waiting = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Export CSV' }).click()
  const text = await readFile(await (await waiting).path(), 'utf8')
  const [head, first, ...rest] = text.slice(1).trimEnd().split('\r\n')
  expect(head).toMatch(/^Counted by,Place,Id,In,Rate from %,Rate to %,Asked,Lamps,Lit,Dark,/)
  expect(first).toMatch(/^Road,Road 1,r-1,Gulou,75,75,98,4,3,1,0,0,/)
  expect(rest).toHaveLength(2)
})

it('says by day until when no lamp should be lit, and says so where there is no lamp', async () => {
  await city.pass(hours(1))
  await city.restart(hours(12))
  await city.pass(minutes(2))
  const page = await read('/lighting')
  // 10:02 in Nanjing, where civil dusk is at 17:50 that day.
  await seen(page, '.empty', /It is day: no street light should be lit.*at dusk,\s*17:[45]\d/s)
  expect(await page.locator('.list').count()).toBe(0)
  await page.getByLabel('Area').selectOption('street-2')
  await seen(page, '.empty', /Second street: lamps with a controller 3/)
})

it('marks what it shows as old when the server is gone', async () => {
  expectComplaint(/ERR_INTERNET_DISCONNECTED/)
  await oneDark()
  const page = await read('/lighting')
  await seen(page, '.list li', 'Road 1')
  await page.context().setOffline(true)
  await seen(page, '.link', 'Disconnected')
  await page.locator('main[data-stale]').waitFor()
  await expect.poll(() => places(page)).toEqual(['Road 1', 'Road 3', 'Road 2'])
})
