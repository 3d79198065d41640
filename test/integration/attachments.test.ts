import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attachmentPath, fileAttachments } from '#db/attachments'
import { submitChange } from '#db/changes'
import { databaseOn } from '#db/database'
import { migrateDatabase } from '#db/migrate'
import { readPhoto } from '#db/photo'
import type { AttachmentItem } from '#model/attachment-shapes'
import { days, hours, systemClock } from '#model/time'
import { freshDatabase, type TestDatabase } from '#test/fixtures/database'
import { form, phonePhoto } from '#test/fixtures/photos'
import { runningServer, type RunningServer } from '#test/fixtures/running-server'

const filesIn = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter(name => /\.(jpg|part)$/.test(name))

describe('a photo that comes in', () => {
  let server: RunningServer
  let admin: { authorization: string }
  beforeAll(async () => {
    server = await runningServer({ maxAttachmentBytes: 200_000 })
    admin = await server.bearer()
  })
  afterAll(async () => {
    await server.close()
    expect(
      server.errors.map(error => JSON.stringify(error)).filter(text => !text.includes('attachments-full'))
    ).toEqual([])
  })

  const send = (bytes: Buffer, name?: string, type?: string) => {
    const { headers, payload } = form(bytes, name, type)
    return server.app.inject({
      method: 'POST',
      url: '/api/attachments',
      headers: { ...admin, ...headers },
      payload
    })
  }
  const get = (id: string, headers: object = admin) =>
    server.app.inject({ url: `/api/attachments/${id}`, headers: { ...headers } })

  it('is kept upright as a JPEG, without where, when and by what it was taken', async () => {
    const photo = await phonePhoto()
    expect((await sharp(photo).metadata()).exif?.includes('Secretphone')).toBe(true)
    const answer = await send(photo)
    expect(answer.json()).toMatchObject({ who: 'admin', type: 'image/jpeg', width: 300, height: 400 })
    const { id, bytes } = answer.json<AttachmentItem>()

    const shown = await get(id)
    expect(createHash('sha256').update(shown.rawPayload).digest('hex')).toBe(id)
    expect(shown.rawPayload.length).toBe(bytes)
    const kept = await sharp(shown.rawPayload).metadata()
    expect(kept).toMatchObject({ format: 'jpeg', width: 300, height: 400 })
    expect([kept.exif, kept.xmp, kept.iptc, kept.orientation]).toEqual(Array(4).fill(undefined))
    expect(shown.rawPayload.includes('Secretphone') || shown.rawPayload.includes('Exif')).toBe(false)
  })

  it('is shown only to who is signed in, and never as anything but a picture', async () => {
    const { id } = (await send(await phonePhoto(10))).json<AttachmentItem>()
    expect((await get(id, {})).statusCode).toBe(401)
    const { headers } = await get(id)
    expect(headers).toMatchObject({
      'content-type': 'image/jpeg',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
      'cross-origin-resource-policy': 'same-origin'
    })
    expect(headers['cache-control']).toContain('private')
    expect((await get('0'.repeat(64))).json()).toMatchObject({ code: 'not-found' })
    expect((await get('..%2F..%2Fetc%2Fpasswd')).json()).toMatchObject({ code: 'bad-request' })
  })

  it('is the same attachment when it comes again', async () => {
    const photo = await phonePhoto(20)
    const first = (await send(photo)).json<AttachmentItem>()
    const { bytes } = server.attachments.usage()
    const { at: _, ...same } = first
    expect((await send(photo, 'other-name.png')).json()).toMatchObject(same)
    expect(server.attachments.usage().bytes).toBe(bytes)
  })

  it('is made smaller, and may be PNG, WebP or AVIF, whatever it is called', async () => {
    const wide = sharp({
      create: { width: 5000, height: 100, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } }
    })
    for (const format of ['png', 'webp', 'avif'] as const) {
      const answer = await send(await wide.clone().toFormat(format).toBuffer(), 'x.jpg')
      expect([format, answer.json()]).toMatchObject([format, { type: 'image/jpeg', width: 2048 }])
    }
  })

  it.each([
    ['HTML', Buffer.from('<html><script>alert(1)</script></html>')],
    [
      'SVG',
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>1</script></svg>')
    ],
    ['a zip', Buffer.concat([Buffer.from('PK\x03\x04'), randomBytes(500)])],
    ['gzip', gzipSync('x'.repeat(1000))],
    ['PDF', Buffer.from('%PDF-1.7\n1 0 obj\n<<>>\nendobj\n')],
    ['TIFF', Buffer.from('49492a0008000000', 'hex')],
    ['nothing', Buffer.alloc(0)],
    ['noise', randomBytes(2000)]
  ])('is refused when it is %s called photo.jpg', async (_what, bytes) => {
    expect((await send(bytes)).json()).toMatchObject({ status: 415, code: 'not-a-photo' })
  })

  it('is refused when it is an animation or a drawing that other readers would open', async () => {
    const gif = await sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
      .gif()
      .toBuffer()
    const tiff = await sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
      .tiff()
      .toBuffer()
    for (const bytes of [gif, tiff]) expect((await send(bytes)).json()).toMatchObject({ code: 'not-a-photo' })
  })

  it('is refused when it is cut short, too large, or has too many pixels for its size', async () => {
    const photo = await phonePhoto()
    expect((await send(photo.subarray(0, photo.length - 200))).json()).toMatchObject({ code: 'not-a-photo' })
    expect((await send(randomBytes(10 * 1024 * 1024 + 1))).json()).toMatchObject({
      status: 413,
      code: 'too-large'
    })
    const bomb = await sharp({ create: { width: 12_000, height: 12_000, channels: 3, background: 'red' } })
      .png()
      .toBuffer()
    expect(bomb.length).toBeLessThan(2_000_000)
    expect((await send(bomb)).json()).toMatchObject({ code: 'not-a-photo' })
  })

  it('is one file in a form, nothing else', async () => {
    const plain = await server.app.inject({
      method: 'POST',
      url: '/api/attachments',
      headers: admin,
      payload: { a: 1 }
    })
    expect(plain.json()).toMatchObject({ code: 'bad-request' })
    const empty = await server.app.inject({
      method: 'POST',
      url: '/api/attachments',
      headers: { ...admin, 'content-type': 'multipart/form-data; boundary=x' },
      payload: '--x--\r\n'
    })
    expect(empty.json<{ status: number }>().status).toBe(400)
  })

  it('finds no room when the photos take what they may, and says so', async () => {
    const noisy = await sharp(randomBytes(500 * 400 * 3), { raw: { width: 500, height: 400, channels: 3 } })
      .png()
      .toBuffer()
    const answers = [await send(noisy)]
    const second = await sharp(randomBytes(500 * 400 * 3), { raw: { width: 500, height: 400, channels: 3 } })
      .png()
      .toBuffer()
    answers.push(await send(second))
    expect(answers.map(answer => answer.statusCode)).toEqual([200, 507])
    expect(answers[1]?.json()).toMatchObject({ code: 'attachments-full' })
    const { bytes, maxBytes } = server.attachments.usage()
    expect(bytes).toBeLessThanOrEqual(maxBytes)
  })
})

describe('what is kept of photos', () => {
  let database: TestDatabase
  let dir: string
  beforeAll(async () => {
    database = await freshDatabase()
    await migrateDatabase(database.pool)
    dir = mkdtempSync(join(tmpdir(), 'mingjie-photos-'))
  })
  afterAll(async () => {
    await database.drop()
    rmSync(dir, { recursive: true })
  })
  const kept = async (shade: number, at: number) => {
    const attachments = await fileAttachments({ db: databaseOn(database.pool), dir, clock: systemClock })
    const item = await attachments.keep(await readPhoto(await phonePhoto(shade)), { who: 'li', at })
    await attachments.close()
    return item
  }

  it('are files with a row; after a week those that no change names are gone, the others stay for good', async () => {
    const week = Date.now() - days(8)
    const [named, unnamed, young] = [await kept(50, week), await kept(100, week), await kept(150, Date.now())]
    const again = await kept(200, week)
    expect((await kept(200, Date.now())).id).toBe(again.id)
    await submitChange(databaseOn(database.pool), {
      subject: 'ticket:t',
      body: {
        kind: 'ticket-action',
        ticket: 't',
        action: 'comment',
        note: `photo ${named.id}`,
        claimedAt: null,
        quietUntil: null
      },
      who: 'li',
      why: null,
      requestedAt: week
    })
    const attachments = await fileAttachments({ db: databaseOn(database.pool), dir, clock: systemClock })
    const before = attachments.usage().bytes
    expect(await attachments.tidy()).toBe(1)
    expect(attachments.usage().bytes).toBe(before - unnamed.bytes)
    await database.pool.query('delete from changes')
    expect(await attachments.tidy()).toBe(0)
    await attachments.close()
    expect(filesIn(dir).sort()).toEqual(
      [named.id, young.id, again.id].map(id => attachmentPath('', id)).sort()
    )
  })

  it('leave nothing broken when the process is killed between file and row: the file goes later, and the photo can come again', async () => {
    const before = filesIn(dir).length
    const photo = await readPhoto(await phonePhoto(77))
    const id = createHash('sha256').update(photo.bytes).digest('hex')
    writeFileSync(join(dir, 'photo'), photo.bytes)
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', 'test/fixtures/photo-process.ts', database.url, dir, join(dir, 'photo')],
      { stdio: ['ignore', 'pipe', 'inherit'] }
    )
    await new Promise(resolve => child.stdout.once('data', resolve))
    child.kill('SIGKILL')
    await new Promise(resolve => child.once('exit', resolve))
    rmSync(join(dir, 'photo'))
    expect(filesIn(dir)).toHaveLength(before + 1)

    const attachments = await fileAttachments({ db: databaseOn(database.pool), dir, clock: systemClock })
    await expect(attachments.open(id)).rejects.toMatchObject({ code: 'not-found' })
    expect(await attachments.tidy()).toBe(0)
    const old = new Date(Date.now() - hours(2))
    mkdirSync(join(dir, 'aa'), { recursive: true })
    const half = join(dir, 'aa', 'half-written.part')
    writeFileSync(half, 'half')
    for (const path of [attachmentPath(dir, id), half]) utimesSync(path, old, old)
    expect(await attachments.tidy()).toBe(2)
    expect(filesIn(dir)).toHaveLength(before)
    expect(await attachments.keep(photo, { who: 'li', at: 1 })).toMatchObject({ id, who: 'li' })
    expect((await attachments.open(id)).item.id).toBe(id)
    await attachments.close()
  })
})
