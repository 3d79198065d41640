import { describe, expect, it } from 'vitest'
import { mayPublish, maySubscribe, type Identity } from '#broker/access'
import { pace } from '#broker/pace'
import { DEFAULT_LIMITS } from '#broker/limits'
import { TOPIC_LEAVES, topicOf, type TopicLeaf } from '#model/topics'

const bin: Identity = { deviceId: 'bin-1', gatewayFor: () => false }
const gateway: Identity = { deviceId: 'gw-1', gatewayFor: id => id === 'bin-1' }
const leaves = Object.keys(TOPIC_LEAVES) as TopicLeaf[]
const matrix = (may: (identity: Identity, topic: string) => boolean) =>
  Object.fromEntries(
    leaves.map(leaf => [
      leaf,
      [
        [bin, 'bin-1'],
        [bin, 'bin-2'],
        [gateway, 'bin-1'],
        [gateway, 'gw-1'],
        [gateway, 'bin-2']
      ]
        .map(([identity, id]) => (may(identity as Identity, topicOf(id as string, leaf)) ? 'yes' : '-'))
        .join(' ')
    ])
  )

describe('access, as own / foreign / child of gateway / gateway itself / foreign to gateway', () => {
  it('to publish', () => {
    expect(matrix((who, topic) => !('refused' in mayPublish(who, { topic, retain: false, qos: 1 })))).toEqual(
      {
        telemetry: 'yes - yes yes -',
        status: 'yes - yes yes -',
        reply: 'yes - yes yes -',
        command: '- - - - -'
      }
    )
  })

  it('to publish retained: the own status alone', () => {
    expect(matrix((who, topic) => !('refused' in mayPublish(who, { topic, retain: true, qos: 1 })))).toEqual({
      telemetry: '- - - - -',
      status: 'yes - - yes -',
      reply: '- - - - -',
      command: '- - - - -'
    })
  })

  it('to subscribe', () => {
    expect(matrix(maySubscribe)).toEqual({
      telemetry: '- - - - -',
      status: '- - - - -',
      reply: '- - - - -',
      command: 'yes - yes yes -'
    })
  })
})

describe('pace', () => {
  const limits = { ...DEFAULT_LIMITS, messagesPerSecond: 10, bytesPerSecond: 1000, burstMs: 1000 }
  it('lets a burst pass, then one message each tenth of a second', () => {
    const rate = pace(limits)
    let passed = 0
    for (; rate.wait(0) === 0; passed++) rate.spend(1, 0)
    expect(passed).toBe(11)
    expect(rate.wait(0)).toBe(100)
    expect(rate.wait(100)).toBe(0)
  })

  it('counts bytes when they are the dearer', () => {
    const rate = pace(limits)
    rate.spend(3000, 0)
    expect(rate.wait(0)).toBe(2000)
  })

  it('never waits without a limit', () => {
    const rate = pace({ ...limits, messagesPerSecond: Infinity, bytesPerSecond: Infinity })
    for (let i = 0; i < 1000; i++) rate.spend(1e6, 0)
    expect(rate.wait(0)).toBe(0)
  })
})
