import sharp from 'sharp'
import { expect, it } from 'vitest'
import type { TicketDetail } from '#model/api'
import type { Role } from '#model/tickets'
import { seen, signIn } from '#test/fixtures/browser'
import { cityCsv } from '#test/fixtures/city-csv'
import { pageSuite } from '#test/fixtures/page-suite'
import { until } from '#test/fixtures/until'

const START = Date.parse('2026-11-02T02:00:00Z')
const PASSWORD = 'long enough'

const {
  city,
  read: readAs,
  expectComplaint
} = pageSuite({
  at: START,
  begin: async () => {
    await city.importCsv(cityCsv([{ id: 'toilet-1', kind: 'toilet' }]))
    for (const [username, role] of [
      ['li', 'crew'],
      ['wang', 'operator'],
      ['chen', 'manager']
    ] as [string, Role][])
      await city.system.people.add({ username, name: username, role, password: PASSWORD })
    const crew = {
      ...{ name: 'North crew', contractor: null, areas: ['grid-1'], kinds: [], shifts: [] },
      ...{ members: ['li'], phone: null, active: true }
    }
    const { status } = await city.api('/api/crews/north', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(crew)
    })
    expect(status).toBe(200)
  }
})
const read = (username: string, path: string, width = 1440) =>
  readAs(path, { as: { username, password: PASSWORD }, width })
/** Without signal a socket that is not there is no mistake of the page. */
const WITHOUT_SIGNAL = /ERR_INTERNET_DISCONNECTED/
const photo = (colour: string) =>
  sharp({ create: { width: 400, height: 300, channels: 3, background: colour } })
    .jpeg()
    .toBuffer()

/** A dirty toilet that somebody reported, checked and sent the crew to. */
async function dirtyToilet(): Promise<string> {
  const { body } = await city.post<TicketDetail>('/api/tickets', {
    kind: 'dirty',
    source: 'hotline',
    subject: 'facility:toilet-1'
  })
  for (const action of [{ action: 'check' }, { action: 'dispatch', crew: 'north' }])
    expect((await city.post(`/api/tickets/${body.id}/actions`, action)).status).toBe(200)
  return body.id
}
const PAGE_KEPT = 'navigator.serviceWorker.ready.then(() => undefined)'
/** What lies in the phone's own database. */
const shelf = (name: string, ask: string): string => `
  new Promise((resolve, reject) => {
    const opening = indexedDB.open('mingjie')
    opening.onerror = reject
    opening.onsuccess = () => {
      const asked = opening.result.transaction('${name}').objectStore('${name}').${ask}
      asked.onsuccess = () => { opening.result.close(); resolve(asked.result) }
    }
  })`
const keptState = (id: string) => `${shelf('seen', `get('${id}')`)}.then(one => one?.ticket.state)`
/** What is to be read where the alert of the open dialog stands: itself, unless it is below the fold or under the buttons. */
const SEEN_ON_TOP = `(() => {
  const { left, top, height } = document.querySelector('dialog[open] [role=alert]').getBoundingClientRect()
  return document.elementFromPoint(left + 5, top + height / 2)?.textContent
})()`
const PHOTOS_KEPT = shelf('photos', 'count()')
const detail = (id: string) => city.get<TicketDetail>(`/api/tickets/${id}`)

it('lets a crew work on a phone without signal, an operator verify, and a manager see the rate', async () => {
  expectComplaint(WITHOUT_SIGNAL)
  const id = await dirtyToilet()
  const phone = await read('li', '/tickets', 390)
  const card = phone.locator('article').first()
  await seen(phone, 'article', 'Clean it')

  // The acceptance arrives and its answer is lost; the start does not arrive at all.
  await phone.route('**/actions', async route => {
    const { action } = route.request().postDataJSON() as { action: string }
    if (action === 'accept') await route.fetch()
    await route.abort()
  })
  await card.getByRole('button', { name: 'Accept' }).click()
  await seen(phone, 'article', 'Saved on this phone, will be sent.')
  await card.getByRole('button', { name: 'Start work' }).click()
  await seen(phone, '.outbox', '2 actions are saved on this phone')
  await phone.reload()
  await seen(phone, '.outbox', '2 actions are saved on this phone')
  await card.getByRole('button', { name: 'Claim done' }).waitFor()
  expect((await detail(id)).state).not.toBe('in-progress')

  await phone.unroute('**/actions')
  await phone.locator('.outbox button').click()
  await phone.locator('.outbox').waitFor({ state: 'detached' })
  const worked = await detail(id)
  expect(worked.state).toBe('in-progress')
  expect(worked.history.map(({ action }) => action)).toEqual(['open', 'check', 'dispatch', 'accept', 'start'])

  // What was read while there was signal is there without it.
  await until('the phone has it', async () => (await phone.evaluate(keptState(id))) === 'in-progress')
  await phone.evaluate(PAGE_KEPT)
  await phone.context().setOffline(true)
  await card.locator('a').click()
  await phone.locator('.main button').waitFor()
  await phone.context().setOffline(false)
  await seen(phone, '.state', 'In progress')
  await phone.locator('.main').getByRole('button', { name: 'Claim done' }).click()
  await phone.setInputFiles('dialog[open] .photos input[type=file]', {
    name: 'clean.jpg',
    mimeType: 'image/jpeg',
    buffer: await photo('#88aa88')
  })
  await phone.locator('dialog[open] .photos img').waitFor()
  // What no sensor tells is asked too, as soon as that is known.
  await seen(phone, 'dialog[open] .checklist [role=status]', '0 of 11 answered')
  await phone.locator('dialog[open] footer .primary').click()
  await seen(phone, 'dialog[open] [role=alert]', 'not answered yet')
  await expect.poll(() => phone.evaluate(SEEN_ON_TOP)).toMatch(/items are not answered yet/)
  await phone.getByRole('button', { name: 'All other items: yes' }).click()
  await phone.locator('dialog[open] footer .primary').click()
  await seen(phone, '.state', 'Claimed done')

  const desk = await read('wang', '/tickets?need=verify')
  await seen(desk, 'a.ticket', /Clean it.*An operator or inspector has to verify/s)
  await desk.keyboard.press('j')
  await desk.keyboard.press('Enter')
  await seen(desk, 'ol', 'Public toilet: six clean, five without')
  await desk.locator('ol img').first().waitFor()
  await desk.keyboard.press('v')
  await desk.fill('dialog[open] textarea', 'The photo shows it clean')
  await desk.locator('dialog[open] footer .primary').click()
  await seen(desk, '.state', 'Closed')

  const office = await read('chen', '/tickets/rates')
  await seen(office, '.rate', /Closing rate\s*100 %\s*1 ÷ 1/)
  await seen(office, '.rate', /On-time rate\s*100 %/)
  await office.locator('.rate').first().locator('a').first().click()
  await seen(office, 'a.ticket', 'Clean it')
})

it('opens without signal, keeps a photo and a claim over reloads, and tells the server once', async () => {
  expectComplaint(WITHOUT_SIGNAL)
  const id = await dirtyToilet()
  const phone = await read('li', '/tickets', 390)
  await seen(phone, 'article', 'Clean it')
  await phone.locator('article button', { hasText: 'Accept' }).click()
  await phone.locator('article button', { hasText: 'Start work' }).click()
  await phone.locator('article button', { hasText: 'Claim done' }).waitFor()
  await phone.evaluate(PAGE_KEPT)
  // What is read ahead is on the phone before the signal goes.
  await until('the phone has the ticket', async () => (await phone.evaluate(keptState(id))) === 'in-progress')

  await phone.context().setOffline(true)
  await phone.reload()
  await seen(phone, '[role=status]', 'Disconnected')
  await seen(phone, '.as-of', 'No signal')
  await phone.locator('article a').click()
  await phone.waitForURL(`**/tickets/${id}`)
  await seen(phone, '.state', 'In progress')
  await phone.reload()
  await phone.locator('.main').getByRole('button', { name: 'Claim done' }).click()
  await phone.setInputFiles('dialog[open] .photos input[type=file]', {
    name: 'clean.jpg',
    mimeType: 'image/jpeg',
    buffer: await photo('#4488aa')
  })
  await seen(phone, 'dialog[open] .photos', 'on this phone')
  await phone.getByRole('button', { name: 'All other items: yes' }).click()
  await phone.locator('dialog[open] footer .primary').click()
  await seen(phone, '.outbox', '1 action is saved on this phone')
  await phone.reload()
  await seen(phone, '.outbox', /1 action is saved.*1 photo/s)
  await seen(phone, '.queued', 'Claim done: saved on this phone')
  await phone.locator('.where a').first().click()
  await seen(phone, '.empty', 'No connection')
  await phone.goBack()

  await phone.context().setOffline(false)
  await phone.locator('.outbox').waitFor({ state: 'detached' })
  await seen(phone, '.state', 'Claimed done')
  const { history } = await detail(id)
  const claims = history.filter(({ action }) => action === 'claim')
  expect(claims).toHaveLength(1)
  expect(claims[0]?.data).toMatchObject({ photos: [expect.stringMatching(/^[0-9a-f]{64}$/)] })
  await expect.poll(() => phone.evaluate(PHOTOS_KEPT)).toBe(0)

  await phone.click('button[aria-label="Sign out"]')
  await phone.waitForURL('**/sign-in')
  await expect.poll(() => phone.evaluate(keptState(id))).toBeUndefined()
  await phone.context().setOffline(true)
  await phone.goto(`${city.system.httpUrl}/tickets/${id}`)
  await seen(phone, '.empty', 'The server cannot be reached')
})

const jpeg = async (name: string, colour: string) => ({
  name,
  mimeType: 'image/jpeg',
  buffer: await photo(colour)
})
const DIALOG_PHOTOS = 'dialog[open] .photos input[type=file]'

it('opens a claim again where its page was taken away, for who began it, until it is sent', async () => {
  expectComplaint(/ERR_FAILED/)
  const id = await dirtyToilet()
  for (const action of ['accept', 'start'])
    expect((await city.post(`/api/tickets/${id}/actions`, { action })).status).toBe(200)
  const phone = await read('li', `/tickets/${id}`, 390)
  await phone.locator('.main').getByRole('button', { name: 'Claim done' }).click()
  await phone.fill('dialog[open] textarea', 'Also the corner')
  await phone.setInputFiles(DIALOG_PHOTOS, await jpeg('there.jpg', '#88aa88'))
  await phone.locator('dialog[open] li.arrived').waitFor()
  await phone.route('**/api/attachments', route => route.abort())
  await phone.setInputFiles(DIALOG_PHOTOS, await jpeg('waits.jpg', '#4488aa'))
  await phone.locator('dialog[open] li.here').waitFor()
  await phone.locator('dialog[open] .segments .no').first().click()
  await phone
    .locator('dialog[open] .checklist input[type=file]')
    .first()
    .setInputFiles(await jpeg('floor.jpg', '#aa8844'))
  await phone.locator('dialog[open] .checklist .taken').waitFor()

  await phone.reload()
  await seen(phone, 'dialog[open] [role=status]', 'As you left it')
  expect(await phone.inputValue('dialog[open] textarea')).toBe('Also the corner')
  await phone.locator('dialog[open] li.arrived').waitFor()
  await phone.locator('dialog[open] li.here').waitFor()
  expect(await phone.locator('dialog[open] .checklist .taken').count()).toBe(1)
  await phone.goto(`${city.system.httpUrl}/tickets`)
  await seen(phone, 'article', 'Claim done: begun, not sent')

  // Another on the same phone sees nothing of it; who began it finds it again.
  await phone.click('button[aria-label="Sign out"]')
  await phone.waitForURL('**/sign-in')
  await signIn(phone, { username: 'wang', password: PASSWORD })
  await phone.waitForURL(city.system.httpUrl + '/')
  await phone.goto(`${city.system.httpUrl}/tickets/${id}`)
  await phone.getByRole('button', { name: 'Comment' }).click()
  expect(await phone.inputValue('dialog[open] textarea')).toBe('')
  await phone.locator('dialog[open] footer button').first().click()
  await phone.click('button[aria-label="Sign out"]')
  await phone.waitForURL('**/sign-in')
  await signIn(phone, { username: 'li', password: PASSWORD })
  await phone.locator('.bell').waitFor()
  await phone.goto(`${city.system.httpUrl}/tickets/${id}`)
  await seen(phone, 'dialog[open] [role=status]', 'As you left it')

  await phone.getByRole('button', { name: 'All other items: yes' }).click()
  await phone.unroute('**/api/attachments')
  await phone.locator('dialog[open] footer .primary').click()
  await seen(phone, '.state', 'Claimed done')
  const { history } = await detail(id)
  const claim = history.find(({ action }) => action === 'claim')
  expect(claim?.note).toBe('Also the corner')
  expect(claim?.data?.['photos']).toHaveLength(2)
  const floor = { item: 'floor', ok: false, photo: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown }
  expect(claim?.data).toMatchObject({ checklist: { answers: expect.arrayContaining([floor]) as unknown } })
  await until('the phone keeps none of its photos', async () => (await phone.evaluate(PHOTOS_KEPT)) === 0)
  await phone.reload()
  await seen(phone, '.state', 'Claimed done')
  expect(await phone.evaluate("localStorage.getItem('mingjie.drafts')")).toBe('[]')
})

it('throws a claim away that is cancelled, or whose ticket is over', async () => {
  const id = await dirtyToilet()
  for (const action of ['accept', 'start'])
    expect((await city.post(`/api/tickets/${id}/actions`, { action })).status).toBe(200)
  const phone = await read('li', `/tickets/${id}`, 390)
  const begin = async () => {
    await phone.locator('.main').getByRole('button', { name: 'Claim done' }).click()
    expect(await phone.inputValue('dialog[open] textarea')).toBe('')
    await phone.setInputFiles(DIALOG_PHOTOS, await jpeg('a.jpg', '#88aa88'))
    await phone.locator('dialog[open] li.arrived').waitFor()
    await phone.fill('dialog[open] textarea', 'Half a word')
  }
  await begin()
  await phone.keyboard.press('Escape')
  await until('its photo is gone', async () => (await phone.evaluate(PHOTOS_KEPT)) === 0)
  await begin()
  await phone.goto(`${city.system.httpUrl}/tickets`)
  await seen(phone, 'article', 'begun, not sent')
  expect((await city.post(`/api/tickets/${id}/actions`, { action: 'close', note: 'seen' })).status).toBe(200)
  await phone.goto(`${city.system.httpUrl}/tickets/${id}`)
  await seen(phone, '.state', 'Closed')
  await until('its photo is gone', async () => (await phone.evaluate(PHOTOS_KEPT)) === 0)
  expect(await phone.evaluate("localStorage.getItem('mingjie.drafts')")).toBe('[]')
})

it('does not let a claim go without a photo that the server refused', async () => {
  const id = await dirtyToilet()
  for (const action of ['accept', 'start'])
    expect((await city.post(`/api/tickets/${id}/actions`, { action })).status).toBe(200)
  const phone = await read('li', `/tickets/${id}`, 390)
  await phone.locator('.main').getByRole('button', { name: 'Claim done' }).click()
  const bad = { name: 'bad.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no picture at all') }
  await phone.setInputFiles(DIALOG_PHOTOS, [bad, await jpeg('good.jpg', '#88aa88')])
  await seen(phone, 'dialog[open] .photos [role=alert]', 'no picture that can be read')
  await phone.locator('dialog[open] li.arrived').waitFor()
  await phone.getByRole('button', { name: 'All other items: yes' }).click()
  await phone.locator('dialog[open] .checklist input[type=file]').first().setInputFiles(bad)
  await seen(phone, 'dialog[open] .checklist [role=alert]', 'no picture that can be read')
  const send = phone.locator('dialog[open] footer .primary')
  await send.click()
  await seen(phone, 'dialog[open] [role=alert]', 'A photo was not taken')
  await phone.getByRole('button', { name: 'Remove photo: bad.jpg' }).click()
  await send.click()
  await seen(phone, 'dialog[open] [role=alert]', 'A photo was not taken')
  expect((await detail(id)).state).toBe('in-progress')
  await phone.getByRole('button', { name: 'Without it' }).click()
  await send.click()
  await seen(phone, '.state', 'Claimed done')
  const { history } = await detail(id)
  expect(history.find(({ action }) => action === 'claim')?.data?.['photos']).toHaveLength(1)
})

it('tells a crew above all why its ticket came back, until it claims again', async () => {
  const id = await dirtyToilet()
  const act = async (body: object) =>
    expect((await city.post(`/api/tickets/${id}/actions`, body)).status).toBe(200)
  for (const action of ['accept', 'claim']) await act({ action })
  await act({ action: 'return', note: 'The corner behind the door' })
  const phone = await read('li', `/tickets/${id}`, 390)
  await seen(phone, '.sent-back', /Sent back:\s*The corner behind the door/)
  for (const action of ['accept', 'claim']) await act({ action })
  await seen(phone, '.state', 'Claimed done')
  await phone.locator('.sent-back').waitFor({ state: 'detached' })
})

it('does not say that somebody was sent where no crew is on shift', async () => {
  const crew = { name: 'North crew', contractor: null, areas: ['grid-1'], kinds: [], shifts: [], phone: null }
  const { status } = await city.api('/api/crews/north', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...crew, members: ['li'], active: false, why: 'holidays' })
  })
  expect(status).toBe(200)
  const { body } = await city.post<TicketDetail>('/api/tickets', {
    kind: 'damaged',
    source: 'hotline',
    subject: 'facility:toilet-1'
  })
  expect((await city.post(`/api/tickets/${body.id}/actions`, { action: 'check' })).status).toBe(200)
  const desk = await read('wang', '/')
  await desk.getByRole('button', { name: 'Dispatch', exact: true }).click()
  await seen(desk, '.now .line', /Repair the damage.*No crew on shift yet.*Transfer/s)
  await desk.locator('.now .line a.button').first().click()
  await seen(desk, 'dialog[open] h2', 'Transfer')
})

it('says when a report joined a ticket that is open, and asks for two photos of what was put right', async () => {
  const desk = await read('wang', '/tickets/new?facility=toilet-1')
  await seen(desk, '.chosen', 'toilet-1')
  await desk.getByRole('button', { name: 'Blocked' }).click()
  await desk.getByRole('button', { name: 'Hotline' }).click()
  await desk.locator('form .primary').click()
  await seen(desk, '[role=status]', 'Ticket opened')
  await desk.getByRole('button', { name: 'Report another' }).click()
  await desk.getByRole('button', { name: 'Blocked' }).click()
  await desk.locator('input[type=checkbox]').check()
  await desk.locator('form .primary').click()
  await seen(desk, '[role=alert]', 'Two photos are needed')
  await desk.locator('input[type=checkbox]').uncheck()
  await desk.locator('form .primary').click()
  await seen(desk, '[role=status]', 'Added to a ticket that is open already')
  const { items } = await city.get<{ items: unknown[] }>('/api/tickets')
  expect(items).toHaveLength(1)
})

it('asks for more time and answers it in another role, tells both, and merges what is the same', async () => {
  const id = await dirtyToilet()
  const phone = await read('li', `/tickets/${id}`, 390)
  await phone.locator('.main button').click()
  await seen(phone, '.state', 'Accepted')
  await phone.getByRole('button', { name: 'Ask for more time' }).click()
  await phone.getByRole('button', { name: '30 min', exact: true }).click()
  await phone.fill('dialog[open] textarea', 'No water')
  await phone.locator('dialog[open] footer .primary').click()
  await seen(phone, '.mark', 'Asks for more time')

  const office = await read('chen', `/tickets/${id}`)
  await office.locator('.bell .count').waitFor()
  await office.locator('.bell').click()
  await seen(office, 'dialog[open] li', 'Somebody asks for time')
  // To look at what waits is not to see to it.
  const marked: string[] = []
  office.on('request', request => marked.push(`${request.method()} ${new URL(request.url()).pathname}`))
  await office.locator('dialog[open] li a').click()
  await office.locator('dialog[open]').waitFor({ state: 'detached' })
  await office.locator('.actions').waitFor()
  await office.keyboard.press('y')
  await seen(office, 'dialog[open]', 'li asks for 30 min more.')
  await office.locator('dialog[open] footer .primary').click()
  await seen(office, '.facts', 'Extended by 30 min')
  expect(marked).not.toContain('POST /api/notifications/read')
  // Answered is settled: nobody has to mark it. Who asked has an answer to read.
  await office.locator('.bell').click()
  await seen(office, 'dialog[open]', 'Nothing new.')
  await phone.locator('.bell').click()
  await seen(phone, 'dialog[open] li', 'Your request was answered')
  await phone.locator('dialog[open] li a').click()
  await phone.locator('.bell .count').waitFor({ state: 'detached' })
  await phone.locator('.bell').click()
  await seen(phone, 'dialog[open]', 'Nothing new.')

  const { body: other } = await city.post<TicketDetail>('/api/tickets', {
    ...{ kind: 'litter', source: 'patrol', subject: 'facility:toilet-1' }
  })
  const desk = await read('wang', `/tickets/${other.id}`)
  await desk.locator('.actions').waitFor()
  await desk.keyboard.press('m')
  await desk.locator('dialog[open] .list button').first().click()
  await desk.fill('dialog[open] textarea', 'The same mess')
  await desk.locator('dialog[open] footer .primary').click()
  await seen(desk, '.facts', id)
  expect(await detail(other.id)).toMatchObject({ closeReason: 'merged', mergedInto: id })
})
