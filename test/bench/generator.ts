import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { connected } from './mqtt-connect.ts'

/**
 * A raw MQTT 3.1.1 load generator: QoS 1 telemetry of three readings by handmade bytes, so that it costs little beside
 * what it measures. Each client keeps at most `inflight` messages unacknowledged; with `rate` they are spread evenly.
 * Devices are `{devices}{0…clients-1}`. Prints one line of JSON; latency is from publish to PUBACK.
 *
 * The values are those of a calm city: each bin at its level and temperature with a little noise, one bin in a hundred
 * full. With `entries` each client is a gateway `g` that reports for its devices `d-{g}-{0…entries-1}` instead.
 */
const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '1883' },
    clients: { type: 'string', default: '50' },
    inflight: { type: 'string', default: '100' },
    /** How many to send, or with --rate and --seconds how many a second. */
    messages: { type: 'string', default: '100000' },
    rate: { type: 'string' },
    /** With --rate: a device sends so many together. */
    together: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '10' },
    devices: { type: 'string', default: 'bench-' },
    secret: { type: 'string', default: 'secret' },
    /** A file with a JSON object of device id to secret, instead of one secret for all. */
    'secrets-file': { type: 'string' },
    /** The first so many count for nothing: connections and code get warm. */
    warmup: { type: 'string', default: '0' },
    entries: { type: 'string', default: '0' }
  }
})
const clients = Number(values.clients)
const inflight = Number(values.inflight)
const rate = values.rate ? Number(values.rate) : undefined
const together = Number(values.together)
const warmup = Number(values.warmup)
const entries = Number(values.entries)
const total = warmup + (rate ? rate * Number(values.seconds) : Number(values.messages))
const secretsFile = values['secrets-file']
const secrets = secretsFile ? (JSON.parse(readFileSync(secretsFile, 'utf8')) as Record<string, string>) : {}

const PUBLISH_QOS1 = 0x32
const PUBACK_BYTES = 4

const LATE_MS = 200

let sent = 0
let acked = 0
const lastAt = new Float64Array(clients)
const latencies = new Float32Array(total)
const senders: ReturnType<typeof sender>[] = []
const ids = Array.from({ length: clients }, (_, i) => `${values.devices}${i}`)
for (let i = 0; i < clients; i += 100) {
  senders.push(
    ...(await Promise.all(ids.slice(i, i + 100).map(async (id, n) => sender(id, i + n, await signedIn(id)))))
  )
}

const began = performance.now()
let measuredFrom = warmup === 0 ? began : NaN
const finished = new Promise<void>(resolve => {
  const check = setInterval(() => {
    if (acked >= total) {
      clearInterval(check)
      resolve()
    }
  }, 5)
})
if (rate) paced(rate)
else for (const fill of senders) fill(total)
await finished
const seconds = (performance.now() - measuredFrom) / 1000
const measured = latencies.subarray(warmup).sort()
const quantile = (q: number) => Number(measured[Math.floor(q * (measured.length - 1))]!.toFixed(2))
console.log(
  JSON.stringify({
    clients,
    sent,
    acked,
    seconds: Number(seconds.toFixed(3)),
    messagesPerSecond: Math.round(measured.length / seconds),
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    maxMs: quantile(1)
  })
)
process.exit(0)

/** Lets each client send its share every few milliseconds. */
function paced(perSecond: number) {
  const most = Math.max(together, Math.ceil(perSecond / 200 / senders.length))
  let next = 0
  setInterval(() => {
    const due = Math.min(total, Math.floor(((performance.now() - began) / 1000) * perSecond))
    for (
      let tried = 0;
      (due - sent >= together || due === total) && sent < due && tried < senders.length;
      tried++
    ) {
      next = (next + 1) % senders.length
      senders[next]!(Math.min(due, sent + most))
    }
  }, 1)
}

/** Returns what fills the client's window while fewer than `limit` messages were sent by all. */
function sender(id: string, no: number, socket: Socket) {
  const topic = `mj/v1/${id}/telemetry`
  const sentAt = new Float64Array(65536)
  let messageId = 0
  let open = 0
  let partial = 0
  let goal = 0

  function fill(limit: number) {
    goal = limit
    const packets: Buffer[] = []
    while (open < inflight && sent < limit) {
      messageId = (messageId % 65535) + 1
      sentAt[messageId] = performance.now()
      packets.push(publish(topic, messageId, payload(no)))
      open++
      sent++
    }
    if (packets.length > 0) socket.write(packets.length === 1 ? packets[0]! : Buffer.concat(packets))
  }

  // All the broker sends are PUBACKs: four bytes, of which a read may cut the first or last.
  const rest = Buffer.alloc(PUBACK_BYTES)
  socket.on('data', (data: Buffer) => {
    const now = performance.now()
    for (const byte of data) {
      rest[partial++] = byte
      if (partial < PUBACK_BYTES) continue
      partial = 0
      latencies[acked++] = now - sentAt[rest.readUInt16BE(2)]!
      if (acked === warmup) measuredFrom = now
      open--
    }
    if (!rate) fill(goal)
  })
  socket.on('close', () => {
    if (acked < total) fail(`${id} was disconnected`)
  })
  return fill
}

function payload(no: number): string {
  // Two readings of one moment would be one reading and its duplicate; a device a bit late may send many at once.
  const at = (lastAt[no] = Math.max(lastAt[no]! + 1, Date.now() - LATE_MS))
  if (entries === 0) return `{"at":${at},"seq":${sent},"values":${binValues(no)}}`
  const list = Array.from({ length: entries }, (_, i) => {
    const values = i % 2 === 0 ? '{"powerState":"off","activePowerW":0,"supplyVoltageV":228.5}' : binValues(i)
    return `{"at":${at},"device":"d-${no}-${i}","values":${values}}`
  })
  return `[${list.join(',')}]`
}

function binValues(no: number): string {
  const fill = no % 100 === 99 ? 95 : ((no * 7) % 80) + (sent % 4)
  return `{"fillPct":${fill},"tempC":${15 + (no % 10) + (sent % 3)}.5,"batteryPct":${100 - (no % 60)}}`
}

function publish(topic: string, messageId: number, text: string): Buffer {
  let length = 2 + topic.length + 2 + text.length
  const packet = Buffer.allocUnsafe(5 + length)
  packet[0] = PUBLISH_QOS1
  let at = 1
  do {
    packet[at++] = length > 127 ? (length & 127) | 128 : length
    length >>= 7
  } while (length > 0)
  at = packet.writeUInt16BE(topic.length, at)
  at += packet.write(topic, at, 'latin1')
  at = packet.writeUInt16BE(messageId, at)
  at += packet.write(text, at, 'latin1')
  return packet.subarray(0, at)
}

function signedIn(id: string): Promise<Socket> {
  const secret = secrets[id] ?? values.secret
  const where = { host: values.host, port: Number(values.port) }
  return connected({ ...where, id, secret }).catch((error: Error) => fail(`${id}: ${error.message}`))
}

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}
