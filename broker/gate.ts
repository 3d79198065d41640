import type { Journal, JournalEntry } from '#db/journal'
import type { BrokerLimits } from './limits.ts'
import { observeLatency, type BrokerMetrics } from './metrics.ts'

/** One connection as the gate sees it. */
export interface GateClient {
  inFlightBytes: number
  /** There is room again. */
  poke: () => void
}

interface Waiting {
  entry: JournalEntry | undefined
  client: GateClient
  cost: number
  since: number
  state: 'unsent' | 'sent' | 'stored'
  release: () => void
}

/** What a message holds beside its payload: packet, topic, callbacks. */
const MESSAGE_OVERHEAD_BYTES = 400
const RETRY_MS = 250

/**
 * The gate: a message passes once the journal has it on disk, in the order of arrival. While the journal refuses,
 * nothing passes, nothing is dropped and no connection is closed: the first message is tried again every 250 ms, and
 * when it is in, the rest follows in its order. What waits is bounded by `hasRoom`, which stops the reading of sockets.
 */
export function journalGate(options: {
  journal: Journal
  limits: Pick<BrokerLimits, 'inFlightBytes' | 'inFlightBytesPerClient'>
  metrics: BrokerMetrics
  log: { warn(details: object, message: string): void; info(details: object, message: string): void }
}) {
  const { journal, limits, metrics, log } = options
  let waiting: Waiting[] = []
  let first = 0
  let retry: NodeJS.Timeout | undefined
  let idle: (() => void) | undefined
  const blocked = new Set<GateClient>()
  let waking = false

  function submit(message: { entry?: JournalEntry | undefined; client: GateClient; release: () => void }) {
    const { entry, client, release } = message
    const cost = (entry?.payload.byteLength ?? 0) + MESSAGE_OVERHEAD_BYTES
    client.inFlightBytes += cost
    metrics.gateBytes += cost
    const item: Waiting = { entry, client, cost, since: performance.now(), state: 'unsent', release }
    waiting.push(item)
    if (!entry) {
      item.state = 'stored'
      releaseStored()
    } else if (!metrics.gateStalled) send(item)
  }

  function send(item: Waiting) {
    item.state = 'sent'
    journal.appendThen(item.entry!, error => {
      if (error) {
        item.state = 'unsent'
        stall(error)
      } else {
        item.state = 'stored'
        if (metrics.gateStalled) resume()
        releaseStored()
      }
    })
  }

  function stall(error: Error) {
    if (!metrics.gateStalled) log.warn({ err: error }, 'the journal refuses: acknowledgements withheld')
    metrics.gateStalled = 1
    retry ??= setTimeout(() => {
      retry = undefined
      const probe = waiting[first]
      if (probe?.state === 'unsent') send(probe)
    }, RETRY_MS)
  }

  function resume() {
    clearTimeout(retry)
    retry = undefined
    metrics.gateStalled = 0
    log.info({ waiting: waiting.length - first }, 'the journal takes messages again')
    for (let i = first; i < waiting.length; i++) if (waiting[i]!.state === 'unsent') send(waiting[i]!)
  }

  function releaseStored() {
    const now = performance.now()
    for (let item = waiting[first]; item?.state === 'stored'; item = waiting[first]) {
      first++
      item.client.inFlightBytes -= item.cost
      metrics.gateBytes -= item.cost
      observeLatency(metrics, now - item.since)
      item.release()
    }
    if (first === waiting.length || first > 10_000) {
      waiting = waiting.slice(first)
      first = 0
    }
    if (waiting.length === 0) idle?.()
    if (blocked.size > 0 && !waking) {
      waking = true
      setImmediate(wake)
    }
  }

  /** Half of the room must be free again, or sockets would stop and go with every message. */
  function wake() {
    waking = false
    if (metrics.gateBytes > limits.inFlightBytes / 2) return
    for (const client of [...blocked]) {
      if (client.inFlightBytes > limits.inFlightBytesPerClient / 2) continue
      unblock(client)
      client.poke()
    }
  }

  function unblock(client: GateClient) {
    if (blocked.delete(client)) metrics.pausedSockets--
  }

  return {
    submit,
    /** Whether more of this client may be read; if not it is poked when it may. */
    hasRoom(client: GateClient): boolean {
      const room =
        metrics.gateBytes < limits.inFlightBytes && client.inFlightBytes < limits.inFlightBytesPerClient
      if (!room && !blocked.has(client)) {
        blocked.add(client)
        metrics.pausedSockets++
      }
      return room
    },
    forget: unblock,
    /** Waits until nothing waits, at most `ms`. */
    async drain(ms: number) {
      if (waiting.length > first) {
        await new Promise<void>(resolve => {
          idle = resolve
          setTimeout(resolve, ms)
        })
      }
      clearTimeout(retry)
    }
  }
}
