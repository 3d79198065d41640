import { setTimeout as delay } from 'node:timers/promises'
import { randomFor, type Random } from '#sim/random'
import { minutes, seconds, type Millis } from '#model/time'
import { until } from '#test/fixtures/until'
import { buildPageIfStale } from '../../scripts/build-page.ts'
import { journalFault, keptBy, shownBy } from './evidence.ts'
import { judge, type Difference, type Verdict } from './judge.ts'
import { faultsOn, isPeriodic, nameOf, type Fault, type Part, type Point, type Store } from './points.ts'
import { READY, town, type Town } from './town.ts'
import type { Strike } from './victim.ts'

const BINS = 24
/** What must come, comes in a second or two; a machine that does other work beside may take its time. */
const PATIENCE_MS = minutes(2)
/** InfluxDB stays away so long before it is started again: several writes fail. */
const AWAY_MS = seconds(1)
/** Records that rules and store may be behind while devices go on. */
const KEEPING_UP = 2000
/** The load of a run of no round: what is different then, no kill was needed for. */
const CONTROL_MS = seconds(20)
/** How often a point is passed before it strikes: journal writes come by the hundred a second, others by the ten. */
const PASSES: Record<Point, number> = {
  written: 200,
  synced: 200,
  tickets: 20,
  committed: 20,
  telemetry: 20,
  offset: 20,
  checkpoint: 0,
  pieces: 7,
  saving: 3,
  saved: 3,
  trim: 4,
  migration: 30
}

export interface Row {
  fault: string
  rounds: number
  /** Processes that ran, and were killed in these rounds. */
  killed: Record<Part, number>
  lost: number
  doubled: number
  differing: number
  /** From the kill until a device is acknowledged by the new process; of stores alone until rules and store keep up. */
  recoveredMs: Millis[]
}

export interface CrashReport extends Omit<Verdict, 'differences'> {
  seed: number
  store: Store
  /** That were played. */
  rounds: number
  tookMs: Millis
  rows: Row[]
  /** False when it was stopped, or could not go on, before the end: what was lost is not known then. */
  judged: boolean
  /** What went wrong, in words; empty when nothing did. */
  faults: string[]
}

/**
 * So many rounds under load, each killing something, and at the end the reckoning: what every device was acknowledged
 * against what the API shows and the store keeps. A difference counts for the round in which its reading was
 * published. No round at all is the control: the same reckoning, and nothing was killed. When `signal` aborts,
 * everything is ended and taken away, and the report is of the rounds so far.
 */
export async function crashRounds(options: {
  rounds: number
  seed: number
  store: Store
  say?: (line: string) => void
  signal?: AbortSignal
}): Promise<CrashReport> {
  const { rounds, seed, store, say = () => {}, signal = new AbortController().signal } = options
  await buildPageIfStale()
  const random = randomFor(seed, 'crash')
  const faults = faultsOn(store)
  const began = performance.now()
  const rows = faults.map(rowOf)
  const towns: Promise<Town>[] = []
  const open: typeof town = (...args) => {
    signal.throwIfAborted()
    const opened = town(...args)
    towns.push(opened)
    return opened
  }

  async function play(): Promise<Outcome> {
    // A device has so many readings until it has caught up with now.
    const here = await open({ store, bins: BINS, pauseMs: Math.max(20, rounds / 3) })
    try {
      return await reckoned(here, await playOn(here))
    } catch (error) {
      // What could not go on is a fault like any other; the rounds until then are told.
      say(`\nIt last said:\n${here.main().output().slice(-3000)}`)
      return { ...UNJUDGED, faults: [error instanceof Error ? error.message : String(error)] }
    }
  }

  /** Answers since which reading of each device a round counts. */
  async function playOn(here: Town): Promise<Mark[]> {
    await here.settle()
    await patiently('all devices are acknowledged', () =>
      here.devices().every(({ acknowledged }) => acknowledged.length > 20)
    )
    if (rounds === 0) await delay(CONTROL_MS)
    const marks: Mark[] = []
    for (let no = 0; no < rounds; no++) {
      const fault = faults[no % faults.length] as Fault
      const row = rows[no % rows.length] as Row
      marks.push({ row, published: here.devices().map(({ published }) => published()) })
      const killed = (parts: Part[]) => parts.forEach(part => row.killed[part]++)
      const recoveredMs =
        'at' in fault && fault.at === 'migration'
          ? await firstStart({
              open: strike => open({ store, bins: 1, pauseMs: 50, strike }),
              random,
              killed
            })
          : await oneRound({ here, fault, random, killed })
      row.rounds++
      if (recoveredMs !== undefined) row.recoveredMs.push(recoveredMs)
      const took = recoveredMs === undefined ? '' : `: ${Math.round(recoveredMs)} ms`
      say(`${no + 1}/${rounds} ${row.fault}${took}`)
      // Now and then in order, so that some recoveries begin at a checkpoint.
      if (no % 6 === 5) await inOrder(here)
    }
    return marks
  }

  async function reckoned(here: Town, marks: Mark[]): Promise<Outcome> {
    await here.main().says(READY, PATIENCE_MS)
    await Promise.all(here.devices().map(device => device.drain()))
    await here.caughtUp(1)
    // Ticks go on; a last one behind the readings says that they are in.
    await delay(1500)
    const shown = await shownBy(here)
    const found: string[] = []
    const code = await here.main().stop()
    if (code !== 0) found.push(`stopping in order ended with ${code}`)
    const kept = await keptBy(here)
    const { differences, ...counts } = judge(shown.map((bin, no) => ({ ...bin, rows: kept[no] ?? [] })))
    for (const difference of differences) rowWhen(difference, here, marks)[difference.what]++
    found.unshift(...differences.map(({ what, detail }) => `${what}: ${detail}`))
    const broken = await journalFault(here.dataDir)
    if (broken) found.push(`the journal: ${broken}`)
    return { ...counts, judged: true, faults: found }
  }

  /** In which round the reading was published; in the control there is none, and the first row takes it. */
  function rowWhen({ device, at }: Difference, here: Town, marks: Mark[]): Row {
    const no = here.devices()[device]!.acknowledged.filter(reading => reading.at < at).length
    const mark = marks.findLast(({ published }) => (published[device] as number) <= no)
    return (mark ?? marks[0])?.row ?? (rows[0] as Row)
  }

  const stopped = new Promise<Outcome>(resolve => {
    if (signal.aborted) resolve(UNJUDGED)
    signal.addEventListener('abort', () => resolve(UNJUDGED))
  })
  const played = play()
  // Once stopped, it fails for lack of a town, and nobody waits for it.
  played.catch(() => {})
  try {
    const outcome = await Promise.race([played, stopped])
    const tookMs = performance.now() - began
    return { seed, store, rounds: rows.reduce((sum, row) => sum + row.rounds, 0), tookMs, rows, ...outcome }
  } finally {
    await Promise.all(towns.map(async opened => (await opened).close()))
  }
}

type Outcome = Pick<CrashReport, 'acknowledged' | 'episodes' | 'tickets' | 'judged' | 'faults'>
const UNJUDGED: Outcome = { acknowledged: 0, episodes: 0, tickets: 0, judged: false, faults: [] }

interface Mark {
  row: Row
  published: number[]
}

const rowOf = (fault: Fault): Row => ({
  fault: nameOf(fault),
  rounds: 0,
  killed: { node: 0, postgres: 0, influx: 0 },
  lost: 0,
  doubled: 0,
  differing: 0,
  recoveredMs: []
})

/** Is told what was killed. */
type Killed = (parts: Part[]) => void

/** Kills, starts again what does not start by itself; ms until it serves, undefined when the next kill comes first. */
async function oneRound(options: {
  here: Town
  fault: Fault
  random: Random
  killed: Killed
}): Promise<Millis | undefined> {
  const { here, fault, random, killed } = options
  // Every fourth time it is still starting, else under load.
  const starting = random() < 0.25
  if (!starting) {
    await here.main().says(READY, PATIENCE_MS)
    await patiently('a device is acknowledged', () => acknowledgedSince(here, here.main().startedAt))
    // Now and then a checkpoint is under way, or just written.
    if ('kill' in fault && random() < 0.3) here.order('checkpoint now')
  }
  await delay(random() * (starting ? 2000 : 1000))
  return 'at' in fault
    ? atPoint({ here, at: fault.at, random, killed })
    : atRandom({ here, parts: fault.kill, killed })
}

async function atPoint(options: { here: Town; at: Point; random: Random; killed: Killed }): Promise<Millis> {
  const { here, at, random, killed } = options
  // A program that starts has no checkpoint to come; the one at every end in order is asked for.
  if (isPeriodic(at) || at === 'checkpoint') await here.main().says(READY, PATIENCE_MS)
  here.order({ at, passes: Math.floor(random() * PASSES[at]) })
  if (at === 'checkpoint') here.main().child.kill('SIGTERM')
  const [, signal] = await within(here.main().exited, `Node comes to ${at}`)
  if (signal !== 'SIGKILL') throw new Error(`Node ended by ${signal} before it came to ${at}`)
  const killedAt = performance.now()
  killed(['node', ...(random() < 0.3 ? await here.kill(['postgres']) : [])])
  await here.again()
  return served(here, killedAt)
}

async function atRandom(options: { here: Town; parts: Part[]; killed: Killed }): Promise<Millis | undefined> {
  const { here, parts, killed } = options
  // The very first moments of a start have no Postgres to kill.
  if (parts.includes('postgres')) await patiently('Postgres runs', here.postmaster)
  const wasReady = here.main().output().includes(READY)
  const postmaster = here.postmaster()
  const killedAt = performance.now()
  const gone = await here.kill(parts)
  if (gone.length < parts.length) throw new Error(`to be killed: ${parts.join()}; there were ${gone.join()}`)
  killed(gone)
  const influx = gone.includes('influx')
  if (gone.includes('node')) {
    await here.again()
    // The program starts without InfluxDB, and acknowledges.
    const servedMs = await served(here, killedAt)
    if (influx) await here.startInflux()
    return servedMs
  }
  if (!wasReady) {
    // Without a database it cannot start, and may say so and end: whoever runs it starts it again.
    await Promise.race([
      here
        .main()
        .says(READY, PATIENCE_MS)
        .catch(() => {}),
      here.main().exited
    ])
    if (here.main().child.exitCode !== null) await here.again()
    if (influx) await here.startInflux()
    return undefined
  }
  await patiently('devices are acknowledged meanwhile', () =>
    here.devices().some(({ lastAck }) => lastAck().at > killedAt)
  )
  if (influx) {
    await delay(AWAY_MS)
    await here.startInflux()
  }
  if (gone.includes('postgres'))
    await patiently('Postgres is started again', () => {
      const now = here.postmaster()
      return now !== undefined && now !== postmaster
    })
  await here.caughtUp(KEEPING_UP)
  if (here.main().child.exitCode !== null) throw new Error(`Node ended with ${here.main().child.exitCode}`)
  return performance.now() - killedAt
}

/** Killed within the migration of a first start, then started again: it must come up as if nothing had been. */
async function firstStart(options: {
  open: (strike: Strike) => Promise<Town>
  random: Random
  killed: Killed
}): Promise<Millis> {
  const { open, random, killed } = options
  const fresh = await open({ at: 'migration', passes: Math.floor(random() * PASSES.migration) })
  try {
    const [, signal] = await within(fresh.main().exited, 'Node comes to the migration')
    if (signal !== 'SIGKILL')
      throw new Error(`Node ended by ${signal} before its migration: ${fresh.main().output()}`)
    const killedAt = performance.now()
    killed(['node', ...(random() < 0.3 ? await fresh.kill(['postgres']) : [])])
    await fresh.again()
    await fresh.settle()
    return await served(fresh, killedAt)
  } finally {
    await fresh.close()
  }
}

async function inOrder(here: Town): Promise<void> {
  await here.main().says(READY, PATIENCE_MS)
  const code = await here.main().stop()
  if (code !== 0) throw new Error(`stopping in order ended with ${code}`)
  await here.again()
}

/** By a process that was not there before `at`: what an old one said may still be on its way. */
const acknowledgedSince = (here: Town, at: number) =>
  here.devices().some(({ lastAck }) => lastAck().connectedAt > at)

async function served(here: Town, killedAt: number): Promise<Millis> {
  const ended = here.main().exited.then(([code, signal]) => {
    throw new Error(`Node was to serve again, and ended with ${code ?? signal}`)
  })
  ended.catch(() => {})
  await Promise.race([patiently('devices are acknowledged', () => acknowledgedSince(here, killedAt)), ended])
  return performance.now() - killedAt
}

const patiently = (what: string, ask: () => unknown) => until(what, ask, { withinMs: PATIENCE_MS })

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const stop = new AbortController()
  const late = delay(PATIENCE_MS, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`waited ${PATIENCE_MS / 1000} s until ${what}`)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    stop.abort()
    late.catch(() => {})
  }
}
