import { expect, it } from 'vitest'
import type { MaintenanceItem } from '#model/rule-shapes'
import { seen } from '#test/fixtures/browser'
import { cityCsv } from '#test/fixtures/city-csv'
import { pageSuite } from '#test/fixtures/page-suite'

const { city, read } = pageSuite({
  begin: () => city.importCsv(cityCsv([{ id: 'bin-1' }], ['road,r-1,grid-1,Market Road,,,,']))
})
const windows = async () => (await city.get<{ items: MaintenanceItem[] }>('/api/maintenance')).items

it('announces work on a facility, shows it there, and ends it early', async () => {
  const page = await read('/maintenance')
  await seen(page, '.empty', 'Nothing is announced.')
  await page.getByLabel('Note').fill('The post is set anew')
  await page.getByRole('button', { name: 'Announce work' }).click()
  await seen(page, '[role=alert]', 'Say where.')
  await page.getByLabel('Where').selectOption('facility')
  await page.getByRole('searchbox').fill('bin-1')
  await page.getByRole('button', { name: 'Facility bin-1' }).click()
  await page.getByRole('button', { name: 'Announce work' }).click()
  await seen(page, '.windows li', /now.*Facility bin-1.*The post is set anew/s)

  await page.locator('.windows a').click()
  await seen(page, 'section', 'The post is set anew')
  await seen(page, 'main', 'Maintenance')

  await page.goBack()
  await page.getByRole('button', { name: 'End now' }).click()
  await page.locator('dialog[open]').waitFor()
  await page.keyboard.press('Escape')
  await page.locator('dialog[open]').waitFor({ state: 'hidden' })
  expect((await windows())[0]?.state).toBe('present')
  await page.getByRole('button', { name: 'End now' }).click()
  await page.locator('dialog[open] button.primary').click()
  await seen(page, '.windows li', /over.*Facility bin-1/s)
  expect((await windows()).map(({ state, subject }) => [state, subject])).toEqual([
    ['past', 'facility:bin-1']
  ])
})

it('finds a road by its name, and takes back what has not begun', async () => {
  const page = await read('/maintenance')
  await page.getByLabel('Where').selectOption('road')
  await page.getByRole('searchbox').fill('market')
  await page.getByRole('button', { name: 'Market Road' }).click()
  await page.getByLabel('From').fill('2030-01-02T08:00')
  await page.getByLabel('Note').fill('New cable')
  await page.getByRole('button', { name: 'Announce work' }).click()
  await seen(page, '[role=alert]', 'It must end after it begins.')
  await page.getByLabel('To', { exact: true }).fill('2030-01-02T18:00')
  await page.getByRole('button', { name: 'Announce work' }).click()
  await seen(page, '.windows li', /to come.*Market Road.*New cable/s)
  await page.getByRole('button', { name: 'Cancel it' }).click()
  await page.locator('dialog[open] button.primary').click()
  await seen(page, '.windows li', /cancelled.*Market Road/s)
  expect((await windows()).map(({ state, subject }) => [state, subject])).toEqual([['cancelled', 'road:r-1']])
})
