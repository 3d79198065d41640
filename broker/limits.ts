import { seconds } from '#model/time'

/** Every bound of the broker; README.md says what happens at each. */
export interface BrokerLimits {
  connections: number
  /** Of the first packet, read before we know who it is. */
  connectPacketBytes: number
  packetBytes: number
  connectTimeoutMs: number
  /** Longest keepalive a device may ask for; 0, which means none, is refused. */
  keepaliveSeconds: number
  /** How long a device may leave what we write to it unread. */
  drainTimeoutMs: number
  /** How much of it. */
  unreadBytes: number
  /** Per device, sustained; `burstMs` worth of it may come at once. */
  messagesPerSecond: number
  bytesPerSecond: number
  burstMs: number
  /** Read, not yet in the journal: of one client and of all. */
  inFlightBytesPerClient: number
  inFlightBytes: number
}

/** A device that was away a day and reported every 5 minutes has 288 messages to send at once: burst covers it. */
export const DEFAULT_LIMITS: BrokerLimits = {
  connections: 10_000,
  connectPacketBytes: 4 * 1024,
  packetBytes: 256 * 1024,
  connectTimeoutMs: seconds(10),
  keepaliveSeconds: 3600,
  drainTimeoutMs: seconds(10),
  unreadBytes: 1024 * 1024,
  messagesPerSecond: 100,
  bytesPerSecond: 128 * 1024,
  burstMs: seconds(10),
  inFlightBytesPerClient: 512 * 1024,
  inFlightBytes: 32 * 1024 * 1024
}
