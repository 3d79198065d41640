import type { Page } from 'playwright-core'
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
  // Three at once, more than the server takes of people without an account at a time: all of them arrive.
  await phone.setInputFiles(
    'input[type=file]',
    await Promise.all([10, 90, 170].map(shade => picture(`${shade}.jpg`, shade)))
  )
  await arrived(phone, 3)
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

const picture = (name: string, shade: number) =>
  phonePhoto(shade).then(buffer => ({ name, mimeType: 'image/jpeg', buffer }))
/** All photos on the page have arrived: none is on its way, none waits to be sent. */
const arrived = (phone: Page, photos: number) =>
  until(`${photos} photos have arrived`, async () => (await phone.locator('li.arrived').count()) === photos)
const reported = async () => {
  const [ticket] = (await city.get<{ items: TicketSummary[] }>('/api/tickets')).items
  return city.get<TicketDetail>(`/api/tickets/${ticket?.id}`)
}

it('leaves no photo out of a report because the signal went, and sends it when it is back', async () => {
  expectComplaint(/ERR_INTERNET_DISCONNECTED|ERR_FAILED/)
  const phone = await open('/report?facility=toilet-1', { width: 390 })
  await phone.getByRole('button', { name: 'Dirty' }).click()
  await phone.context().setOffline(true)
  await phone.setInputFiles('input[type=file]', [await picture('0.jpg', 40), await picture('1.jpg', 140)])
  await seen(phone, '[role=alert]', 'cannot be reached')
  await phone.locator('form .primary').click()
  await seen(phone, '[role=alert]', 'A photo has not arrived')
  // The phone says that there is signal before there is: nobody has to touch anything for the next try.
  let tries = 0
  await phone.route('**/api/reports/photos', route => (++tries <= 2 ? route.abort() : route.continue()))
  await phone.context().setOffline(false)
  await arrived(phone, 2)
  expect(tries).toBeGreaterThan(3)
  await phone.locator('form .primary').click()
  await seen(phone, '[role=status]', 'has arrived')
  expect((await reported()).reports[0]?.photos).toHaveLength(2)
})

it('keeps what a citizen wrote when the browser takes the page away, until it is sent', async () => {
  expectComplaint(/ERR_INTERNET_DISCONNECTED|ERR_FAILED/)
  const phone = await open('/report?facility=toilet-1', { width: 390 })
  await phone.getByRole('button', { name: 'Blocked' }).click()
  await phone.fill('textarea', 'The door does not open')
  await phone.setInputFiles('input[type=file]', [await picture('there.jpg', 40)])
  await arrived(phone, 1)
  await phone.route('**/api/reports/photos', route => route.abort())
  await phone.setInputFiles('input[type=file]', [await picture('waits.jpg', 140)])
  await seen(phone, '[role=alert]', 'cannot be reached')

  await phone.reload()
  await seen(phone, '[role=status]', 'This is what you had written')
  expect(await phone.getByRole('button', { name: 'Blocked' }).getAttribute('aria-pressed')).toBe('true')
  expect(await phone.inputValue('textarea')).toBe('The door does not open')
  await phone.getByAltText('there.jpg').waitFor()
  await phone.getByAltText('waits.jpg').waitFor()
  await phone.unroute('**/api/reports/photos')
  await arrived(phone, 2)

  // It arrives, and its answer is lost with the page.
  await phone.route('**/api/reports', async route => {
    await route.fetch()
    await route.abort()
  })
  await phone.locator('form .primary').click()
  await seen(phone, '[role=alert]', 'cannot be reached')
  await phone.unroute('**/api/reports')
  await phone.reload()
  await arrived(phone, 2)
  await phone.locator('form .primary').click()
  await seen(phone, '[role=status]', 'has arrived')
  const { reports } = await reported()
  expect(reports).toHaveLength(1)
  expect(reports[0]?.note).toBe('The door does not open')
  expect(reports[0]?.photos).toHaveLength(2)

  // The page with the code is the one that follows it, also when it is taken away.
  await phone.reload()
  await seen(phone, '[role=status]', 'Received')
  await phone.goto(`${city.system.httpUrl}/report?facility=toilet-1`)
  await phone.getByRole('button', { name: 'Blocked' }).waitFor()
  expect(await phone.inputValue('textarea')).toBe('')
  expect(await phone.locator('form img').count()).toBe(0)
})

it('tells what else to do where a phone gives no position', async () => {
  const phone = await open('/report', { width: 390 })
  await phone.getByRole('button', { name: 'Dirty' }).click()
  await phone.getByRole('button', { name: 'Use my position' }).click()
  await seen(phone, '[role=alert]', 'write the number on the sign')
  await phone.locator('form .primary').click()
  await seen(phone, '[role=alert]', 'by your position, or the number on the sign')
  const sign = phone.getByLabel('Number on the sign')
  await sign.fill('toilet 1')
  await seen(phone, '[role=alert]', 'letters, digits')
  await sign.fill('toilet-9')
  await phone.locator('form .primary').click()
  await seen(phone, '[role=alert]', 'No facility has this number')
  await sign.fill('toilet-1')
  await phone.locator('form .primary').click()
  await seen(phone, '[role=status]', 'has arrived')
  expect(await reported()).toMatchObject({ kind: 'dirty', facility: 'toilet-1' })
})
