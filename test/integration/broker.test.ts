import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { topicOf } from '#model/topics'
import { brokerFixture, connectPacket, type BrokerFixture } from '#test/fixtures/broker'
import mqttPacket from 'mqtt-packet'

let fixture: BrokerFixture
beforeEach(async () => {
  fixture = await brokerFixture()
})
afterEach(() => fixture.close())

const texts = async () =>
  (await fixture.recorded()).map(r => `${r.kind} ${r.deviceId} ${Buffer.from(r.payload).toString()}`)
const telemetry = topicOf('bin-1', 'telemetry')

describe('a device', () => {
  it('has its telemetry and status in the journal once they are acknowledged', async () => {
    const device = await fixture.device('bin-1')
    await device.publishAsync(telemetry, '{"values":{"fillPct":80}}', { qos: 1 })
    await device.publishAsync(topicOf('bin-1', 'status'), 'online', { qos: 1, retain: true })
    expect(await texts()).toEqual(['telemetry bin-1 {"values":{"fillPct":80}}', 'status bin-1 online'])
  })

  it('may send at QoS 0: recorded, without an answer', async () => {
    const device = await fixture.device('bin-1')
    await device.publishAsync(telemetry, 'qos 0', { qos: 0 })
    await expect.poll(texts).toEqual(['telemetry bin-1 qos 0'])
  })

  it('hears its own commands and answers them', async () => {
    const device = await fixture.device('bin-1')
    await device.subscribeAsync(topicOf('bin-1', 'command'))
    const heard = new Promise(resolve =>
      device.once('message', (topic, payload) => resolve(`${topic} ${payload.toString()}`))
    )
    fixture.broker.publishCommand('bin-1', 'compact')
    expect(await heard).toBe('mj/v1/bin-1/command compact')
    await device.publishAsync(topicOf('bin-1', 'reply'), 'done', { qos: 1 })
    expect(await texts()).toEqual([])
  })

  it('that vanishes leaves its last will in the journal, one that says goodbye does not', async () => {
    const will = {
      topic: topicOf('bin-1', 'status'),
      payload: Buffer.from('offline'),
      qos: 1 as const,
      retain: true
    }
    const polite = await fixture.device('bin-1', { will })
    await polite.endAsync()
    const raw = await fixture.raw()
    await raw.connect('bin-1', { will })
    raw.socket.destroy()
    await expect.poll(texts).toEqual(['status bin-1 offline'])
  })

  it('connecting again takes over its earlier connection', async () => {
    const first = await fixture.raw()
    await first.connect('bin-1')
    const second = await fixture.device('bin-1')
    await first.closed()
    await second.publishAsync(telemetry, 'still here', { qos: 1 })
    expect(await texts()).toEqual(['telemetry bin-1 still here'])
  })

  it('is told that no session was kept', async () => {
    for (let i = 0; i < 2; i++) {
      const raw = await fixture.raw()
      expect(await raw.connect('bin-1', { clean: false })).toMatchObject({
        returnCode: 0,
        sessionPresent: false
      })
      raw.send({
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: [{ topic: topicOf('bin-1', 'command'), qos: 1 }]
      })
      await raw.packet('suback')
      raw.socket.destroy()
    }
  })
})

it('what comes in one piece with other packets is recorded and acknowledged in its order, however it is cut', async () => {
  const publish = (payload: string, messageId: number, more: object = {}) =>
    mqttPacket.generate({
      cmd: 'publish',
      topic: telemetry,
      payload,
      qos: 1,
      messageId,
      dup: false,
      retain: false,
      ...more
    })
  const piece = Buffer.concat([
    publish('first', 1),
    mqttPacket.generate({ cmd: 'pingreq' }),
    publish('second', 2),
    publish('third', 3, { topic: topicOf('bin-1', 'reply') }),
    publish('fourth', 4)
  ])
  for (const size of [piece.length, 5, 33]) {
    const raw = await fixture.raw()
    await raw.connect('bin-1')
    raw.socket.setNoDelay(true)
    for (let at = 0; at < piece.length; at += size) {
      raw.send(piece.subarray(at, at + size))
      await new Promise(resolve => setTimeout(resolve, 2))
    }
    await expect.poll(() => raw.acks()).toEqual([1, 2, 3, 4])
    raw.socket.destroy()
  }
  const once = ['telemetry bin-1 first', 'telemetry bin-1 second', 'telemetry bin-1 fourth']
  expect(await texts()).toEqual([...once, ...once, ...once])
})

it('nothing behind a refused message is recorded', async () => {
  const raw = await fixture.raw()
  await raw.connect('bin-1')
  const publish = (topic: string, messageId: number) =>
    mqttPacket.generate({
      cmd: 'publish',
      topic,
      payload: `${messageId}`,
      qos: 1,
      messageId,
      dup: false,
      retain: false
    })
  raw.send(
    Buffer.concat([publish(telemetry, 1), publish(topicOf('bin-2', 'telemetry'), 2), publish(telemetry, 3)])
  )
  await raw.closed()
  expect(fixture.metrics.refused.topic).toBe(1)
  await expect.poll(texts).toEqual(['telemetry bin-1 1'])
})

describe('a gateway', () => {
  it('speaks and listens for its own children only', async () => {
    const gateway = await fixture.device('gw-1')
    await gateway.publishAsync(topicOf('child-7', 'telemetry'), 'of a child', { qos: 1 })
    await gateway.publishAsync(topicOf('gw-1', 'telemetry'), 'its own', { qos: 1 })
    expect(await texts()).toEqual(['telemetry child-7 of a child', 'telemetry gw-1 its own'])
    const raw = await fixture.raw()
    await raw.connect('gw-1')
    raw.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: ['child-7', 'gw-1', 'bin-1'].map(id => ({
        topic: topicOf(id, 'command'),
        qos: 0 as const
      }))
    })
    expect((await raw.packet('suback')).granted).toEqual([0, 0, 128])
    raw.publish(telemetry, 'of another')
    await raw.closed()
    expect(fixture.metrics.refused.topic).toBe(1)
    expect(await texts()).toHaveLength(2)
  })
})

describe('connecting is refused', () => {
  it.each([
    [
      'with a wrong secret',
      connectPacket('bin-1', { password: Buffer.from('guess') }),
      4,
      'wrong-credentials'
    ],
    ['without a password', connectPacket('bin-1', { password: undefined }), 4, 'wrong-credentials'],
    [
      'without a user name',
      connectPacket('bin-1', { username: undefined, password: undefined }),
      2,
      'client-id'
    ],
    ['as another than the user name says', connectPacket('bin-1', { username: 'bin-2' }), 2, 'client-id'],
    ['with a client id that is no device id', connectPacket('bin/1'), 2, 'client-id'],
    ['with an empty client id', connectPacket('', { username: 'bin-1' }), 2, 'client-id'],
    ['with an empty client id and user name', connectPacket('', { username: '' }), 2, 'client-id'],
    [
      'with a will in the name of another',
      connectPacket('bin-1', {
        will: { topic: topicOf('bin-2', 'status'), payload: Buffer.from('x'), qos: 1 }
      }),
      5,
      'will'
    ],
    [
      'with a will on a wildcard',
      connectPacket('bin-1', { will: { topic: 'mj/v1/+/status', payload: Buffer.from('x'), qos: 1 } }),
      5,
      'will'
    ],
    ['without a keepalive', connectPacket('bin-1', { keepalive: 0 }), 6, 'keepalive']
  ] as const)('%s', async (_, packet, returnCode, reason) => {
    const raw = await fixture.raw()
    raw.send(packet)
    expect((await raw.packet('connack')).returnCode).toBe(returnCode)
    await raw.closed()
    expect(fixture.metrics.refused[reason]).toBe(1)
    await expect.poll(() => fixture.metrics.connections).toBe(0)
  })

  it('with MQTT 5, by return code 1', async () => {
    const raw = await fixture.raw()
    raw.send(
      mqttPacket.generate({ ...connectPacket('bin-1'), protocolVersion: 5 } as mqttPacket.Packet, {
        protocolVersion: 5
      })
    )
    expect((await raw.packet('connack')).returnCode).toBe(1)
    await raw.closed()
    expect(fixture.metrics.refused['protocol-version']).toBe(1)
  })

  it('when the credentials cannot be checked', async () => {
    const away = await brokerFixture({ credentials: { check: () => Promise.reject(new Error('away')) } })
    await expect(away.device('bin-1')).rejects.toThrow(/Not authorized/)
    await away.close()
  })

  it('when there are too many, saying the server is unavailable', async () => {
    const small = await brokerFixture({ limits: { connections: 1 } })
    await small.device('bin-1')
    const raw = await small.raw()
    expect((await raw.packet('connack')).returnCode).toBe(3)
    await raw.closed()
    expect(small.metrics.refused['too-many-connections']).toBe(1)
    await small.close()
  })
})

describe('publishing is refused by closing the connection', () => {
  it.each([
    ['to the topic of another', topicOf('bin-2', 'telemetry'), {}, 'topic'],
    ['to its own command topic', topicOf('bin-1', 'command'), {}, 'topic'],
    ['to $SYS', '$SYS/broker/x', {}, 'topic'],
    ['outside the tree', 'anything', {}, 'topic'],
    ['below its own topic', `${telemetry}/deeper`, {}, 'topic'],
    ['with broken UTF-8 in the topic', 'mj/v1/bin-1\uFFFD/telemetry', {}, 'topic'],
    ['retained, elsewhere than its status', telemetry, { retain: true }, 'retain'],
    ['with QoS 2', telemetry, { qos: 2 }, 'qos-2']
  ] as const)('%s', async (_, topic, more, reason) => {
    const other = await fixture.device('bin-9')
    const raw = await fixture.raw()
    await raw.connect('bin-1')
    raw.publish(topic, 'x', more)
    await raw.closed()
    expect(raw.acks()).toEqual([])
    expect(fixture.metrics.refused[reason]).toBe(1)
    expect(await texts()).toEqual([])
    await other.publishAsync(topicOf('bin-9', 'telemetry'), 'unharmed', { qos: 1 })
  })

  it('with invalid bytes in the topic', async () => {
    const raw = await fixture.raw()
    await raw.connect('bin-1')
    const topic = Buffer.from('mj/v1/bin-1/telemetr\xff', 'latin1')
    raw.send(Buffer.concat([Buffer.from([0x30, topic.length + 2, 0, topic.length]), topic]))
    await raw.closed()
    expect(await texts()).toEqual([])
  })
})

it.each([
  'mj/v1/+/telemetry',
  '#',
  '$SYS/#',
  `$share/all/${topicOf('bin-1', 'command')}`,
  topicOf('bin-2', 'command'),
  telemetry
])('a subscription to %s is answered with failure and hears nothing', async filter => {
  const raw = await fixture.raw()
  await raw.connect('bin-1')
  raw.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: filter, qos: 1 }] })
  expect((await raw.packet('suback')).granted).toEqual([128])
  const other = await fixture.device('bin-2')
  await other.publishAsync(topicOf('bin-2', 'telemetry'), 'private', { qos: 1 })
  fixture.broker.publishCommand('bin-2', 'private')
  await other.endAsync()
  expect(raw.received.filter(p => p.cmd === 'publish')).toEqual([])
  expect(fixture.metrics.refused.subscription).toBe(1)
})
