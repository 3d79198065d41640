import { describe, expect, it } from 'vitest'
import { parseTopic, TOPIC_LEAVES, topicOf, type TopicLeaf } from '#model/topics'

describe('a topic', () => {
  it.each(Object.keys(TOPIC_LEAVES) as TopicLeaf[])(
    'of the %s leaf reads back as its device and leaf',
    leaf => {
      expect(parseTopic(topicOf('BIN-1', leaf))).toEqual({ deviceId: 'BIN-1', leaf })
    }
  )

  it('has the fixed form devices are configured with', () => {
    expect(topicOf('BIN-1', 'telemetry')).toBe('mj/v1/BIN-1/telemetry')
  })

  it.each([
    '',
    'mj/v1',
    'mj/v1/BIN-1',
    'mj/v2/BIN-1/telemetry',
    'MJ/v1/BIN-1/telemetry',
    '/mj/v1/BIN-1/telemetry',
    'mj/v1//telemetry',
    'mj/v1/BIN-1/telemetry/',
    'mj/v1/BIN-1/telemetry/more',
    'mj/v1/+/telemetry',
    'mj/v1/BIN-1/#',
    'mj/v1/BIN-1/toString',
    '$SYS/broker/uptime'
  ])('outside the tree is nobody’s: %j', topic => {
    expect(parseTopic(topic)).toBeUndefined()
  })

  it('lets a device publish or subscribe to each leaf, never both', () => {
    for (const leaf of Object.values(TOPIC_LEAVES)) expect(leaf.devicePublishes).toBe(!leaf.deviceSubscribes)
  })
})
