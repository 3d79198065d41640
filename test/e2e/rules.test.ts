import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import type { RuleDetail } from '#model/rule-shapes'
import type { TicketPolicy } from '#model/ticket-policy'
import { days, hours, minutes } from '#model/time'
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
const inSight = (y: number) => y > 0 && y < 900
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
  await expect.poll(() => save.isDisabled()).toBe(true)
  await when.getByLabel('Value').fill('80')
  await seen(page, '.sentence', 'Opens when: Fill level is 80 % or more, for 10 min')
  await when.getByLabel('must hold for').fill('5000')
  await seen(page, 'fieldset [role=alert]', 'A number from 0 to 1,440.')
  await when.getByLabel('must hold for').fill('10')

  await page.getByRole('button', { name: 'Run' }).click()
  await seen(page, '.differences li', /only in the draft.*Facility bin-1/s)
  await seen(page, 'tr', /Episodes\s*1\s*0/)
  await seen(page, 'th', 'Version 1, in force')
  // The city is younger than the day asked for.
  await seen(page, '.card p', /Readings are stored from .* of the 1 d asked for/)
  await when.getByLabel('must hold for').fill('11')
  await seen(page, '.wrong', 'The settings have changed since.')
  await when.getByLabel('must hold for').fill('10')

  await save.click()
  await page.getByRole('button', { name: 'Put into force' }).click()
  await seen(page, 'dialog[open] [role=alert]', 'Say why.')
  await page.fill('dialog[open] textarea', 'The market spills at noon')
  await page.getByRole('button', { name: 'Put into force' }).click()
  await seen(page, '[role=status]', 'Version 2 is in force.')
  // It stands above the settings, whose end is where one saves.
  await expect
    .poll(() => page.locator('p[role=status]').boundingBox())
    .toMatchObject({ y: expect.toSatisfy(inSight) })
  await seen(page, '.versions li', /v2.*by chen.*The market spills at noon.*Fill level is 80.% or more/s)
  expect(await rule('bin-full')).toMatchObject({ version: 2, when: { metric: 'fillPct', atLeast: 80 } })
  await seen(page, 'p', 'What was tried is in force now, as version 2.')
  await seen(page, 'th', /^Version 1$/)

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
  const { items } = await city.get<{ items: { id: string; rule: string; subject: string }[] }>(
    '/api/tickets?status=open'
  )
  expect(items).toMatchObject([{ rule: 'bin-full', subject: 'facility:bin-2' }])
  await page.goto(`${city.system.httpUrl}/tickets/${items[0]?.id}`)
  await seen(page, 'dl', /Opens when\s*Fill level is 50.% or more, for 10 min\s*from area Grid 1/)
})

it('asks more of a claim than of the end, and says so on the rule', async () => {
  const page = await read('/rules/bin-full')
  const verify = named(page, 'A claim is true when')
  await verify.getByRole('button', { name: 'Ask something else' }).click()
  await verify.getByLabel('Value').fill('95')
  await verify.getByLabel('How it is compared').selectOption('atLeast')
  await seen(page, 'fieldset [role=alert]', 'what verifies a claim is true while it begins')
  await verify.getByLabel('How it is compared').selectOption('atMost')
  await verify.getByLabel('Value').fill('20')
  await seen(page, '.sentence', 'A claim is true when: Fill level is 20 % or less')
  await page.getByRole('button', { name: 'Save …' }).click()
  await page.fill('dialog[open] textarea', 'Emptied is emptied')
  await page.getByRole('button', { name: 'Put into force' }).click()
  await seen(page, 'dl', /A claim is true when\s*Fill level is 20.% or less/)
  expect(await rule('bin-full')).toMatchObject({ verify: { metric: 'fillPct', atMost: 20 } })
})

it('fills in a preset of the lighting target, and says in Chinese what is wrong with one as JSON', async () => {
  const page = await read('/rules/lighting-rate')
  await page.getByRole('button', { name: 'By grade', exact: true }).click()
  await seen(page, '.result', /main roads \(lighting\):.*98.%.*97.%/s)
  await seen(page, '.sentence', 'fewer than 96 % of the lamps')
  await page.getByRole('button', { name: 'Save …' }).click()
  await page.fill('dialog[open] textarea', 'As the contract has it')
  await page.getByRole('button', { name: 'Put into force' }).click()
  await seen(page, '[role=status]', 'Version 2 is in force.')
  const main = { pct: 98, roadPct: 97 }
  expect(await rule('lighting-rate')).toMatchObject({
    when: { lightingRate: 'below', pct: 96, roadPct: 95 },
    overrides: [
      {
        scope: 'lightingGrade:main',
        set: { when: { lightingRate: 'below', ...main }, clear: { lightingRate: 'atLeast', ...main } }
      }
    ]
  })
  const chinese = await read('/rules/lighting-rate', { language: 'zh' })
  const when = named(chinese, '立案条件')
  await when.getByText('以 JSON 编辑').click()
  await when.getByRole('textbox', { name: '以 JSON 编辑' }).fill('{"lightingRate": "below", "pct": 980}')
  await when.getByRole('button', { name: '采用' }).click()
  await seen(chinese, 'fieldset [role=alert]', 'when.pct: 须为 1 至 100 的数值，收到 980')
})

it('names what explains a rule, and not what waits for it in turn', async () => {
  const page = await read('/rules/battery-low')
  const parents = named(page, 'Explained by')
  await parents.getByLabel('Add what explains it …').selectOption({ label: 'Device silent (its gateway)' })
  await page.getByRole('button', { name: 'Save …' }).click()
  await page.fill('dialog[open] textarea', 'Its gateway is away')
  await page.getByRole('button', { name: 'Put into force' }).click()
  await seen(page, 'dl', /Explained by\s*Device silent \(its gateway\)/)
  const other = await read('/rules/device-silent')
  await named(other, 'Explained by')
    .getByLabel('Add what explains it …')
    .selectOption({ label: 'Battery low (its gateway)' })
  await seen(other, 'fieldset [role=alert]', 'would wait for itself')
  await seen(other, '.result', /Explained by: .* → .*Battery low \(its gateway\)/)
  await other.getByRole('button', { name: 'Remove Battery low (its gateway)' }).click()
  await seen(other, '.result', 'Nothing is changed yet.')
})

it('lets a manager save the policy from the field that was changed, with a reason', async () => {
  const page = await read('/tickets/policy')
  const save = page.getByRole('button', { name: 'Save policy' })
  await page.getByLabel('A deferral reaches at most, days').fill('20')
  await page.getByLabel('Grid', { exact: true }).fill('')
  await page.getByLabel('Grid', { exact: true }).fill('90')
  await expect.poll(() => save.isEnabled()).toBe(true)
  await save.click()
  await page.fill('dialog[open] input[name=why]', 'The new contract')
  await page.locator('dialog[open]').getByRole('button', { name: 'Save policy' }).click()
  await seen(page, '[role=status]', 'Saved. It counts from now on.')
  const policy = await city.get<TicketPolicy>('/api/ticket-policy')
  expect(policy).toMatchObject({ deferMaxMs: days(20), escalation: [{ to: 'grid', share: 0.9 }, {}, {}, {}] })
})

it('plans work and says from when it counts, also while its window runs', async () => {
  const page = await read('/tickets/plans', { width: 390 })
  await page.getByRole('button', { name: 'Plan work' }).click()
  const form = page.locator('dialog[open]')
  await form.locator('input[name=plan-id]').fill('bins-noon')
  await form.getByLabel('What is to be done').fill('Wash the bin')
  await form.getByLabel('From').fill('06:00')
  await form.getByLabel('To', { exact: true }).fill('22:00')
  await form.getByRole('button', { name: 'Save' }).click()
  await seen(page, 'dialog[open] [role=alert]', 'Choose a facility.')
  await form.getByRole('searchbox').fill('bin-1')
  await form.getByRole('button', { name: 'Facility bin-1' }).click()
  await form.getByRole('button', { name: 'Save' }).click()
  // It is noon on 2 November: that window began before anybody said so.
  await seen(page, '[role=status]', /Wash the bin is saved.*Next 3 Nov, 06:00/)
  await seen(page, '.card dl', /Facility bin-1.*Next 3 Nov, 06:00/s)

  await city.pass(hours(20))
  await page.reload()
  await seen(page, '.card dl', /Now, until 22:00/)
  await page.getByRole('button', { name: 'Edit' }).click()
  await form.getByLabel('What is to be done').fill('Wash and wipe the bin')
  await form.getByRole('button', { name: 'Save' }).click()
  await seen(page, '[role=status]', /Wash and wipe the bin is saved.*Now, until 22:00/)
})

it('changes the odour limits from a day on', async () => {
  const page = await read('/rules/toilet-odour', { width: 390 })
  await seen(page, 'tr.now', /2016-12-01\s*counts now/)
  await page.getByRole('button', { name: 'Change …' }).click()
  await page.getByRole('button', { name: 'Add limits from a later day' }).click()
  await page.getByRole('button', { name: 'Put into force' }).click()
  await seen(page, 'dialog[open] [role=alert]', 'expected a day such as 2026-01-31')
  const entry = page.locator('dialog[open] fieldset').nth(1)
  await entry.getByLabel('From').fill('2026-11-01')
  await entry.getByLabel('Standard or contract in English').fill('Contract')
  await entry.getByLabel('Standard or contract in Chinese').fill('合同')
  await entry.getByLabel('Class 2').first().fill('0.8')
  await page.fill('dialog[open] textarea', 'The new contract')
  await page.getByRole('button', { name: 'Put into force' }).click()
  await seen(page, 'tr.now', /2026-11-01\s*counts now\s*Contract\s*Ammonia NH₃\s*0.3\s*0.8\s*3/)
  await seen(page, 'section', /by chen: The new contract/)
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
  await expect.poll(() => when.getByLabel('What is looked at').inputValue()).toBe('containerFillPct')
})
