import mqtt, { type MqttClient } from 'mqtt'
import type { Millis } from '#model/time'
import { minutes, seconds } from '#model/time'
import { topicOf } from '#model/topics'
import { between } from './random.ts'
import { payloadOf, type Report } from './reports.ts'

/** One device's connection: keeps what is not acknowledged, in order, and delivers it when the broker is back. */
export interface Link {
  /** Connects for the first time. Rejects with the broker's or the network's own words. */
  open(): Promise<void>
  /** Resolves when the broker has acknowledged it, or the link was closed or had no room for it. */
  deliver(report: Report): Promise<void>
  /** Cuts the connection as a dead network does (the last will speaks), or lets it come back. */
  setUp(up: boolean): void
  /** Cuts it as a restart of the device does: the last will speaks, and it connects anew by itself. */
  restart(): void
  /** Says good-bye and disconnects; waits no longer than a second for a broker that does not answer. */
  close(): Promise<void>
}

export interface LinkCounts {
  connected: number
  acknowledged: number
  /** Messages on a connection that stands, not yet acknowledged. */
  waiting: number
  /** Reports given up because a link kept too many. */
  dropped: number
}

/** Reports one link keeps; the oldest is given up first. */
const MAX_KEPT = 1000
/** Entries of one message that catches up. */
const MAX_ENTRIES = 500
const RETRY_MS: readonly [first: Millis, longest: Millis] = [500, minutes(1)]
const PATIENCE_MS = seconds(10)

interface Kept {
  report: Report
  done: () => void
}

/** Joins what was kept into few messages; what cannot be read stays a message of its own. */
function joined(kept: readonly Kept[]): Kept[][] {
  const messages: Kept[][] = []
  let entries = Infinity
  for (const item of kept) {
    const alone = item.report.raw !== undefined
    entries += item.report.entries.length
    if (alone || entries > MAX_ENTRIES) {
      messages.push([item])
      entries = alone ? Infinity : item.report.entries.length
    } else messages.at(-1)?.push(item)
  }
  return messages
}

/** Not connected until `open`. User name and client id are the device's id. */
export function mqttLink(options: {
  url: string
  device: string
  secret: string
  counts: LinkCounts
  log: (line: string) => void
}): Link {
  const { url, device, secret, counts, log } = options
  const telemetry = topicOf(device, 'telemetry')
  const status = topicOf(device, 'status')
  let client: MqttClient | undefined
  let kept: Kept[] = []
  let wantedUp = true
  let closed = false
  /** Of this link's connection. */
  let waiting = 0
  let failures = 0
  let retry: NodeJS.Timeout | undefined

  function countWaiting(more: number): void {
    waiting += more
    counts.waiting += more
  }

  function send(items: Kept[], to: MqttClient): void {
    const [first] = items
    if (!first) return
    const report =
      items.length === 1 ? first.report : { ...first.report, entries: items.flatMap(k => k.report.entries) }
    countWaiting(1)
    to.publish(telemetry, payloadOf(report), { qos: 1 }, error => {
      if (client === to) countWaiting(-1)
      // Not acknowledged: it stays, and goes again on the next connection.
      if (error) return
      counts.acknowledged += items.length
      const sent = new Set(items)
      kept = kept[0] === first && items.length === 1 ? kept.slice(1) : kept.filter(item => !sent.has(item))
      for (const item of items) item.done()
    })
  }

  function connect(settled: (error?: Error) => void): void {
    const made = mqtt.connect(url, {
      clientId: device,
      username: device,
      password: secret,
      clean: true,
      // A new client for every connection: ours is the only queue, and the pause between attempts has jitter.
      reconnectPeriod: 0,
      connectTimeout: PATIENCE_MS,
      will: { topic: status, payload: Buffer.from('offline'), qos: 1, retain: true }
    })
    client = made
    let up = false
    let trouble: Error | undefined
    made.on('error', error => (trouble = error))
    made.once('connect', () => {
      up = true
      failures = 0
      counts.connected++
      made.publish(status, 'online', { qos: 1, retain: true })
      for (const message of joined(kept)) send(message, made)
      settled()
    })
    made.once('close', () => {
      if (client === made) {
        client = undefined
        countWaiting(-waiting)
      }
      made.end(true)
      if (!up) return settled(trouble ?? new Error('connection closed before the broker answered'))
      counts.connected--
      if (wantedUp && !closed) again()
    })
  }

  /** Tries again after a pause that doubles, half of it random, so that a thousand devices do not come at once. */
  function again(): void {
    const [first, longest] = RETRY_MS
    const pauseMs = Math.min(longest, first * 2 ** failures++) * between(Math.random, 0.5, 1)
    clearTimeout(retry)
    retry = setTimeout(() => {
      if (!wantedUp || closed || client) return
      connect(error => {
        if (!error || !wantedUp || closed) return
        if (failures === 1) log(`${device} cannot connect: ${error.message}`)
        again()
      })
    }, pauseMs)
  }

  return {
    open: () =>
      new Promise((resolve, reject) => {
        if (closed) return reject(new Error('closed'))
        connect(error => (error ? reject(error) : resolve()))
      }),

    deliver(report) {
      return new Promise(resolve => {
        if (closed) return resolve()
        const item = { report, done: resolve }
        kept.push(item)
        if (kept.length > MAX_KEPT) {
          counts.dropped++
          kept.shift()?.done()
        }
        if (client?.connected) send([item], client)
      })
    },

    setUp(up) {
      if (up === wantedUp || closed) return
      wantedUp = up
      if (!up) client?.end(true)
      else if (!client) connect(error => error && again())
    },

    // Its loss is mended like any other.
    restart: () => void client?.end(true),

    async close() {
      closed = true
      clearTimeout(retry)
      for (const { done } of kept) done()
      kept = []
      const last = client
      if (!last?.connected) return void last?.end(true)
      last.publish(status, 'offline', { qos: 1, retain: true })
      await new Promise<void>(resolve => {
        const force = setTimeout(() => void last.end(true, () => resolve()), seconds(1))
        last.end(false, () => {
          clearTimeout(force)
          resolve()
        })
      })
    }
  }
}
