import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import type { RuleDetail } from '#model/rule-shapes'
import { hours, minutes } from '#model/time'
import { seen } from '#test/fixtures/browser'
import { cityCsv } from '#test/fixtures/city-csv'
import { pageSuite } from '#test/fixtures/page-suite'

const NOON = Date.parse('2026-11-02T04:00:00Z')
const MANAGER = { username: 'chen', password: 'long enough' }

const { city, read } = pageSuite({
  at: NOON,
  reader: MANAGER,
  begin: async () => {
    await city.importCsv(cityCsv([{ id: 'bin-1' }, { id: 'bin-2' }]))
    await city.system.people.add({ ...MANAGER, name: 'Chen Jing', role: 'manager' })
  }
})
const rule = (id: string) => city.get<RuleDetail>(`/api/rules/${id}`)
const named = (page: Page, legend: string) =>
  page.locator('fieldset').filter({ has: page.locator('legend', { hasText: legend }) })

/** Bin 1 at 85 % for an hour: full for whoever asks for 80 %. */
async function almostFull(): Promise<void> {
  const device = await city.device('bin-1-s')
  await device.publish({ fillPct: 85 })
  await city.pass(minutes(30))
  await device.publish({ fillPct: 85 })
  await city.pass(minutes(30))
}

it('lets a manager change a number, try it over what was stored, put it into force and take it back', async () => {
  await almostFull()
  const page = await read('/rules/bin-full')
  const when = named(page, 'Opens when')
  await when.getByLabel('Value').fill('180')
  await seen(page, 'fieldset [role=alert]', 'A number from 0 to 100.')
  const save = page.getByRole('button', { name: 'Save …' })
  expect(await save.isDisabled()).toBe(true)
  await when.getByLabel('Value').fill('80')
  await seen(page, '.sentence', 'Opens when: Fill level is 80 % or more, for 10 min')
  await when.getByLabel('must hold for').fill('5000')
  await seen(page, 'fieldset [role=alert]', 'A number from 0 to 1,440.')
  await when.getByLabel('must hold for').fill('10')

  await page.getByRole('button', { name: 'Run' }).click()
  await seen(page, '.differences li', /only in the draft.*Facility bin-1/s)
  await seen(page, 'tr', /Episodes\s*1\s*0/)
  await when.getByLabel('must hold for').fill('11')
  await seen(page, '.wrong', 'The settings have changed since.')
  await when.getByLabel('must hold for').fill('10')

  await save.click()
  await page.getByRole('button', { name: 'Put into force' }).click()
  await seen(page, 'dialog[open] [role=alert]', 'Say why.')
  await page.fill('dialog[open] textarea', 'The market spills at noon')
  await page.getByRole('button', { name: 'Put into force' }).click()
  await seen(page, '[role=status]', 'Version 2 is in force.')
  await seen(page, '.versions li', /v2.*by chen.*The market spills at noon.*Fill level is 80.% or more/s)
  expect(await rule('bin-full')).toMatchObject({ version: 2, when: { metric: 'fillPct', atLeast: 80 } })

  await page.getByRole('button', { name: 'Back to the shipped rule' }).click()
  await page.fill('dialog[open] textarea', 'Once more as it was')
  await page.getByRole('button', { name: 'Put into force' }).click()
  await seen(page, '[role=status]', 'Version 3 is in force.')
  expect(await rule('bin-full')).toMatchObject({ version: 3, asShipped: true })
})

it('makes an exception for a street, and says what counts for a bin there', async () => {
  const page = await read('/rules/bin-full', { width: 390 })
  await page.getByLabel('For whom').selectOption('+')
  await page.getByLabel('Area', { exact: true }).first().selectOption('grid-1')
  await named(page, 'Opens when').getByLabel('Value').fill('50')
  // What ends it would begin it.
  await seen(page, 'fieldset [role=alert]', 'what ends it is true while it begins')
  await page.getByRole('button', { name: 'As soon as it is not so any more' }).click()
  await seen(page, '.sentence', 'Ends when: Fill level is below 50 %')
  await page.getByLabel('Name or id of a facility').fill('bin-1')
  await page.getByRole('button', { name: 'Facility bin-1' }).click()
  await seen(page, 'tr.other', /Opens when\s*Fill level is 50.% or more\s*area Grid 1/)

  await page.getByRole('button', { name: 'Save …' }).click()
  await page.fill('dialog[open] textarea', 'A narrow street')
  await page.getByRole('button', { name: 'Put into force' }).click()
  await seen(page, 'dl', /area Grid 1\s*Opens when: Fill level is 50.% or more/)
  const { overrides } = await rule('bin-full')
  expect(overrides).toContainEqual({
    scope: 'area:grid-1',
    set: { when: { metric: 'fillPct', atLeast: 50 }, clear: { metric: 'fillPct', below: 50 } }
  })
  const device = await city.device('bin-2-s')
  await device.publish({ fillPct: 55 })
  await city.pass(minutes(11))
  const { items } = await city.get<{ items: { rule: string; subject: string }[] }>('/api/tickets?status=open')
  expect(items).toMatchObject([{ rule: 'bin-full', subject: 'facility:bin-2' }])
})

it('puts conditions and steps together, and makes a new rule of them', async () => {
  const page = await read('/rules')
  await page.getByRole('link', { name: 'New rule' }).click()
  await page.fill('input[name=rule-id]', 'bin-full')
  await seen(page, '[role=alert]', 'There is a rule of this name.')
  await page.fill('input[name=rule-id]', 'bin-lid-open')
  const when = named(page, 'Opens when')
  await when.getByLabel('What is looked at').selectOption('lidOpen')
  await when.getByRole('button', { name: 'Add a condition' }).click()
  await when.getByLabel('How they are joined').selectOption('all')
  await when.getByLabel('What is looked at').nth(1).selectOption('fillPct')
  await when.getByLabel('Value').nth(1).fill('30')
  await page.getByRole('button', { name: 'As soon as it is not so any more' }).click()
  await seen(page, '.sentence', 'Opens when: Lid open is yes and Fill level is 30 % or more, for 10 min')
  await seen(page, '.sentence', 'Ends when: Lid open is not yes or Fill level is below 30 %')
  await page.getByRole('button', { name: 'Add a step' }).click()
  for (const [name, text] of [
    ['label-en', 'Lid open'],
    ['label-zh', '箱盖未关'],
    ['ticket-en', 'Close the lid'],
    ['ticket-zh', '关闭箱盖']
  ] as const)
    await page.fill(`input[name=${name}]`, text)
  await seen(page, '.result', 'still to be filled in')
  for (const [label, text] of [
    ['Why it exists (in English)', 'Rain gets in'],
    ['Why it exists (in Chinese)', '雨水进入']
  ] as const)
    await page.getByLabel(label).fill(text)
  await page.getByRole('button', { name: 'Save …' }).click()
  await page.fill('dialog[open] textarea', 'Asked for by the district')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/rules/bin-lid-open')
  await seen(page, 'h1', 'Lid open')
  expect(await rule('bin-lid-open')).toMatchObject({
    version: 1,
    subject: 'bin',
    when: {
      all: [
        { metric: 'lidOpen', is: true },
        { metric: 'fillPct', atLeast: 30 }
      ]
    },
    ladder: [{ severity: 'major' }],
    due: hours(4)
  })
})

it('changes what goes deeper as JSON, and refuses what is none', async () => {
  const page = await read('/rules/station-not-hauled')
  const when = named(page, 'Opens when')
  await seen(page, 'fieldset', 'This goes deeper')
  await when.getByText('Edit as JSON').click()
  await when.locator('textarea').fill('{"metric": "containerFillPct"')
  await when.getByRole('button', { name: 'Take it over' }).click()
  await seen(page, '[role=alert]', 'This is not JSON.')
  await when.locator('textarea').fill('{"metric": "containerFillPct", "atLeast": "much"}')
  await when.getByRole('button', { name: 'Take it over' }).click()
  await seen(page, '[role=alert]', 'when.atLeast: expected a number')
  await when.locator('textarea').fill('{"metric": "containerFillPct", "atLeast": 70}')
  await when.getByRole('button', { name: 'Take it over' }).click()
  await seen(page, '.sentence', 'Opens when: Container fill is 70 % or more')
  expect(await when.getByLabel('What is looked at').inputValue()).toBe('containerFillPct')
})
