import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JournalRecord } from '#db/journal'
import { leveldbJournal } from '#db/journal-leveldb'
import type { Episode, ImportResult, SystemState, TicketSummary } from '#model/api'
import { days, seconds, systemClock, type Millis } from '#model/time'
import { cityCsv } from '#test/fixtures/city-csv'
import { expectedEpisodes, STEP_MS, type CrashReading } from '#test/fixtures/crash-city'
import { crashDevice, type CrashDevice } from '#test/fixtures/crash-load'
import {
  dataFolder,
  freePorts,
  killAll,
  postgresProcesses,
  runMain,
  type MainProcess
} from '#test/fixtures/crash-process'
import { ADMIN } from '#test/fixtures/system'
import { until } from '#test/fixtures/until'
import { buildPageIfStale } from '../../scripts/build-page.ts'

const ROUNDS = Number(process.env['CRASH_ROUNDS'] ?? 20)
const DEVICES = 24
const VICTIMS = ['node', 'node and postgres', 'postgres'] as const
type Victim = (typeof VICTIMS)[number]

interface List<T> {
  items: T[]
  nextCursor: string | null
}

describe(`${ROUNDS} times kill -9 under load`, () => {
  const { dataDir, remove } = dataFolder()
  /** Within what is kept, and long enough ago that no device catches up with now. */
  const from = Date.now() - days(34)
  let ports: { http: number; mqtt: number }
  let main: MainProcess
  let cookie = ''
  let devices: CrashDevice[] = []
  const recovered: Millis[] = []

  const url = () => `http://127.0.0.1:${ports.http}`
  const start = () =>
    (main = runMain({
      DATA_DIR: dataDir,
      HTTP_PORT: String(ports.http),
      MQTT_PORT: String(ports.mqtt),
      ADMIN_PASSWORD: ADMIN.password
    }))
  const get = async <T>(path: string): Promise<T> => {
    const answer = await fetch(url() + path, { headers: { cookie } })
    if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${await answer.text()}`)
    return (await answer.json()) as T
  }
  async function all<T>(path: string): Promise<T[]> {
    const items: T[] = []
    for (let cursor = ''; ;) {
      const page = await get<List<T>>(`${path}limit=1000${cursor}`)
      items.push(...page.items)
      if (page.nextCursor === null) return items
      cursor = `&cursor=${encodeURIComponent(page.nextCursor)}`
    }
  }

  beforeAll(async () => {
    await buildPageIfStale()
    ports = await freePorts()
    start()
    await main.says('is ready')
    const signIn = await fetch(`${url()}/api/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(ADMIN)
    })
    cookie = (signIn.headers.get('set-cookie') ?? '').split(';')[0] as string
    const bins = Array.from({ length: DEVICES }, (_, no) => ({ id: `bin-${no}` }))
    const answer = await fetch(`${url()}/api/import`, {
      method: 'POST',
      headers: { 'content-type': 'text/csv', cookie, origin: url() },
      body: cityCsv(bins)
    })
    const { rows, failed } = (await answer.json()) as ImportResult
    expect(failed).toBe(0)
    const secrets = new Map(rows.map(row => [row.id, row.secret as string]))
    devices = bins.map(({ id }, no) =>
      crashDevice({
        id: `${id}-s`,
        no,
        port: ports.mqtt,
        password: secrets.get(`${id}-s`) as string,
        from,
        pauseMs: 20
      })
    )
  }, 120_000)

  afterAll(async () => {
    for (const device of devices) device.close()
    await main.stop('SIGKILL')
    remove()
  })

  /** By a process that was not there before `at`: what an old one said may still be on its way. */
  const acknowledgedAnew = (at: number) => devices.some(({ lastAck }) => lastAck().connectedAt > at)

  /** Kills, and starts again what does not start by itself. */
  async function kill(victim: Victim): Promise<void> {
    const wasReady = main.output().includes('is ready')
    const killedAt = performance.now()
    const node = victim === 'postgres' ? [] : [main.child.pid as number]
    const postgres = victim === 'node' ? [] : postgresProcesses(dataDir)
    killAll([...node, ...postgres])
    if (victim !== 'postgres') {
      await main.exited
      start()
    } else if (wasReady) {
      await until('devices are acknowledged without Postgres', () =>
        devices.some(({ lastAck }) => lastAck().at > killedAt)
      )
      await until('Postgres is started again', () => {
        const [now] = postgresProcesses(dataDir)
        return now !== undefined && now !== postgres[0]
      })
      expect(main.child.exitCode).toBe(null)
    } else {
      // Without a database it cannot start, and may say so and end: whoever runs it starts it again.
      await Promise.race([main.says('is ready').catch(() => {}), main.exited])
      if (main.child.exitCode !== null) start()
    }
  }

  it('loses nothing that was acknowledged and doubles nothing, neither reading, episode nor ticket', async () => {
    await until('all devices are acknowledged', () =>
      devices.every(({ acknowledged }) => acknowledged.length > 20)
    )
    const began = performance.now()
    for (let n = 0; n < ROUNDS; n++) {
      const victim = VICTIMS[n % VICTIMS.length] as Victim
      const killedAt = performance.now()
      await kill(victim)
      // Every fourth time the next one comes while it is still starting, else under load.
      const starting = n % 4 === 3
      if (!starting) {
        await main.says('is ready')
        if (victim !== 'postgres') {
          await until('devices are acknowledged', () => acknowledgedAnew(killedAt), { withinMs: seconds(60) })
          recovered.push(performance.now() - killedAt)
        }
      }
      await delay(Math.random() * (starting ? 3000 : 1000))
      // Now and then in order, so that some recoveries begin at a checkpoint.
      if (n % 6 === 5) {
        await main.says('is ready')
        expect(await main.stop()).toBe(0)
        start()
        await main.says('is ready')
      }
    }
    const killedForMs = performance.now() - began

    await main.says('is ready')
    await Promise.all(devices.map(device => device.drain()))
    await until(
      'everything is decided and stored',
      async () => {
        const { behind, ready } = await get<SystemState>('/api/system')
        return ready && behind.state <= 1 && behind.store <= 1
      },
      { withinMs: seconds(60) }
    )
    // Ticks go on; a last one behind the readings says that they are in.
    await delay(1500)

    let acknowledged = 0
    const lost: string[] = []
    const doubled: string[] = []
    const episodes: Record<'expected' | 'found', string[]> = { expected: [], found: [] }
    for (const [no, device] of devices.entries()) {
      const facility = `bin-${no}`
      expect(device.acknowledged.length).toBe(device.published())
      acknowledged += device.acknowledged.length
      for (const metric of ['tempC', 'fillPct'] as const) {
        const found = await pointsOf(facility, metric, device.acknowledged)
        for (const { at, [metric]: value } of device.acknowledged) {
          const values = found.get(at) ?? []
          if (!values.includes(value)) lost.push(`${facility} ${metric} ${at}`)
          if (values.length > 1) doubled.push(`${facility} ${metric} ${at}`)
        }
      }
      const readings = [...device.acknowledged].sort((a, b) => a.at - b.at)
      for (const { rule, startedAt, ended } of expectedEpisodes(readings))
        episodes.expected.push(`${facility} ${rule} ${new Date(startedAt).toISOString()} ${ended}`)
      for (const { rule, startedAt, endedAt } of await all<Episode>(`/api/facilities/${facility}/episodes?`))
        episodes.found.push(`${facility} ${rule} ${startedAt} ${endedAt !== null}`)
    }
    const tickets = await all<TicketSummary>('/api/tickets?status=all&')
    const open = tickets
      .filter(({ closedAt }) => closedAt === null)
      .map(({ rule, subject }) => `${rule} ${subject}`)

    recovered.sort((a, b) => a - b)
    const inSeconds = (ms = NaN) => `${(ms / 1000).toFixed(1)} s`
    console.log(
      `crash: ${ROUNDS} kills in ${inSeconds(killedForMs)}, ${acknowledged} messages acknowledged, ` +
        `${lost.length} readings lost, ${doubled.length} doubled, ${episodes.found.length} episodes, ` +
        `${tickets.length} tickets; acknowledging again after ${inSeconds(recovered[recovered.length >> 1])} ` +
        `(median), ${inSeconds(recovered.at(-1))} (longest)`
    )
    expect(lost).toEqual([])
    expect(doubled).toEqual([])
    expect(episodes.found.sort()).toEqual(episodes.expected.sort())
    expect(new Set(episodes.found).size).toBe(episodes.found.length)
    expect(new Set(open).size).toBe(open.length)
    expect(open.sort()).toEqual(
      episodes.found
        .filter(line => line.endsWith('false'))
        .map(line => line.split(' '))
        .map(([facility, rule]) => `${rule} facility:${facility}`)
        .sort()
    )

    expect(await main.stop()).toBe(0)
    await expectDense(join(dataDir, 'journal'))
  }, 600_000)

  /** Values by time, read through the API a few days at a time. */
  async function pointsOf(facility: string, metric: string, readings: CrashReading[]) {
    const found = new Map<Millis, number[]>()
    const end = Math.max(...readings.map(({ at }) => at)) + 1
    for (let at = from; at < end; at += 2000 * STEP_MS) {
      const to = Math.min(end, at + 2000 * STEP_MS)
      const range = `from=${new Date(at).toISOString()}&to=${new Date(to).toISOString()}`
      const { items } = await get<List<{ at: string; value: number }>>(
        `/api/facilities/${facility}/telemetry?metric=${metric}&${range}`
      )
      for (const { at, value } of items) {
        const time = Date.parse(at)
        found.set(time, [...(found.get(time) ?? []), value])
      }
    }
    return found
  }
})

/** Every seq from the oldest kept to the head is there once, and time never went back. */
async function expectDense(dir: string): Promise<void> {
  const journal = await leveldbJournal({ dir, clock: systemClock })
  const stop = new AbortController()
  let last: JournalRecord | undefined
  try {
    for await (const records of journal.read(0, { maxBytes: 1_000_000, signal: stop.signal })) {
      for (const record of records) {
        if (last) expect(record.seq).toBe(last.seq + 1)
        if (last) expect(record.receivedAt).toBeGreaterThanOrEqual(last.receivedAt)
        last = record
      }
      if (last?.seq === journal.head()) break
    }
    expect(last?.seq).toBe(journal.head())
  } finally {
    stop.abort()
    await journal.close()
  }
}
