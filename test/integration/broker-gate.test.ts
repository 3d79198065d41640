import { afterEach, describe, expect, it } from 'vitest'
import type { BrokerLimits } from '#broker/limits'
import { topicOf } from '#model/topics'
import { brokerFixture, type BrokerFixture, type RawClient } from '#test/fixtures/broker'

let fixture: BrokerFixture
const start = async (limits: Partial<BrokerLimits> = {}) =>
  (fixture = await brokerFixture({
    limits: { messagesPerSecond: Infinity, bytesPerSecond: Infinity, ...limits }
  }))
afterEach(() => fixture.close())

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
async function connected(id: string): Promise<RawClient> {
  const raw = await fixture.raw()
  await raw.connect(id)
  return raw
}
const publish = (
  raw: RawClient,
  id: string,
  messageId: number,
  payload: string | Buffer = `${id} ${messageId}`
) => raw.publish(topicOf(id, 'telemetry'), payload, { messageId })
const payloads = async () => (await fixture.recorded()).map(r => Buffer.from(r.payload).toString())

describe('while the journal is slow', () => {
  it('acknowledges nothing, and everything in order once it is on disk', async () => {
    await start()
    fixture.disk.hold()
    const [a, b] = [await connected('bin-1'), await connected('bin-2')]
    for (let i = 1; i <= 50; i++) {
      publish(a, 'bin-1', i)
      publish(b, 'bin-2', i)
    }
    await pause(100)
    expect([...a.acks(), ...b.acks()]).toEqual([])
    expect(fixture.journal.head()).toBe(0)
    fixture.disk.heal()
    const all = Array.from({ length: 50 }, (_, i) => i + 1)
    await expect.poll(() => [a.acks(), b.acks()]).toEqual([all, all])
    expect((await payloads()).filter(p => p.startsWith('bin-1'))).toEqual(all.map(i => `bin-1 ${i}`))
  })

  it('answers a reply only after what was sent before it', async () => {
    await start()
    fixture.disk.hold()
    const raw = await connected('bin-1')
    publish(raw, 'bin-1', 1)
    raw.publish(topicOf('bin-1', 'reply'), 'done', { messageId: 2 })
    await pause(50)
    expect(raw.acks()).toEqual([])
    fixture.disk.heal()
    await expect.poll(() => raw.acks()).toEqual([1, 2])
  })

  it('still answers pings, and takes new connections', async () => {
    await start()
    fixture.disk.hold()
    const raw = await connected('bin-1')
    for (let i = 1; i <= 5; i++) publish(raw, 'bin-1', i)
    raw.send({ cmd: 'pingreq' })
    await raw.packet('pingresp')
    await connected('bin-2')
  })
})

describe('while the journal fails', () => {
  it('holds the silence of those who wait against none of them', async () => {
    await start()
    fixture.disk.fail()
    const raw = await fixture.raw()
    await raw.connect('bin-1', { keepalive: 1 })
    for (let i = 1; i <= 5; i++) publish(raw, 'bin-1', i)
    await pause(2500)
    fixture.disk.heal()
    await expect.poll(() => raw.acks()).toEqual([1, 2, 3, 4, 5])
    // Now nothing of it waits, and it is silent.
    await raw.closed()
    expect(fixture.metrics.refused['keepalive-timeout']).toBe(1)
  })

  it('closes no connection, acknowledges nothing, and goes on by itself once the disk is well', async () => {
    await start()
    const [a, b] = [await connected('bin-1'), await connected('bin-2')]
    publish(a, 'bin-1', 1)
    await a.packet('puback')
    fixture.disk.fail()
    for (let i = 2; i <= 20; i++) publish(a, 'bin-1', i)
    await expect.poll(() => fixture.metrics.gateStalled).toBe(1)
    publish(b, 'bin-2', 1)
    await pause(600)
    expect([a.acks(), b.acks()]).toEqual([[1], []])
    fixture.disk.heal()
    await expect.poll(() => a.acks()).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    await expect.poll(() => b.acks()).toEqual([1])
    await expect.poll(() => fixture.metrics).toMatchObject({ gateStalled: 0, gateBytes: 0 })
    const found = (await payloads()).filter(p => p.startsWith('bin-1'))
    expect(found).toEqual(Array.from({ length: 20 }, (_, i) => `bin-1 ${i + 1}`))
  })
})

describe('what waits for the journal', () => {
  it('is bounded for one client: its socket is no longer read, others are', async () => {
    await start({ inFlightBytesPerClient: 100_000 })
    fixture.disk.hold()
    const [greedy, modest] = [await connected('bin-1'), await connected('bin-2')]
    for (let i = 1; i <= 100; i++) publish(greedy, 'bin-1', i, Buffer.alloc(20_000))
    await expect.poll(() => fixture.metrics.pausedSockets).toBe(1)
    publish(modest, 'bin-2', 1)
    await pause(50)
    // One read may carry it over the limit, by what a socket buffers.
    expect(fixture.metrics.gateBytes).toBeLessThan(400_000)
    fixture.disk.heal()
    await expect.poll(() => greedy.acks()).toHaveLength(100)
    await expect.poll(() => modest.acks()).toEqual([1])
    await expect.poll(() => fixture.metrics.pausedSockets).toBe(0)
  })

  it('is bounded for all together', async () => {
    await start({ inFlightBytes: 300_000 })
    fixture.disk.hold()
    const clients = await Promise.all(Array.from({ length: 20 }, (_, i) => connected(`bin-${i}`)))
    clients.forEach((raw, c) => {
      for (let i = 1; i <= 50; i++) publish(raw, `bin-${c}`, i, Buffer.alloc(5_000))
    })
    await pause(200)
    expect(fixture.metrics.gateBytes).toBeLessThan(500_000)
    fixture.disk.heal()
    const all = Array.from({ length: 50 }, (_, i) => i + 1)
    for (const raw of clients) await expect.poll(() => raw.acks()).toEqual(all)
    await expect.poll(() => fixture.metrics).toMatchObject({ pausedSockets: 0, gateBytes: 0 })
  })

  it('is in the journal when the broker has closed, and so are the last wills', async () => {
    await start()
    const raw = await fixture.raw()
    await raw.connect('bin-1', {
      will: { topic: topicOf('bin-1', 'status'), payload: Buffer.from('offline'), qos: 1 }
    })
    publish(raw, 'bin-1', 1)
    await raw.packet('puback')
    await fixture.broker.close()
    expect(await payloads()).toEqual(['bin-1 1', 'offline'])
  })
})
