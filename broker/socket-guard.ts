import type { Duplex } from 'node:stream'
import type { BrokerLimits } from './limits.ts'
import type { Refusal } from './refusal.ts'
import { pace } from './pace.ts'

export interface SocketGuard {
  /** The CONNECT was good: from now on packets of a device's size pass. */
  authenticated: () => void
  /** Reads again what was left unread for want of room. */
  poke: () => void
  close: () => void
}

const CONNECT = 1
const MAX_HEADER_BYTES = 5

/**
 * Stands between a socket and Aedes, which knows no packet size and no rate: walks the fixed headers and lets pass whole
 * packets only as large and as fast as the limits say. Before authentication that is one CONNECT and nothing behind it.
 * What may not pass yet stays in the socket, so TCP slows the sender and nothing is lost.
 *
 * Aedes takes bytes with `read()`: standing there costs a call a chunk, where a stream in front would pass every write
 * through a second buffer too.
 */
export function guardSocket(options: {
  socket: Duplex
  limits: BrokerLimits
  /** Whether this client may have more in flight; when not, whoever says so calls `poke` later. */
  hasRoom: () => boolean
  refuse: (reason: Refusal) => void
  /** Called with true when the rate stops the socket and with false when it goes on. */
  onPaced: (paused: boolean) => void
}): SocketGuard {
  const { socket, limits, hasRoom, refuse, onPaced } = options
  const take = socket.read.bind(socket) as (size?: number) => Buffer | null
  const rate = pace(limits)
  let phase: 'connect' | 'authenticating' | 'open' = 'connect'
  let pausedUntil: NodeJS.Timeout | undefined
  // Where we are in the stream: in a header of which `headerBytes` were seen, or `left` bytes before its packet's end.
  let headerBytes = 0
  let length = 0
  let left = 0

  function stopFor(ms: number) {
    onPaced(true)
    pausedUntil = setTimeout(() => {
      pausedUntil = undefined
      onPaced(false)
      poke()
    }, Math.ceil(ms))
  }

  /** How many bytes of the chunk may pass now; refuses what may never. */
  function admit(chunk: Buffer): number {
    const now = performance.now()
    for (let at = 0; at < chunk.length;) {
      if (left > 0) {
        const step = Math.min(left, chunk.length - at)
        at += step
        left -= step
      } else {
        if (headerBytes === 0 && phase === 'open') {
          const wait = rate.wait(now)
          if (wait > 0) {
            stopFor(wait)
            return at
          }
        }
        const byte = chunk[at++]!
        if (headerBytes === 0) {
          if (phase === 'connect' && byte >> 4 !== CONNECT) return refused('malformed')
          headerBytes = 1
          length = 0
          continue
        }
        length += (byte & 127) * 128 ** (headerBytes - 1)
        headerBytes++
        if (byte > 127) {
          if (headerBytes >= MAX_HEADER_BYTES) return refused('malformed')
          continue
        }
        if (headerBytes + length > (phase === 'connect' ? limits.connectPacketBytes : limits.packetBytes)) {
          return refused('packet-too-large')
        }
        rate.spend(headerBytes + length, now)
        headerBytes = 0
        left = length
      }
      if (left === 0 && phase === 'connect') {
        phase = 'authenticating'
        return at
      }
    }
    return chunk.length
  }

  function refused(reason: Refusal): number {
    refuse(reason)
    return 0
  }

  socket.read = (size?: number) => {
    // Node itself calls read(0) to fill the buffer.
    if (size === 0) return take(0)
    if (phase === 'authenticating' || pausedUntil || !hasRoom()) return null
    const chunk = take()
    if (chunk === null) return null
    const admitted = admit(chunk)
    if (socket.destroyed) return null
    if (admitted === chunk.length) return chunk
    socket.unshift(chunk.subarray(admitted))
    return admitted > 0 ? chunk.subarray(0, admitted) : null
  }

  // Aedes reads on 'readable'; for bytes that already lie in the buffer nobody else would say it.
  function poke() {
    if (!socket.destroyed) socket.emit('readable')
  }

  return {
    authenticated() {
      phase = 'open'
    },
    poke,
    close() {
      if (pausedUntil) onPaced(false)
      clearTimeout(pausedUntil)
    }
  }
}
