import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readPhoto } from '#db/photo'
import { publicUploadsOf } from '#db/public-uploads'
import type { Problem, TicketDetail, TicketSummary } from '#model/api'
import type { FollowedReport, PublicUpload } from '#model/report-follow-shapes'
import { hours, minutes, systemClock } from '#model/time'
import { cityCsv } from '#test/fixtures/city-csv'
import { phonePhoto } from '#test/fixtures/photos'
import { runningServer } from '#test/fixtures/running-server'
import { standingClock, startTestSystem, type TestSystem } from '#test/fixtures/system'

/** A Monday, ten in the morning in Shanghai. */
const START = Date.parse('2026-11-02T02:00:00Z')

describe('photos of who has no account', () => {
  let city: TestSystem
  beforeAll(async () => {
    city = await startTestSystem({ clock: standingClock(START), publicReports: true })
    await city.importCsv(cityCsv([{ id: 'bin-1' }, { id: 'bin-2' }, { id: 'bin-3' }]))
    await city.pass(minutes(1))
  })
  afterAll(async () => {
    const { fatal } = city
    await city.close()
    expect(fatal).toEqual([])
  })

  const send = async <T>(path: string, init: RequestInit, from = '10.0.0.1') => {
    const { headers, ...more } = init
    const answer = await fetch(city.system.httpUrl + path, {
      method: 'POST',
      headers: { 'x-forwarded-for': from, ...(headers as Record<string, string>) },
      ...more
    })
    return { status: answer.status, body: (await answer.json()) as T & Problem }
  }
  const upload = async (bytes: Buffer, from?: string) => {
    const form = new FormData()
    form.append('file', new Blob([new Uint8Array(bytes)]), 'photo.jpg')
    return send<PublicUpload>('/api/reports/photos', { body: form }, from)
  }
  const report = (bin: string, photos: unknown, key = `k-${bin}`) =>
    send<FollowedReport>('/api/reports', {
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ kind: 'overflow', facility: bin, photos })
    })
  const ticketOf = async (bin: string) => {
    const { items } = await city.get<{ items: TicketSummary[] }>(`/api/tickets?facility=${bin}`)
    return city.get<TicketDetail>(`/api/tickets/${items.find(({ kind }) => kind === 'overflow')?.id}`)
  }

  it('come with a report, without place and device, and only who is signed in sees them', async () => {
    const [a, b] = [await upload(await phonePhoto(10)), await upload(await phonePhoto(20))]
    expect(a).toMatchObject({
      status: 200,
      body: { expiresAt: new Date(START + hours(1) + 60_000).toISOString() }
    })
    expect(Object.keys(a.body).sort()).toEqual(['expiresAt', 'id'])
    const sent = await report('bin-1', [a.body.id, b.body.id])
    expect(sent.status).toBe(200)
    expect(JSON.stringify(sent.body)).not.toMatch(/photo|[0-9a-f]{64}/)

    const [photo, other] = (await ticketOf('bin-1')).reports[0]?.photos ?? []
    expect(other).not.toBe(photo)
    const path = `${city.system.httpUrl}/api/attachments/${photo}`
    expect((await fetch(path)).status).toBe(401)
    const token = await city.system.people.createToken('admin', 'bearer')
    const seen = await fetch(path, { headers: { authorization: `Bearer ${token}` } })
    const bytes = Buffer.from(await seen.arrayBuffer())
    expect(await sharp(bytes).metadata()).toMatchObject({ format: 'jpeg', width: 300, height: 400 })
    expect((await sharp(bytes).metadata()).exif).toBeUndefined()

    // The answer was lost, and the program stopped meanwhile: the same report, not a second one.
    await city.restart()
    expect((await report('bin-1', [a.body.id, b.body.id])).body.code).toBe(sent.body.code)
    // Nobody else can attach what this report has.
    expect((await report('bin-2', [a.body.id])).body).toMatchObject({
      status: 400,
      detail: /not known any more/
    })
  })

  it('are of use for an hour, three at most, by the name they got and no other', async () => {
    const { id } = (await upload(await phonePhoto(30))).body
    const mine = (await ticketOf('bin-1')).reports[0]?.photos[0] ?? ''
    expect(mine).toMatch(/^[0-9a-f]{64}$/)
    for (const photos of [[mine], ['A'.repeat(22)], [id, 'B'.repeat(22)], [id, id], Array(4).fill(id)])
      expect([photos, (await report('bin-2', photos, 'k-x')).status]).toEqual([photos, 400])
    // What was refused as a whole took nothing.
    expect((await report('bin-2', [id])).status).toBe(200)

    const late = (await upload(await phonePhoto(40))).body.id
    await city.pass(minutes(61))
    expect((await report('bin-3', [late])).body.status).toBe(400)
  })

  it('are photos, and few from one address', async () => {
    expect((await upload(Buffer.from('<svg/>'), '10.0.0.2')).body).toMatchObject({ code: 'not-a-photo' })
    const bare = () => send<object>('/api/reports/photos', {}, '10.0.0.3')
    const answers = await Promise.all(Array.from({ length: 31 }, bare))
    expect(answers.map(({ status }) => status).filter(status => status === 429)).toHaveLength(1)
    expect((await upload(await phonePhoto(50), '10.0.0.4')).status).toBe(200)
  })
})

describe('the room for photos of who has no account', () => {
  it('is closed with the page that asks for them', async () => {
    const server = await runningServer()
    try {
      const answer = await server.app.inject({ method: 'POST', url: '/api/reports/photos' })
      expect(answer.json()).toMatchObject({ status: 404 })
    } finally {
      await server.close()
    }
  })

  it('is for so many a day, and a quarter of all room', async () => {
    const server = await runningServer({ maxAttachmentBytes: 7000 })
    try {
      const { db, attachments } = server
      const uploads = (aDay: number) => publicUploadsOf({ db, attachments, clock: systemClock, aDay })
      await uploads(1).refuseOver()
      await uploads(1).keep(await readPhoto(await phonePhoto(60)))
      await expect(uploads(1).refuseOver()).rejects.toMatchObject({ code: 'too-many-requests' })
      await uploads(9).refuseOver()
      for (const shade of [61, 62, 63]) await uploads(9).keep(await readPhoto(await phonePhoto(shade)))
      expect(attachments.usage().bytes).toBeGreaterThan(1750)
      await expect(uploads(9).refuseOver()).rejects.toMatchObject({ code: 'attachments-full' })
      // The crews have theirs.
      const crews = await readPhoto(await phonePhoto(64))
      expect(await attachments.keep(crews, { who: 'li', at: systemClock.now() })).toMatchObject({ who: 'li' })
    } finally {
      await server.close()
    }
  })
})
