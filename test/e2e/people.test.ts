import { expect, it } from 'vitest'
import type { FacilityCode } from '#model/crews'
import { seconds } from '#model/time'
import { seen } from '#test/fixtures/browser'
import { cityCsv } from '#test/fixtures/city-csv'
import { pageSuite } from '#test/fixtures/page-suite'

const { city, read, expectComplaint } = pageSuite()

it('adds an account, shows its password once, and takes it away again after asking', async () => {
  const page = await read('/people')
  await page.getByRole('button', { name: 'Add account' }).click()
  await page.fill('dialog[open] input[name=new-username]', 'li.wei')
  await page.fill('dialog[open] input[name=new-name]', 'Li Wei')
  await page.keyboard.press('Enter')
  const password = (await page.textContent('dialog[open] code')) ?? ''
  expect(password).toMatch(/^[\w-]{20}$/)
  await page.keyboard.press('Escape')
  await seen(page, 'dialog[open]', 'Shown only now')
  await page.getByRole('button', { name: 'Done' }).click()
  await seen(page, '.people li', 'Li Wei')
  await seen(page, '.edits > li', /Account added.*li\.wei/)

  const person = await read('/account', { as: { username: 'li.wei', password }, width: 390 })
  for (const [name, value] of [
    ['current', password],
    ['next', 'my own secret'],
    ['again', 'my own secrets']
  ] as const)
    await person.fill(`input[name=${name}]`, value)
  await person.getByRole('button', { name: 'Change password' }).click()
  await seen(person, '[role=alert]', 'differ')
  await person.fill('input[name=again]', 'my own secret')
  await person.getByRole('button', { name: 'Change password' }).click()
  await seen(person, '[role=status]', 'Changed.')

  // Where it takes long to learn that the session is over, the page does not call again meanwhile, only to be refused.
  await person.route('**/api/session', async route => {
    await new Promise(resolve => setTimeout(resolve, seconds(2)))
    await route.continue()
  })
  await page
    .locator('.people li')
    .filter({ hasText: 'Li Wei' })
    .getByRole('button', { name: 'Disable' })
    .click()
  await seen(page, 'dialog[open]', 'Their sessions and tokens end at once.')
  await page.locator('dialog[open] button.primary').click()
  // Nothing is sent without a reason.
  await expect.poll(() => page.locator('dialog[open] input[name=why]:invalid').count()).toBe(1)
  await page.fill('dialog[open] input[name=why]', 'Left the company')
  await page.keyboard.press('Enter')
  await seen(page, '.people li', /Li Wei.*disabled/s)
  await seen(
    page,
    '.edits > li',
    /Account changed.*li\.wei.*admin.*Left the company.*Disabled:\s*no\s*→\s*yes/s
  )
  await person.waitForURL('**/sign-in?next=%2Faccount')
})

it('puts a crew together, says who answers for an area, and takes the scan of a code', async () => {
  await city.importCsv(cityCsv([{ id: 'bin-1' }]))
  const { people } = city.system
  const wang = { username: 'wang', password: 'long enough' }
  await people.add({ ...wang, name: 'Wang Fang', role: 'crew' })
  const page = await read('/crews')
  await seen(page, '.empty', 'No crew yet.')
  await page.getByRole('button', { name: 'Add crew' }).click()
  await page.fill('dialog[open] input[name=crew-id]', 'north')
  await page.fill('dialog[open] input[name=crew-name]', 'North crew')
  const [area] = (await city.get<{ items: { id: string; name: string }[] }>('/api/areas')).items
  await page.selectOption('dialog[open] select[multiple]', area?.id ?? '')
  await page.getByRole('button', { name: 'Wang Fang' }).click()
  await page.locator('dialog[open] button.primary').click()
  await seen(page, '.cards .card', /North crew\s*on shift.*Wang Fang/s)
  expect((await city.get<{ items: unknown[] }>('/api/crews')).items).toMatchObject([
    { id: 'north', areas: [area?.id], members: ['wang'], kinds: [], shifts: [], active: true }
  ])

  await page.getByRole('button', { name: 'Name someone' }).click()
  await page.selectOption('dialog[open] select[name=duty-area]', area?.id ?? '')
  await page.fill('dialog[open] input[name=chief-2]', 'Chen Gang')
  await page.locator('dialog[open] button.primary').click()
  await seen(page, 'li', /Street chief, level 2.*Chen Gang/s)

  await page.getByRole('button', { name: 'Edit', exact: true }).first().click()
  await page.locator('dialog[open]').getByRole('button', { name: 'Add shift' }).click()
  await page.fill('dialog[open] input[name=why]', 'Nights are with South')
  await page.locator('dialog[open] button.primary').click()
  await seen(page, '.cards .card', /every day 06:00–14:00/)
  await page.getByText('History of changes').first().click()
  await seen(
    page,
    '.edits > li',
    /Crew changed.*North crew.*admin.*Nights are with South.*Shifts:\s*always\s*→\s*every day 06:00–14:00/s
  )
  await seen(page, '.edits > li', /Crew added.*North crew.*Members: Wang Fang/s)

  await page.goto(`${city.system.httpUrl}/crews/codes?area=${area?.id}`)
  await page.locator('li img').first().waitFor()
  const { items } = await city.get<{ items: FacilityCode[] }>(`/api/areas/${area?.id}/codes`)
  const { facility, code } = items[0] as FacilityCode
  const phone = await read(`/scan/${facility}/${code}`, { as: wang, width: 390 })
  await phone.getByRole('button', { name: 'Service done' }).click()
  await seen(phone, '[role=status]', 'Recorded')
  expectComplaint(/ERR_INTERNET_DISCONNECTED/)
  await phone.reload()
  await phone.getByRole('button', { name: 'Service done' }).waitFor()
  await phone.context().setOffline(true)
  await phone.getByRole('button', { name: 'Service done' }).click()
  await seen(phone, 'h1', 'Saved on this phone')
  await phone.context().setOffline(false)
  await seen(phone, 'h1', 'Recorded')
  await phone.goto(`${city.system.httpUrl}/scan/${facility}/${'A'.repeat(22)}`)
  await phone.getByRole('button', { name: 'Service done' }).click()
  await seen(phone, '[role=alert]', 'does not belong')
})
