import { connect, type Socket } from 'node:net'
import { parseArgs } from 'node:util'

/**
 * A raw MQTT 3.1.1 load generator: QoS 1 telemetry of three readings by handmade bytes, so that it costs little beside
 * what it measures. Each client keeps at most `inflight` messages unacknowledged; with `rate` they are spread evenly.
 * Devices are `{prefix}{0…clients-1}`. Prints one line of JSON; latency is from publish to PUBACK.
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
    seconds: { type: 'string', default: '10' },
    devices: { type: 'string', default: 'bench-' },
    secret: { type: 'string', default: 'secret' },
    /** A JSON object of device id to secret, instead of one secret for all. */
    secrets: { type: 'string' }
  }
})
const clients = Number(values.clients)
const inflight = Number(values.inflight)
const rate = values.rate ? Number(values.rate) : undefined
const total = rate ? rate * Number(values.seconds) : Number(values.messages)
const secrets = values.secrets ? (JSON.parse(values.secrets) as Record<string, string>) : {}

const PUBLISH_QOS1 = 0x32
const PUBACK_BYTES = 4

let sent = 0
let acked = 0
const latencies = new Float32Array(total)
const senders: ReturnType<typeof sender>[] = []
const ids = Array.from({ length: clients }, (_, i) => `${values.devices}${i}`)
for (let i = 0; i < clients; i += 100) {
  senders.push(...(await Promise.all(ids.slice(i, i + 100).map(async id => sender(id, await connected(id))))))
}

const began = performance.now()
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
const seconds = (performance.now() - began) / 1000
latencies.sort()
const quantile = (q: number) => Number(latencies[Math.floor(q * (total - 1))]!.toFixed(2))
console.log(
  JSON.stringify({
    clients,
    sent,
    acked,
    seconds: Number(seconds.toFixed(3)),
    messagesPerSecond: Math.round(acked / seconds),
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    maxMs: quantile(1)
  })
)
process.exit(0)

/** Lets each client send its share every few milliseconds. */
function paced(perSecond: number) {
  let next = 0
  setInterval(() => {
    const due = Math.min(total, Math.floor(((performance.now() - began) / 1000) * perSecond))
    for (let tried = 0; sent < due && tried < senders.length; tried++) {
      next = (next + 1) % senders.length
      senders[next]!(Math.min(due, sent + Math.ceil(perSecond / 200 / senders.length)))
    }
  }, 1)
}

/** Returns what fills the client's window while fewer than `limit` messages were sent by all. */
function sender(id: string, socket: Socket) {
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
      packets.push(publish(topic, messageId, payload()))
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
      open--
    }
    if (!rate) fill(goal)
  })
  socket.on('close', () => {
    if (acked < total) fail(`${id} was disconnected`)
  })
  return fill
}

function payload(): string {
  const fill = (sent * 7) % 100
  return `{"at":${Date.now()},"seq":${sent},"values":{"fillPct":${fill},"tempC":${15 + (sent % 20)}.5,"batteryPct":${100 - (sent % 60)}}}`
}

function publish(topic: string, messageId: number, text: string): Buffer {
  const length = 2 + topic.length + 2 + text.length
  const header = length < 128 ? 2 : 3
  const packet = Buffer.allocUnsafe(header + length)
  packet[0] = PUBLISH_QOS1
  if (header === 2) packet[1] = length
  else {
    packet[1] = (length % 128) + 128
    packet[2] = length >> 7
  }
  let at = packet.writeUInt16BE(topic.length, header)
  at += packet.write(topic, at, 'latin1')
  at = packet.writeUInt16BE(messageId, at)
  packet.write(text, at, 'latin1')
  return packet
}

function connected(id: string): Promise<Socket> {
  const text = (s: string) => Buffer.concat([Buffer.from([s.length >> 8, s.length & 255]), Buffer.from(s)])
  const body = Buffer.concat([
    text('MQTT'),
    Buffer.from([4, 0xc2, 0x0e, 0x10]),
    text(id),
    text(id),
    text(secrets[id] ?? values.secret)
  ])
  return new Promise(resolve => {
    const socket = connect({ host: values.host, port: Number(values.port), noDelay: true })
    socket.once('error', error => fail(`${id}: ${error.message}`))
    socket.write(
      Buffer.concat([
        Buffer.from([0x10, (body.length % 128) | (body.length > 127 ? 128 : 0)]),
        ...(body.length > 127 ? [Buffer.from([body.length >> 7])] : []),
        body
      ])
    )
    socket.once('data', (connack: Buffer) =>
      connack[3] === 0 ? resolve(socket) : fail(`${id} was refused with ${connack[3]}`)
    )
  })
}

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}
