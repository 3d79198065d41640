import { isId } from './ids.ts'

/** `mj/v1/{deviceId}/{leaf}`: the whole topic tree. */
export const TOPIC_ROOT = 'mj/v1'

/** Who may do what with each leaf of a device's own branch. Anything not listed is refused. */
export const TOPIC_LEAVES = {
  telemetry: { devicePublishes: true, deviceSubscribes: false, retain: false },
  status: { devicePublishes: true, deviceSubscribes: false, retain: true },
  reply: { devicePublishes: true, deviceSubscribes: false, retain: false },
  command: { devicePublishes: false, deviceSubscribes: true, retain: false }
} as const satisfies Record<string, { devicePublishes: boolean; deviceSubscribes: boolean; retain: boolean }>

export type TopicLeaf = keyof typeof TOPIC_LEAVES

export const topicOf = (deviceId: string, leaf: TopicLeaf): string => `${TOPIC_ROOT}/${deviceId}/${leaf}`

/** The device and leaf a topic names, or undefined for every other topic and for any wildcard. */
export function parseTopic(topic: string): { deviceId: string; leaf: TopicLeaf } | undefined {
  const [mj, version, deviceId, leaf, ...rest] = topic.split('/')
  if (`${mj}/${version}` !== TOPIC_ROOT || rest.length > 0) return undefined
  if (deviceId === undefined || leaf === undefined || !isId(deviceId)) return undefined
  return Object.hasOwn(TOPIC_LEAVES, leaf) ? { deviceId, leaf: leaf as TopicLeaf } : undefined
}
