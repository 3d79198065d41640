import { setTimeout as sleep } from 'node:timers/promises'
import mqtt from 'mqtt'
import type { TicketSummary } from '#model/api'
import { minutes, seconds, type Millis } from '#model/time'
import { binsCsv } from '#test/bench/city'
import { loadOn } from '#test/bench/load'
import { startProgram, type Program } from '#test/bench/program'
import { startInflux, type InfluxFixture } from '#test/fixtures/influx-server'
import { until } from '#test/fixtures/until'

/** What an outage of InfluxDB did; records are what the journal holds: messages, and a tick each second. */
export interface Outage {
  /** Messages acknowledged before, during and after. */
  acked: number
  /** Acknowledged messages of which InfluxDB holds no point, and points beyond one for each. */
  lost: number
  doubled: number
  /** From the publish of a fire during the outage to its ticket in the API, each. */
  ticketMs: number[]
  /** Tickets of those fires at the end; one each. */
  tickets: number
  storeTrouble: string
  journal: { beforeBytes: number; mostBytes: number; afterBytes: number; maxBytes: number }
  /** The most records the rules were behind while the store was away. */
  stateBehind: number
  catchUp: { records: number; firstAfterMs: Millis; tookMs: Millis; perSecond: number }
  rssMb: { before: number; most: number }
  ackP99Ms: number
}

const LOOK_EVERY_MS = 250
/** A journal this near its head has caught up: what came in since the last look. */
const NEARLY_SECONDS = 1
/** Below it LevelDB's tables are not compacted for room. */
const SMALL_JOURNAL_BYTES = 64 * 2 ** 20

/**
 * The real program under an even load from a second process; InfluxDB is killed without warning, stays away, and
 * comes back with its data. Load goes on before, through, and after; fires are set while it is away.
 */
export async function outage(options: {
  rate: number
  bins: number
  downMs: Millis
  /** Load before it goes and after it is back. */
  aroundMs: Millis
  fires: number
  say?: (line: string) => void
}): Promise<Outage> {
  const { rate, bins, downMs, aroundMs, fires, say = () => {} } = options
  const influx = await startInflux()
  let program: Program | undefined
  try {
    program = await startProgram({ influx })
    const running = program
    const secrets = await running.import(binsCsv({ bins, probes: fires }))
    const load = await loadOn(running, secrets)
    const began = await running.standing()
    const rssBefore = running.rssMb()
    const loading = load.run({ rate, seconds: Math.ceil((downMs + 2 * aroundMs) / 1000) })
    let over = false
    void loading.finally(() => (over = true)).catch(() => {})
    await sleep(aroundMs)

    await influx.stop('SIGKILL')
    const goneAt = performance.now()
    let [mostBytes, stateBehind, rssMost] = [0, 0, 0]
    const look = async () => {
      const standing = await running.standing()
      mostBytes = Math.max(mostBytes, standing.journalBytes)
      rssMost = Math.max(rssMost, running.rssMb())
      return standing
    }
    const burning = setFires({ program: running, secrets, fires, forMs: downMs * 0.8 })
    burning.catch(() => {})
    for (let said = 0; performance.now() - goneAt < downMs; await sleep(LOOK_EVERY_MS)) {
      const { head, state, store, journalBytes } = await look()
      stateBehind = Math.max(stateBehind, head - state)
      const passed = Math.floor((performance.now() - goneAt) / minutes(1))
      if (passed > said)
        say(
          `${(said = passed)} min away: ${head - store} records wait, journal ${Math.round(journalBytes / 1e6)} MB`
        )
    }
    const ticketMs = await burning
    const storeTrouble = await troubleOf(running)

    const waiting = await running.standing()
    await influx.start()
    const backAt = performance.now()
    /** The last look before anything was stored again. */
    let idleUntil = backAt
    let now = await look()
    while (now.head - now.store > rate * NEARLY_SECONDS) {
      if (now.store === waiting.store) idleUntil = performance.now()
      await sleep(LOOK_EVERY_MS / 5)
      now = await look()
    }
    const tookMs = performance.now() - backAt
    const records = now.store - waiting.store
    say(`back: ${records} records caught up in ${(tookMs / 1000).toFixed(1)} s`)
    while (!over) {
      await look()
      await sleep(LOOK_EVERY_MS)
    }
    const { acked, p99Ms } = await loading
    await running.untilHandled((await running.standing()).head)
    const { distinct, points } = await held(influx, bins)
    return {
      acked,
      lost: acked - distinct,
      doubled: points - distinct,
      ticketMs,
      tickets: (await ticketsOf(running)).length,
      storeTrouble,
      journal: {
        beforeBytes: began.journalBytes,
        mostBytes,
        afterBytes: await trimmed(running, mostBytes),
        maxBytes: await maxBytesOf(running)
      },
      stateBehind,
      catchUp: {
        records,
        firstAfterMs: idleUntil - backAt,
        tookMs,
        perSecond: (records * 1000) / (tookMs - (idleUntil - backAt))
      },
      rssMb: { before: rssBefore, most: rssMost },
      ackP99Ms: p99Ms
    }
  } finally {
    await program?.remove()
    await influx.close()
  }
}

/** Sets bins on fire one after the other, and waits for the ticket of each. */
async function setFires(options: {
  program: Program
  secrets: Record<string, string>
  fires: number
  forMs: Millis
}): Promise<number[]> {
  const { program, secrets, fires, forMs } = options
  const took: number[] = []
  for (let i = 0; i < fires; i++) {
    const id = `probe-${i}`
    const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${program.mqttPort}`, {
      clientId: id,
      username: id,
      password: secrets[id] ?? '',
      reconnectPeriod: 0
    })
    const at = performance.now()
    await device.publishAsync(`mj/v1/${id}/telemetry`, JSON.stringify({ values: { tempC: 70 } }), { qos: 1 })
    await until(
      `the fire of ${id} has its ticket`,
      async () => (await ticketsOf(program)).some(({ facility }) => facility === `probe-bin-${i}`),
      { withinMs: minutes(1) }
    )
    took.push(performance.now() - at)
    await device.endAsync()
    await sleep(Math.max(0, forMs / fires - (performance.now() - at)))
  }
  return took
}

async function ticketsOf({ httpUrl, headers }: Program): Promise<TicketSummary[]> {
  const answer = await fetch(`${httpUrl}/api/tickets?status=all&limit=1000`, { headers })
  const { items } = (await answer.json()) as { items: TicketSummary[] }
  return items.filter(({ rule }) => rule === 'bin-fire')
}

async function troubleOf({ httpUrl }: Program): Promise<string> {
  const answer = await fetch(`${httpUrl}/readyz`)
  const { troubles = [] } = (await answer.json()) as { troubles?: { part: string; detail: string }[] }
  return troubles.find(({ part }) => part === 'store')?.detail ?? ''
}

/** The journal lets go at the next checkpoint of the rules, which is every 30 s; a small one keeps its room. */
async function trimmed(program: Program, mostBytes: number): Promise<number> {
  if (mostBytes < SMALL_JOURNAL_BYTES) return (await program.standing()).journalBytes
  const deadline = performance.now() + seconds(45)
  for (;;) {
    const { journalBytes } = await program.standing()
    if (journalBytes < mostBytes / 4 || performance.now() > deadline) return journalBytes
    await sleep(LOOK_EVERY_MS)
  }
}

async function maxBytesOf({ httpUrl, headers }: Program): Promise<number> {
  const text = await (await fetch(`${httpUrl}/metrics`, { headers })).text()
  return Number(/^mingjie_journal_max_bytes (\S+)$/m.exec(text)?.[1])
}

/** The points of the load's devices; the generator gives no device two messages of one millisecond. */
async function held(influx: InfluxFixture, bins: number): Promise<{ distinct: number; points: number }> {
  let [distinct, points] = [0, 0]
  for (let i = 0; i < bins; i++) {
    const rows = await influx.query(`SELECT seq FROM telemetry WHERE device = 'bench-${i}'`, {
      db: 'mingjie'
    })
    points += rows.length
    distinct += new Set(rows.map(([at]) => Math.floor(Number(at) / 1e6))).size
  }
  return { distinct, points }
}
