import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { afterEach, describe, expect, it } from 'vitest'
import mqttPacket from 'mqtt-packet'
import type { BrokerLimits } from '#broker/limits'
import { topicOf } from '#model/topics'
import { brokerFixture, connectPacket, type BrokerFixture } from '#test/fixtures/broker'

let fixture: BrokerFixture
const start = async (limits: Partial<BrokerLimits> = {}) => (fixture = await brokerFixture({ limits }))
afterEach(() => fixture.close())

const telemetry = topicOf('bin-1', 'telemetry')
const payloads = async () => (await fixture.recorded()).map(r => Buffer.from(r.payload).toString())
const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

describe('packets', () => {
  it('larger than a CONNECT may be are refused before authentication, unread', async () => {
    await start()
    const raw = await fixture.raw()
    raw.send(Buffer.concat([Buffer.from([0x10, 0x80, 0x80, 0x80, 0x10]), Buffer.alloc(10_000)]))
    await raw.closed()
    expect(fixture.metrics.refused['packet-too-large']).toBe(1)
  })

  it('larger than 256 KB are refused after it, when their header is read', async () => {
    await start()
    const raw = await fixture.raw()
    await raw.connect('bin-1')
    raw.publish(telemetry, Buffer.alloc(200 * 1024))
    await raw.packet('puback')
    raw.publish(telemetry, Buffer.alloc(256 * 1024))
    await raw.closed()
    expect(fixture.metrics.refused['packet-too-large']).toBe(1)
    expect(fixture.journal.head()).toBe(1)
  })

  it('that are no MQTT end the connection', async () => {
    await start()
    for (const bytes of [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x01])
    ]) {
      const raw = await fixture.raw()
      raw.send(bytes)
      await raw.closed()
    }
    const late = await fixture.raw()
    await late.connect('bin-1')
    late.send(Buffer.from([0xf7, 0x00, 0x13, 0x37]))
    await late.closed()
    expect(fixture.metrics.refused.malformed).toBe(3)
  })

  it('sent right behind the CONNECT wait for its answer, however they are cut', async () => {
    await start()
    const stream = Buffer.concat(
      [
        connectPacket('bin-1'),
        ...[1, 2, 3].map(id => ({
          cmd: 'publish' as const,
          topic: telemetry,
          payload: 'x'.repeat(id * 3000),
          qos: 1 as const,
          messageId: id,
          dup: false,
          retain: false
        }))
      ].map(packet => mqttPacket.generate(packet))
    )
    for (const size of [1, 7, 4000, stream.length]) {
      const raw = await fixture.raw()
      raw.socket.setNoDelay(true)
      for (let at = 0; at < stream.length; at += size) {
        raw.send(stream.subarray(at, at + size))
        if (at % 997 === 0) await pause(0)
      }
      await expect.poll(() => raw.acks()).toEqual([1, 2, 3])
      raw.socket.destroy()
    }
  })

  it('that never come are not waited for', async () => {
    await start({ connectTimeoutMs: 50 })
    const raw = await fixture.raw()
    await raw.closed()
    expect(fixture.metrics.refused['connect-timeout']).toBe(1)
  })
})

it('a device that does not read its commands is closed', async () => {
  await start({ unreadBytes: 100_000 })
  const raw = await fixture.raw()
  await raw.connect('bin-1')
  raw.send({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [{ topic: topicOf('bin-1', 'command'), qos: 0 }]
  })
  await raw.packet('suback')
  raw.socket.pause()
  for (let i = 0; i < 200 && fixture.metrics.connections > 0; i++) {
    fixture.broker.publishCommand('bin-1', Buffer.alloc(100_000))
    await pause(1)
  }
  expect(fixture.metrics.refused['slow-reader']).toBe(1)
  expect(fixture.broker.isConnected('bin-1')).toBe(false)
})

it('a device that does not read its acknowledgements is read no further, and closed', async () => {
  await start({ drainTimeoutMs: 200, messagesPerSecond: 1e6, bytesPerSecond: 1e9 })
  const raw = await fixture.raw()
  await raw.connect('bin-1')
  raw.socket.pause()
  const burst = Buffer.concat(
    Array.from({ length: 2000 }, (_, i) =>
      mqttPacket.generate({
        cmd: 'publish',
        topic: telemetry,
        payload: '',
        qos: 1,
        messageId: i + 1,
        dup: false,
        retain: false
      })
    )
  )
  for (let i = 0; i < 2000 && fixture.metrics.connections > 0; i++) {
    if (!raw.send(burst)) await Promise.race([pause(20), raw.closed()])
  }
  await expect.poll(() => fixture.metrics.refused['slow-reader']).toBe(1)
})

describe('a device faster than its rate', () => {
  it('is read more slowly, loses nothing, and slows nobody else', async () => {
    await start({ messagesPerSecond: 40, burstMs: 200 })
    const [fast, other] = [await fixture.device('bin-1'), await fixture.device('bin-2')]
    const began = performance.now()
    let answered = 0
    const sending = Promise.all(
      Array.from({ length: 80 }, (_, i) =>
        fast.publishAsync(telemetry, `${i}`, { qos: 1 }).then(() => answered++)
      )
    )
    await other.publishAsync(topicOf('bin-2', 'telemetry'), 'other', { qos: 1 })
    expect(answered).toBeLessThan(80)
    await expect.poll(() => fixture.metrics.pausedSockets).toBe(1)
    await sending
    // 8 at once, the others at 40 a second: no sooner than this.
    expect(performance.now() - began).toBeGreaterThan(1350)
    expect((await payloads()).filter(p => p !== 'other')).toEqual(
      Array.from({ length: 80 }, (_, i) => `${i}`)
    )
    await expect.poll(() => fixture.metrics.pausedSockets).toBe(0)
  })

  it('loses nothing either when it hangs up at once', async () => {
    await start({ messagesPerSecond: 200, burstMs: 50 })
    const raw = await fixture.raw()
    await raw.connect('bin-1')
    for (let i = 0; i < 60; i++) raw.publish(telemetry, `${i}`, { qos: 0, messageId: undefined })
    raw.socket.end()
    await expect.poll(payloads).toHaveLength(60)
  })
})

it('all of it holds over TLS too', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'mingjie-tls-'))
  const file = (name: string) => join(dir, name)
  const ask = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost']
  execFileSync('openssl', [...ask, '-keyout', file('key'), '-out', file('cert')], { stdio: 'ignore' })
  const tls = { port: 0, key: readFileSync(file('key')), cert: readFileSync(file('cert')) }
  await rm(dir, { recursive: true })
  fixture = await brokerFixture({
    listen: { host: '127.0.0.1', port: 0, tls },
    limits: { messagesPerSecond: 200, burstMs: 50 }
  })
  const url = `mqtts://127.0.0.1:${fixture.broker.address.tlsPort}`
  const login = { clientId: 'bin-1', username: 'bin-1', password: 'secret', rejectUnauthorized: false }
  const device = await mqtt.connectAsync(url, login)
  await Promise.all(Array.from({ length: 40 }, (_, i) => device.publishAsync(telemetry, `${i}`, { qos: 1 })))
  expect(await payloads()).toEqual(Array.from({ length: 40 }, (_, i) => `${i}`))
  device.on('error', () => {})
  device.publish(telemetry, Buffer.alloc(300_000), { qos: 1 })
  await expect.poll(() => fixture.metrics.refused['packet-too-large']).toBe(1)
  device.end(true)
})
