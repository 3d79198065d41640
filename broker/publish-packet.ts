import type { Publication } from './access.ts'

/** A PUBLISH as a device sent it. */
export interface PublishPacket extends Publication {
  /** Undefined at QoS 0. */
  messageId: number | undefined
  /** A view of the bytes it came in. */
  payload: Buffer
}

/** The first byte's upper half. */
export const PUBLISH = 3
const RETAIN_BIT = 1

/** Where a whole PUBLISH stands: its first byte, what follows its length, its end. */
export interface PacketPlace {
  at: number
  bodyAt: number
  end: number
}

/**
 * Reads a PUBLISH (MQTT 3.1.1, 3.3); undefined when it is malformed. A topic that is not ASCII is read wrong, and so is
 * none that a device may publish to (model/topics.ts).
 */
export function readPublish(bytes: Buffer, { at, bodyAt, end }: PacketPlace): PublishPacket | undefined {
  const first = bytes[at]!
  const qos = (first >> 1) & 3
  if (qos === 3 || end - bodyAt < 2) return undefined
  const topicAt = bodyAt + 2
  const topicEnd = topicAt + bytes.readUInt16BE(bodyAt)
  const payloadAt = qos === 0 ? topicEnd : topicEnd + 2
  if (payloadAt > end) return undefined
  return {
    topic: bytes.toString('latin1', topicAt, topicEnd),
    retain: (first & RETAIN_BIT) !== 0,
    qos: qos as 0 | 1 | 2,
    messageId: qos === 0 ? undefined : bytes.readUInt16BE(topicEnd),
    payload: bytes.subarray(payloadAt, end)
  }
}

const PUBACK = [0x40, 2] as const
const PUBACK_BYTES = 4

/** PUBACKs in one piece. */
export function pubacks(messageIds: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(messageIds.length * PUBACK_BYTES)
  let at = 0
  for (const messageId of messageIds) {
    bytes[at] = PUBACK[0]
    bytes[at + 1] = PUBACK[1]
    bytes[at + 2] = messageId >> 8
    bytes[at + 3] = messageId & 255
    at += PUBACK_BYTES
  }
  return bytes
}
