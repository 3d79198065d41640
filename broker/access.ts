import { parseTopic, TOPIC_LEAVES, type TopicLeaf } from '#model/topics'
import type { Refusal } from './refusal.ts'

export interface Identity {
  deviceId: string
  gatewayFor: (childId: string) => boolean
}

export interface Publication {
  topic: string
  retain: boolean
  qos: 0 | 1 | 2
}

const owns = ({ deviceId, gatewayFor }: Identity, id: string) => id === deviceId || gatewayFor(id)

/**
 * Which leaf of whose branch a device may publish to, or why not. Retained is the device's own status alone.
 * QoS 2 is refused: readings are deduplicated by device, metric and time, so its handshake and its store buy nothing.
 */
export function mayPublish(
  identity: Identity,
  { topic, retain, qos }: Publication
): { deviceId: string; leaf: TopicLeaf } | { refused: Refusal } {
  const target = parseTopic(topic)
  if (!target || !TOPIC_LEAVES[target.leaf].devicePublishes || !owns(identity, target.deviceId))
    return { refused: 'topic' }
  if (retain && !(TOPIC_LEAVES[target.leaf].retain && target.deviceId === identity.deviceId))
    return { refused: 'retain' }
  if (qos === 2) return { refused: 'qos-2' }
  return target
}

/** A device hears its own commands, a gateway its children's too; wildcards, `$SYS` and `$share` are no topics of ours. */
export function maySubscribe(identity: Identity, filter: string): boolean {
  const target = parseTopic(filter)
  return target !== undefined && TOPIC_LEAVES[target.leaf].deviceSubscribes && owns(identity, target.deviceId)
}
