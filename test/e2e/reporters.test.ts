import { expect, it } from 'vitest'
import type { TicketDetail, TicketSummary } from '#model/api'
import { seen, signIn } from '#test/fixtures/browser'
import { cityCsv } from '#test/fixtures/city-csv'
import { phonePhoto } from '#test/fixtures/photos'
import { pageSuite } from '#test/fixtures/page-suite'
import { until } from '#test/fixtures/until'

const START = Date.parse('2026-11-02T02:00:00Z')
const PASSWORD = 'long enough'

const { city, open, read, expectComplaint } = pageSuite({
  at: START,
  publicReports: true,
  begin: async () => {
    await city.importCsv(cityCsv([{ id: 'toilet-1', kind: 'toilet' }]))
    await city.system.people.add({ username: 'wang', name: 'wang', role: 'operator', password: PASSWORD })
  }
})
const act = async (id: string, body: object) =>
  expect((await city.post(`/api/tickets/${id}/actions`, body)).status).toBe(200)

it('gives the caller of the hotline a code, by which they follow their report and rate it', async () => {
  const desk = await open('/tickets/new?facility=toilet-1')
  await signIn(desk, { username: 'wang', password: PASSWORD })
  await desk.getByRole('button', { name: 'Dirty' }).click()
  await desk.getByRole('button', { name: 'Hotline' }).click()
  await desk.locator('form .primary').click()
  await seen(desk, '[role=status]', 'Ticket opened')
  await desk.getByAltText('QR code of the address').waitFor()
  const code = (await desk.locator('.code .figure').textContent()) ?? ''

  // The caller, on a phone without an account.
  const phone = await open('/r', { width: 390, language: 'zh' })
  await phone.fill('input[name=code]', 'no code at all')
  await phone.locator('form .primary').click()
  await seen(phone, '[role=alert]', '未找到该查询码')
  await phone.fill('input[name=code]', code.toLowerCase().replaceAll('-', ' '))
  await phone.locator('form .primary').click()
  await seen(phone, '[role=status]', '已受理')
  await expect.poll(() => new URL(phone.url()).pathname).toBe(`/r/${code}`)
  expect(await phone.locator('nav').count()).toBe(0)

  const [ticket] = (await city.get<{ items: TicketSummary[] }>('/api/tickets')).items
  const id = ticket?.id ?? ''
  for (const action of ['check', 'dispatch', 'accept', 'start']) await act(id, { action })
  await phone.reload()
  await seen(phone, '[role=status]', '正在处理')
  expect(await phone.locator('form').count()).toBe(0)
  await act(id, { action: 'close', note: 'cleaned' })
  await phone.reload()
  await seen(phone, '[role=status]', '已办结')
  await phone.locator('form .primary').click()
  await seen(phone, '[role=alert]', '请先选择星级')
  await phone.getByLabel('满意', { exact: true }).check()
  await phone.fill('textarea', '很快')
  await phone.locator('form .primary').click()
  await seen(phone, 'h2', '感谢您的评价')

  await desk.locator('a.button').click()
  await seen(desk, 'section', /What reporters say.*Good.*很快/s)
  await seen(desk, 'ol li', /Rated by the reporter.*4 of 5 stars/s)
  await seen(desk, 'section li', code)
  await desk.goto(`${city.system.httpUrl}/tickets/rates`)
  await seen(desk, 'section', /Satisfaction\s*4\s.*1 rating in the period/s)
})

it('takes a report without an account where that is on', async () => {
  const phone = await open('/report?facility=toilet-1', { width: 390 })
  await phone.locator('form .primary').click()
  await seen(phone, '[role=alert]', 'Please say what it is')
  await phone.getByRole('button', { name: 'Blocked' }).click()
  await phone.locator('[role=alert]').waitFor({ state: 'detached' })
  await phone.fill('textarea', 'The door does not open')
  const photo = (shade: number) =>
    phonePhoto(shade).then(buffer => ({ name: `${shade}.jpg`, mimeType: 'image/jpeg', buffer }))
  // Three at once, more than the server takes of people without an account at a time: all of them arrive.
  await phone.setInputFiles('input[type=file]', [await photo(10), await photo(90), await photo(170)])
  await phone.locator('fieldset img').nth(2).waitFor()
  await until('no photo is on its way', async () => (await phone.locator('fieldset progress').count()) === 0)
  expect(await phone.locator('[role=alert]').count()).toBe(0)
  await phone.getByRole('button', { name: 'Remove the photo: 10.jpg' }).click()
  await phone.locator('form .primary').click()
  await seen(phone, '[role=status]', 'has arrived')
  await phone.locator('a.button').click()
  await seen(phone, '[role=status]', 'Received')
  const { items } = await city.get<{ items: TicketDetail[] }>('/api/tickets')
  expect(items).toMatchObject([{ source: 'public', kind: 'blocked', facility: 'toilet-1' }])
  const desk = await read(`/tickets/${items[0]?.id}`)
  await desk.locator('img[src^="/api/attachments/"]').first().waitFor()
  const { reports } = await city.get<TicketDetail>(`/api/tickets/${items[0]?.id}`)
  expect(reports[0]?.photos).toHaveLength(2)
})

it('leaves no photo out of a report because the signal went, and sends it when it is back', async () => {
  expectComplaint(/ERR_INTERNET_DISCONNECTED/)
  const phone = await open('/report?facility=toilet-1', { width: 390 })
  await phone.getByRole('button', { name: 'Dirty' }).click()
  await phone.context().setOffline(true)
  const files = [await phonePhoto(40), await phonePhoto(140)]
  await phone.setInputFiles(
    'input[type=file]',
    files.map((buffer, no) => ({ name: `${no}.jpg`, mimeType: 'image/jpeg', buffer }))
  )
  await seen(phone, '[role=alert]', 'cannot be reached')
  await phone.locator('form .primary').click()
  await seen(phone, '[role=alert]', 'A photo has not arrived')
  await phone.context().setOffline(false)
  // One that is on its way again has lost its button to send it, but has not arrived.
  await until(
    'both have arrived',
    async () => (await phone.locator('fieldset progress, fieldset li button:not(.remove)').count()) === 0
  )
  await phone.locator('form .primary').click()
  await seen(phone, '[role=status]', 'has arrived')
  const [ticket] = (await city.get<{ items: TicketSummary[] }>('/api/tickets')).items
  const { reports } = await city.get<TicketDetail>(`/api/tickets/${ticket?.id}`)
  expect(reports[0]?.photos).toHaveLength(2)
})
