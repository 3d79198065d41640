import type { Duplex } from 'node:stream'
import type { BrokerLimits } from './limits.ts'
import type { Refusal } from './refusal.ts'
import { pace } from './pace.ts'
import { PUBLISH, type PacketPlace } from './publish-packet.ts'

export interface SocketGuard {
  /** The CONNECT was answered: from now on packets of a device's size pass. */
  connected: () => void
  /** Reads again what was left unread for want of room. */
  poke: () => void
  close: () => void
}

const CONNECT = 1
const MAX_HEADER_BYTES = 5
const MOST_PIECES = 64

/**
 * Stands between a socket and Aedes, which knows no packet size and no rate: walks the fixed headers and lets pass whole
 * packets only as large and as fast as the limits say. Before its answer that is one CONNECT and nothing behind it.
 * What may not pass yet stays in the socket, so TCP slows the sender and nothing is lost; the beginning of a packet
 * is kept here until its end comes.
 *
 * A PUBLISH is offered to `takePublish` first: Aedes and its parser take 5 KB of objects for each. What that leaves goes to
 * Aedes, and what came with it behind it too, so that the order stays.
 *
 * Aedes takes bytes with `read()`: standing there costs a call a chunk, where a stream in front would pass every write
 * through a second buffer too.
 */
export function guardSocket(options: {
  socket: Duplex
  limits: BrokerLimits
  /** Whether this client may have more in flight; when not, whoever says so calls `poke` later. */
  hasRoom: () => boolean
  /** False leaves it to Aedes. */
  takePublish: (bytes: Buffer, place: PacketPlace) => boolean
  refuse: (reason: Refusal) => void
  /** Called with true when the rate stops the socket and with false when it goes on. */
  onPaced: (paused: boolean) => void
}): SocketGuard {
  const { socket, limits, hasRoom, takePublish, refuse, onPaced } = options
  const take = socket.read.bind(socket) as (size?: number) => Buffer | null
  const rate = pace(limits)
  let phase: 'connect' | 'connecting' | 'open' = 'connect'
  let pausedUntil: NodeJS.Timeout | undefined
  /** The beginning of a packet, and how much of it must be here to go on. */
  let begun: Buffer[] = []
  let begunBytes = 0
  let neededBytes = 0

  function stopFor(ms: number) {
    onPaced(true)
    pausedUntil = setTimeout(() => {
      pausedUntil = undefined
      onPaced(false)
      poke()
    }, Math.ceil(ms))
  }

  function keep(rest: Buffer, needed: number) {
    begun = [rest]
    begunBytes = rest.length
    neededBytes = needed
  }

  /** The chunk behind what was kept, once that is enough to go on with. */
  function joined(chunk: Buffer): Buffer | undefined {
    if (begunBytes === 0) return chunk
    begun.push(chunk)
    begunBytes += chunk.length
    if (begunBytes < neededBytes) {
      // Sent byte by byte it must not take a buffer for each.
      if (begun.length === MOST_PIECES) begun = [Buffer.concat(begun)]
      return undefined
    }
    const bytes = Buffer.concat(begun)
    begun = []
    begunBytes = 0
    return bytes
  }

  /** What of the bytes Aedes is to have now; refuses what may never pass. */
  function admit(bytes: Buffer): Buffer | null {
    const now = performance.now()
    let direct = phase === 'open'
    let at = 0
    /** Where that begins which goes to Aedes; all from there on does. */
    let passFrom = -1
    while (at < bytes.length) {
      if (phase === 'open') {
        const wait = rate.wait(now)
        if (wait > 0) {
          stopFor(wait)
          socket.unshift(bytes.subarray(at))
          break
        }
      }
      const first = bytes[at]!
      if (phase === 'connect' && first >> 4 !== CONNECT) return refused('malformed')
      let length = 0
      let bodyAt = at + 1
      let more = true
      for (; more && bodyAt < bytes.length; bodyAt++) {
        if (bodyAt - at === MAX_HEADER_BYTES) return refused('malformed')
        const byte = bytes[bodyAt]!
        length += (byte & 127) * 128 ** (bodyAt - at - 1)
        more = byte > 127
      }
      if (more && bodyAt - at === MAX_HEADER_BYTES) return refused('malformed')
      const end = bodyAt + length
      if (end - at > (phase === 'connect' ? limits.connectPacketBytes : limits.packetBytes)) {
        return refused('packet-too-large')
      }
      if (more || end > bytes.length) {
        keep(bytes.subarray(at), more ? bytes.length - at + 1 : end - at)
        break
      }
      rate.spend(end - at, now)
      if (direct && first >> 4 === PUBLISH && takePublish(bytes, { at, bodyAt, end })) {
        at = end
        continue
      }
      direct = false
      if (passFrom < 0) passFrom = at
      at = end
      if (phase === 'connect') {
        phase = 'connecting'
        if (at < bytes.length) socket.unshift(bytes.subarray(at))
        break
      }
    }
    return passFrom < 0 ? null : bytes.subarray(passFrom, at)
  }

  function refused(reason: Refusal): null {
    refuse(reason)
    return null
  }

  socket.read = (size?: number) => {
    // Node itself calls read(0) to fill the buffer.
    if (size === 0) return take(0)
    if (phase === 'connecting' || pausedUntil || !hasRoom()) return null
    const chunk = take()
    if (chunk === null) return null
    const bytes = joined(chunk)
    const passed = bytes ? admit(bytes) : null
    return socket.destroyed ? null : passed
  }

  // Aedes reads on 'readable'; for bytes that already lie in the buffer nobody else would say it.
  function poke() {
    if (!socket.destroyed) socket.emit('readable')
  }

  return {
    connected() {
      phase = 'open'
    },
    poke,
    close() {
      if (pausedUntil) onPaced(false)
      clearTimeout(pausedUntil)
    }
  }
}
