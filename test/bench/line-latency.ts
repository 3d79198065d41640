import { setTimeout as sleep } from 'node:timers/promises'
import mqtt from 'mqtt'
import { WebSocket } from 'ws'
import type { ServerMessage } from '#model/live'
import type { TicketSummary } from '#model/api'
import { binsCsv } from './city.ts'
import type { Finding, LineOptions } from './figures.ts'
import { loadOn } from './load.ts'
import { startProgram, type Program } from './program.ts'
import { quantile } from './quantile.ts'

const RATE = 5000
const WARMUP_SECONDS = 3
/** A fire burns ten minutes at least, so every sample is a bin of its own. */
const PROBES = 60

/** 3. How long a device waits for its PUBACK and the control room for its ticket, at 5 000 messages a second. */
export async function latencies({ seconds, influx }: LineOptions): Promise<Finding> {
  const program = await startProgram({ influx })
  try {
    const secrets = await program.import(binsCsv({ bins: 1000, probes: PROBES }))
    const load = await loadOn(program, secrets)
    await load.run({ rate: RATE, seconds: WARMUP_SECONDS })
    await program.standing()
    const [{ p50Ms, p99Ms, maxMs }, fires] = await Promise.all([
      load.run({ rate: RATE, seconds, warmup: RATE * WARMUP_SECONDS }),
      probe(program, secrets, { forMs: seconds * 1000 })
    ])
    const { stallMs } = await program.standing()
    return {
      measured: {
        ackP50: p50Ms,
        ackP99: p99Ms,
        fireP50: quantile(fires, 0.5),
        fireP99: quantile(fires, 0.99)
      },
      notes: [
        `Latency: slowest PUBACK ${maxMs} ms, slowest of ${fires.length} fire tickets ${Math.max(...fires).toFixed(0)} ms ` +
          `(pictures go out at most every 250 ms), longest stall of the event loop ${stallMs.toFixed(0)} ms.`
      ]
    }
  } finally {
    await program.remove()
  }
}

/** Sets one bin after the other on fire; answers how many ms each took from publish to its ticket on the page's socket. */
async function probe(
  program: Program,
  secrets: Record<string, string>,
  { forMs }: { forMs: number }
): Promise<number[]> {
  const socket = new WebSocket(`${program.httpUrl.replace('http', 'ws')}/api/live`, {
    headers: program.headers
  })
  const seenAt = new Map<string, number>()
  socket.on('message', data => {
    const now = performance.now()
    for (const { facility } of ticketsIn(JSON.parse((data as Buffer).toString()) as ServerMessage)) {
      if (facility && !seenAt.has(facility)) seenAt.set(facility, now)
    }
  })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  socket.send(
    JSON.stringify({ type: 'look', ask: 1, at: { view: 'tickets', query: { status: 'open', limit: 200 } } })
  )

  const devices = await Promise.all(
    Array.from({ length: PROBES }, (_, i) => {
      const id = `probe-${i}`
      return mqtt.connectAsync(`mqtt://127.0.0.1:${program.mqttPort}`, {
        clientId: id,
        username: id,
        password: secrets[id] ?? '',
        reconnectPeriod: 0
      })
    })
  )
  const publish = (i: number, tempC: number) =>
    devices[i]!.publishAsync(`mj/v1/probe-${i}/telemetry`, JSON.stringify({ values: { tempC } }), { qos: 1 })
  await Promise.all(devices.map((_, i) => publish(i, 20)))

  const publishedAt: number[] = []
  for (let i = 0; i < PROBES; i++) {
    // At random, or every sample would meet the rounds of the socket at the same moment.
    await sleep((forMs / PROBES) * (0.5 + Math.random()))
    publishedAt.push(performance.now())
    await publish(i, 70)
  }
  const bin = (i: number) => `probe-bin-${i}`
  for (let waited = 0; waited < 5000 && seenAt.size < PROBES; waited += 50) await sleep(50)
  socket.close()
  await Promise.all(devices.map(device => device.endAsync()))
  const lost = publishedAt.filter((_, i) => !seenAt.has(bin(i))).length
  if (lost > 0) throw new Error(`${lost} of ${PROBES} fires came to no ticket on the socket`)
  return publishedAt.map((at, i) => (seenAt.get(bin(i)) as number) - at)
}

function ticketsIn(message: ServerMessage): TicketSummary[] {
  if (message.type === 'snapshot') return message.picture.view === 'tickets' ? message.picture.items : []
  return message.type === 'changes' ? ((message.upsert ?? []) as TicketSummary[]) : []
}
