import { existsSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeCity, type City } from '#sim/city'
import { cityCsv } from '#sim/city-csv'
import { drivenClock } from '#sim/driven-clock'
import { simulateCrews, type Crews } from '#sim/crews/crews'
import { connectFleet, type Fleet } from '#sim/fleet'
import { history } from '#sim/plan'
import type { ImportResult } from '#model/api'
import { AppError } from '#model/errors'
import { days, minutes, seconds, systemClock, type Clock, type Millis } from '#model/time'
import type { Config } from './config.ts'
import { hire, type Api, type Staff } from './demo-staff.ts'
import { createLog, type Log } from './log.ts'
import { startSystem, type System } from './system.ts'

const SEED = 1
/** A tenth of a district: what a first look can take in. */
const SCALE = 0.1
/** Shorter than the silence of the fastest device, which is three minutes. */
const STEP_MS = minutes(2)
/** How often the people look at their tickets: in the played day every so many steps, live as often in real time. */
const LOOK_EVERY_STEPS = 3
const LOOK_EVERY_MS = seconds(5)

/** The broker's limits are in real time; a played gateway says in a second what it says in hours. */
const A_DAY_IN_SECONDS = { messagesPerSecond: Infinity, bytesPerSecond: Infinity }

interface Demo {
  system: System
  close(): Promise<void>
}

/** The demo with its clock in hand: nothing moves until it is told to. */
export interface PreparedDemo extends Demo {
  /** It was started before: its past was played then. */
  known: boolean
  /** The end of the played past: the real time of the start. */
  to: Millis
  /** Takes the clock on to `to` in steps, with devices and people; the past in the demo's own steps. */
  play(options: { to: Millis; live?: { stepMs: Millis } }): Promise<void>
  /** From here on in real time. */
  goLive(): void
}

/** What a second start needs to know of the first: which city, and the secrets its devices were given. */
interface Remembered {
  seed: number
  scale: number
  secrets: Record<string, string>
}

/**
 * The whole system with a simulated district on it: the first time the last day, or so many, is played through the same road
 * as any message, on a driven clock; then, and at every later start, live. Told to stop meanwhile, what was played stays.
 */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { signal, say, daysLong = 1 } = options
  const demo = await prepareDemo(options)
  const { system, known, to, close } = demo
  if (known && daysLong > 1) say('It was started before: its past is played at the first start only.')
  try {
    if (!known && !signal.aborted) await demo.play({ to })
    if (!signal.aborted) demo.goLive()
    return { system, close }
  } catch (error) {
    await close()
    throw error
  }
}

interface DemoOptions {
  config: Config
  onFatal: (error: Error) => void
  signal: AbortSignal
  say: (line: string) => void
  /** How many days of the past the first start plays, 1 to 30; default 1. */
  daysLong?: number
}

/** Everything of the demo but the passing of time. */
export async function prepareDemo(options: DemoOptions): Promise<PreparedDemo> {
  const { config, signal, say, daysLong = 1 } = options
  if (config.tls) {
    throw new AppError('config-invalid', 'The demo speaks no TLS: leave TLS_CERT_FILE and TLS_KEY_FILE out.')
  }
  const file = join(config.dataDir, 'demo.json')
  const known = existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as Remembered) : undefined
  const now = systemClock.now()
  const from = known ? now : now - days(daysLong)
  const clock = drivenClock(from, systemClock)
  if (known) clock.release()

  const log = createLog(line => (line.includes(' error ') ? process.stderr.write(`${line}\n`) : undefined))
  const system = await startSystem({
    config,
    clock,
    log,
    simulated: true,
    onFatal: options.onFatal,
    signal,
    ...(known ? {} : { firstTickMs: STEP_MS, brokerLimits: A_DAY_IN_SECONDS })
  })
  let fleet: Fleet | undefined
  let staff: Staff | undefined
  let people: { close(): Promise<void> } | undefined
  const close = async (): Promise<void> => {
    await people?.close()
    await staff?.leave()
    await fleet?.close()
    await system.close()
  }
  try {
    const city = makeCity(known ?? { seed: SEED, scale: SCALE })
    const admin = await asAdmin(system)
    const secrets = new Map(Object.entries(known?.secrets ?? (await settle(admin.api, city, file))))
    staff = await hire({ system, api: admin.api })
    await admin.leave()
    const faults = history({ city, from, to: now })
    fleet = await connectFleet({ city, url: system.mqttUrl, secrets, from, faults, log: () => {} })
    signal.addEventListener('abort', () => void fleet?.close(), { once: true })
    const { repair, faults: allFaults } = fleet
    const crews = simulateCrews({ city, desk: staff.desk, repair, faults: allFaults, from })
    const running = fleet
    return {
      system,
      close,
      known: known !== undefined,
      to: now,
      async play({ to, live }) {
        const playing = { system, fleet: running, crews, clock, to, signal }
        if (live) return playOn({ ...playing, ...live })
        const past = daysLong === 1 ? '24 hours' : `${daysLong} days`
        say(`A simulated district of ${city.facilities.length} facilities; playing its last ${past} …`)
        await play({ ...playing, from, say })
      },
      goLive() {
        clock.release()
        system.keepTicking()
        running.live(clock)
        people = goOn({ crews, clock, log })
      }
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Registers the city the way any city is registered, and keeps the secrets the devices were given. */
async function settle(api: Api, city: City, file: string): Promise<Record<string, string>> {
  const { rows, failed } = await api<ImportResult>('/api/import', {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body: cityCsv(city)
  })
  if (failed > 0)
    throw new Error(`the simulated city has broken rows: ${JSON.stringify(rows.find(row => !row.ok))}`)
  const secrets = Object.fromEntries(rows.flatMap(row => (row.secret ? [[row.id, row.secret]] : [])))
  const remembered: Remembered = { seed: city.seed, scale: city.scale, secrets }
  await writeFile(`${file}.new`, JSON.stringify(remembered), { mode: 0o600 })
  await rename(`${file}.new`, file)
  return secrets
}

interface Playing {
  system: System
  fleet: Fleet
  crews: Crews
  clock: ReturnType<typeof drivenClock>
  to: Millis
  signal: AbortSignal
}

/** Live operation on the played clock: things go wrong, and people look at each step. */
async function playOn({
  system,
  fleet,
  crews,
  stepMs,
  ...time
}: Playing & { stepMs: Millis }): Promise<void> {
  await fleet.play({
    ...time,
    stepMs,
    troubles: true,
    async onStep(at) {
      await system.tick(stepMs)
      await crews.step(at)
    }
  })
  await untilDecided(system, time.signal)
}

async function play(options: Playing & { from: Millis; say: (line: string) => void }): Promise<void> {
  const { system, fleet, crews, clock, from, to, signal, say } = options
  const began = performance.now()
  const tell = progress({ from, to, say })
  let step = 0
  await fleet.play({
    clock,
    to,
    stepMs: STEP_MS,
    async onStep(at) {
      await system.tick(STEP_MS)
      if (step++ % LOOK_EVERY_STEPS === 0 && !signal.aborted) await crews.step(at)
      tell(at, performance.now() - began)
    }
  })
  await untilDecided(system, signal)
  if (!signal.aborted) say(`Played in ${((performance.now() - began) / 1000).toFixed(1)} s.`)
}

/** Says how far a past is: a day in quarters, more of them day by day with the time they still take. */
function progress({ from, to, say }: { from: Millis; to: Millis; say: (line: string) => void }) {
  const daysLong = Math.round((to - from) / days(1))
  const parts = daysLong === 1 ? 4 : daysLong
  let told = 0
  return (at: Millis, tookMs: Millis): void => {
    const done = Math.floor((parts * (at - from)) / (to - from))
    if (done <= told || done >= parts) return
    told = done
    if (daysLong === 1) return say(`  … ${(100 * done) / parts} %`)
    const leftSeconds = ((tookMs / (at - from)) * (to - at)) / 1000
    const left = leftSeconds < 90 ? `${Math.ceil(leftSeconds)} s` : `${Math.ceil(leftSeconds / 60)} min`
    say(`  … ${done} of ${daysLong} days, about ${left} left`)
  }
}

/** The people go on working by the clock; what fails once is tried again at the next look. */
function goOn({ crews, clock, log }: { crews: Crews; clock: Clock; log: Log }): { close(): Promise<void> } {
  let closed = false
  let timer: NodeJS.Timeout | undefined
  let working = Promise.resolve()
  const look = () => {
    working = crews
      .step(clock.now())
      .catch((error: unknown) => (closed ? undefined : log.warn({ err: error }, 'the simulated people')))
      .then(() => {
        if (!closed) timer = setTimeout(look, LOOK_EVERY_MS)
      })
  }
  look()
  return {
    close() {
      closed = true
      clearTimeout(timer)
      return working
    }
  }
}

/** The API as `admin`, until `leave`. */
async function asAdmin({ people, httpUrl }: System): Promise<{ api: Api; leave(): Promise<void> }> {
  const token = await people.createToken('admin', 'bearer')
  return {
    async api<T>(path: string, init: RequestInit = {}) {
      const headers = { authorization: `Bearer ${token}`, ...init.headers }
      const answer = await fetch(httpUrl + path, { ...init, headers })
      if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${await answer.text()}`)
      return (await answer.json()) as T
    },
    leave: () => people.revoke(token)
  }
}

/** Until the rules have seen everything that was acknowledged. */
async function untilDecided(system: System, signal: AbortSignal): Promise<void> {
  const head = system.journal.head()
  while (!signal.aborted && system.ingest.state.committed() < head)
    await new Promise(resolve => setTimeout(resolve, 20))
}
