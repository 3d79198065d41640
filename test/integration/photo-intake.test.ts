import multipart from '@fastify/multipart'
import fastify from 'fastify'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import sharp from 'sharp'
import { afterEach, describe, expect, it } from 'vitest'
import { readPhoto } from '#db/photo'
import { fileOf, oneAtATime } from '#server/photo-intake'
import { answerProblems } from '#server/problems'
import { form } from '#test/fixtures/photos'
import { runningServer } from '#test/fixtures/running-server'

const log = { warn: () => {}, error: () => {} }
const open: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

/** A server that says how many bytes a photo has, if it is here within `withinMs`. */
async function intake(withinMs: number): Promise<number> {
  const app = fastify()
  open.push(app)
  answerProblems(app, log)
  await app.register(multipart)
  app.post('/', async (request, reply) => ({ bytes: (await fileOf(request, reply, withinMs)).length }))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}

/** Everything a server says to these bytes until it closes the connection; we never do. */
const saidTo = (port: number, ...parts: (string | Buffer)[]): Promise<string> =>
  new Promise((resolve, reject) => {
    let said = ''
    const socket = connect(port, '127.0.0.1')
    socket.on('data', bytes => (said += bytes.toString()))
    socket.on('error', reject)
    socket.on('close', () => resolve(said))
    for (const part of parts) socket.write(part)
  })

describe('a photo that comes in', () => {
  const { headers, payload } = form(Buffer.from('0123456789'))
  const head = (more = '') =>
    `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: ${headers['content-type']}\r\nContent-Length: ${payload.length}\r\n${more}\r\n`

  it('is read when all of it is here', async () => {
    const said = await saidTo(await intake(60_000), head('Connection: close\r\n'), payload)
    expect(said).toContain('{"bytes":10}')
  })

  it.each([
    ['nothing', 0],
    ['its head', 60],
    ['some of it', payload.length - 60]
  ])('is given up, and its connection closed, when %s came and then nothing more', async (_what, bytes) => {
    const said = await saidTo(await intake(100), head(), payload.subarray(0, bytes))
    expect(said).toContain('HTTP/1.1 429')
    expect(said).toContain('"code":"too-many-requests"')
  })

  it('has its turn after those that came before, and after all of staff', async () => {
    const inTurn = oneAtATime()
    const done: string[] = []
    let at = 0
    const work = (name: string) => async () => {
      expect(at++).toBe(0)
      await new Promise(resolve => setTimeout(resolve, 1))
      at--
      done.push(name)
      if (name.endsWith('!')) throw new Error(name)
    }
    await Promise.allSettled([
      inTurn('public', work('first')),
      inTurn('public', work('public')),
      inTurn('staff', work('staff!')),
      inTurn('public', work('last')),
      inTurn('staff', work('crew'))
    ])
    expect(done).toEqual(['first', 'staff!', 'crew', 'public', 'last'])
    await inTurn('public', work('later'))
    expect(done.at(-1)).toBe('later')
  })

  it('is refused as AVIF where it would take more memory than there is for it', async () => {
    const avif = (side: number) =>
      sharp({ create: { width: side, height: side, channels: 3, background: '#888' } })
        .avif({ effort: 0 })
        .toBuffer()
    await expect(readPhoto(await avif(4100))).rejects.toMatchObject({ code: 'not-a-photo' })
    expect(await readPhoto(await avif(400))).toMatchObject({ width: 400 })
  })
})

describe('what is no request', () => {
  it('is answered as a problem too', async () => {
    const server = await runningServer()
    open.push(server)
    await server.app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = server.app.server.address() as AddressInfo
    expect(server.app.server.requestTimeout).toBeGreaterThan(0)

    const garbage = await saidTo(port, 'what is this\r\n\r\n')
    expect(garbage).toContain('application/problem+json')
    expect(garbage).toContain('"code":"bad-request"')
    const huge = await saidTo(port, `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`)
    expect(huge).toContain('HTTP/1.1 413')
    expect(huge).toContain('"code":"too-large"')
    expect(server.errors).toEqual([])
  })
})
