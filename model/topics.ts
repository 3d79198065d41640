import { isId } from './ids.ts'

/** `mj/v1/{deviceId}/{leaf}`: the whole topic tree. */
const TOPIC_ROOT = 'mj/v1'
const ROOT = `${TOPIC_ROOT}/`

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
  // Every message passes here: no list of its parts.
  if (!topic.startsWith(ROOT)) return undefined
  const idEnd = topic.indexOf('/', ROOT.length)
  const deviceId = topic.slice(ROOT.length, Math.max(idEnd, 0))
  const leaf = topic.slice(idEnd + 1)
  if (!isId(deviceId)) return undefined
  return Object.hasOwn(TOPIC_LEAVES, leaf) ? { deviceId, leaf: leaf as TopicLeaf } : undefined
}
