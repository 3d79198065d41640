import { setTimeout as delay } from 'node:timers/promises'
import { randomFor, type Random } from '#sim/random'
import { seconds, type Millis } from '#model/time'
import { until } from '#test/fixtures/until'
import { buildPageIfStale } from '../../scripts/build-page.ts'
import { journalFault, judge, type Difference, type Verdict } from './judge.ts'
import { faultsOn, nameOf, type Fault, type Part, type Point, type Store } from './points.ts'
import { town, type Town } from './town.ts'

const BINS = 24
const REACHED_WITHIN_MS = seconds(30)
/** InfluxDB stays away so long before it is started again: several writes fail. */
const AWAY_MS = seconds(1)
/** Records that rules and store may be behind while devices go on. */
const KEEPING_UP = 2000
/** How often a point is passed before it strikes: journal writes come by the hundred a second, others by the ten. */
const PASSES: Record<Point, number> = {
  written: 200,
  synced: 200,
  tickets: 20,
  committed: 20,
  telemetry: 20,
  offset: 20,
  checkpoint: 0,
  migration: 30
}

export interface Row {
  fault: string
  rounds: number
  lost: number
  doubled: number
  tickets: number
  /** From the kill until a device is acknowledged by the new process; of stores alone until rules and store keep up. */
  recoveredMs: Millis[]
}

export interface CrashReport extends Omit<Verdict, 'differences'> {
  seed: number
  store: Store
  rounds: number
  tookMs: Millis
  rows: Row[]
  /** What went wrong, in words; empty when nothing did. */
  faults: string[]
}

/**
 * So many rounds under load, each killing something, and at the end the reckoning: what every device was acknowledged
 * against what the API shows. A difference counts for the round in which its reading was published.
 */
export async function crashRounds(options: {
  rounds: number
  seed: number
  store: Store
  say?: (line: string) => void
}): Promise<CrashReport> {
  const { rounds, seed, store, say = () => {} } = options
  await buildPageIfStale()
  const random = randomFor(seed, 'crash')
  const faults = faultsOn(store)
  const began = performance.now()
  const rows: Row[] = faults.map(fault => ({
    fault: nameOf(fault),
    rounds: 0,
    lost: 0,
    doubled: 0,
    tickets: 0,
    recoveredMs: []
  }))
  // A device has so many readings until it has caught up with now.
  const here = await town({ store, bins: BINS, pauseMs: Math.max(20, rounds / 3) })
  try {
    await here.settle()
    await until('all devices are acknowledged', () =>
      here.devices().every(({ acknowledged }) => acknowledged.length > 20)
    )
    /** Since which reading of each device a round counts. */
    const marks: { row: Row; published: number[] }[] = []
    for (let no = 0; no < rounds; no++) {
      const fault = faults[no % faults.length] as Fault
      const row = rows[no % rows.length] as Row
      marks.push({ row, published: here.devices().map(({ published }) => published()) })
      row.rounds++
      const recoveredMs =
        'at' in fault && fault.at === 'migration'
          ? await firstStart({ store, random })
          : await oneRound({ here, fault, random })
      if (recoveredMs !== undefined) row.recoveredMs.push(recoveredMs)
      say(
        `${no + 1}/${rounds} ${row.fault}${recoveredMs === undefined ? '' : `: ${Math.round(recoveredMs)} ms`}`
      )
      // Now and then in order, so that some recoveries begin at a checkpoint.
      if (no % 6 === 5) await inOrder(here)
    }

    await here.main().says('is ready')
    await Promise.all(here.devices().map(device => device.drain()))
    await here.caughtUp(1)
    // Ticks go on; a last one behind the readings says that they are in.
    await delay(1500)
    const { differences, ...counts } = await judge(here)
    for (const difference of differences) rowOf(difference)[difference.what]++
    const found = differences.map(({ what, detail }) => `${what}: ${detail}`)
    const code = await here.main().stop()
    if (code !== 0) found.push(`stopping in order ended with ${code}`)
    const broken = await journalFault(here.dataDir)
    if (broken) found.push(`the journal: ${broken}`)
    return { ...counts, seed, store, rounds, tookMs: performance.now() - began, rows, faults: found }

    function rowOf({ device, at }: Difference): Row {
      const no = here.devices()[device]!.acknowledged.filter(reading => reading.at < at).length
      const mark = marks.findLast(({ published }) => (published[device] as number) <= no)
      return (mark ?? marks[0])!.row
    }
  } catch (error) {
    say(`\nIt last said:\n${here.main().output().slice(-3000)}`)
    throw error
  } finally {
    await here.close()
  }
}

/** Kills, starts again what does not start by itself; ms until it serves, undefined when the next kill comes first. */
async function oneRound(options: { here: Town; fault: Fault; random: Random }): Promise<Millis | undefined> {
  const { here, fault, random } = options
  // Every fourth time it is still starting, else under load.
  const starting = random() < 0.25
  if (!starting) {
    await here.main().says('is ready')
    await until('a device is acknowledged', () => acknowledgedSince(here, here.main().startedAt))
  }
  await delay(random() * (starting ? 2000 : 1000))
  return 'at' in fault ? atPoint({ here, at: fault.at, random }) : atRandom(here, fault.kill)
}

async function atPoint({ here, at, random }: { here: Town; at: Point; random: Random }): Promise<Millis> {
  here.arm({ at, passes: Math.floor(random() * PASSES[at]) })
  if (at === 'checkpoint') {
    // There is one at every end in order, and nothing else to wait for.
    await here.main().says('is ready')
    here.main().child.kill('SIGTERM')
  }
  const [, signal] = await within(here.main().exited, `Node comes to ${at}`)
  if (signal !== 'SIGKILL') throw new Error(`Node ended by ${signal} before it came to ${at}`)
  const killedAt = performance.now()
  if (random() < 0.3) here.kill(['postgres'])
  await here.again()
  return served(here, killedAt)
}

async function atRandom(here: Town, parts: Part[]): Promise<Millis | undefined> {
  const wasReady = here.main().output().includes('is ready')
  const postmaster = here.postmaster()
  const killedAt = performance.now()
  const influx = parts.includes('influx') && here.killInflux()
  here.kill(parts)
  await influx
  if (parts.includes('node')) {
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
        .says('is ready')
        .catch(() => {}),
      here.main().exited
    ])
    if (here.main().child.exitCode !== null) await here.again()
    if (influx) await here.startInflux()
    return undefined
  }
  await until('devices are acknowledged meanwhile', () =>
    here.devices().some(({ lastAck }) => lastAck().at > killedAt)
  )
  if (influx) {
    await delay(AWAY_MS)
    await here.startInflux()
  } else
    await until('Postgres is started again', () => {
      const now = here.postmaster()
      return now !== undefined && now !== postmaster
    })
  await here.caughtUp(KEEPING_UP)
  if (here.main().child.exitCode !== null) throw new Error(`Node ended with ${here.main().child.exitCode}`)
  return performance.now() - killedAt
}

/** Killed within the migration of a first start, then started again: it must come up as if nothing had been. */
async function firstStart({ store, random }: { store: Store; random: Random }): Promise<Millis> {
  const fresh = await town({
    store,
    bins: 1,
    pauseMs: 50,
    strike: { at: 'migration', passes: Math.floor(random() * PASSES.migration) }
  })
  try {
    const [, signal] = await within(fresh.main().exited, 'Node comes to the migration')
    if (signal !== 'SIGKILL')
      throw new Error(`Node ended by ${signal} before its migration: ${fresh.main().output()}`)
    const killedAt = performance.now()
    if (random() < 0.3) fresh.kill(['postgres'])
    await fresh.again()
    await fresh.settle()
    return await served(fresh, killedAt)
  } finally {
    await fresh.close()
  }
}

async function inOrder(here: Town): Promise<void> {
  await here.main().says('is ready')
  const code = await here.main().stop()
  if (code !== 0) throw new Error(`stopping in order ended with ${code}`)
  await here.again()
}

/** By a process that was not there before `at`: what an old one said may still be on its way. */
const acknowledgedSince = (here: Town, at: number) =>
  here.devices().some(({ lastAck }) => lastAck().connectedAt > at)

async function served(here: Town, killedAt: number): Promise<Millis> {
  await until('devices are acknowledged', () => acknowledgedSince(here, killedAt), { withinMs: seconds(60) })
  return performance.now() - killedAt
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const stop = new AbortController()
  const late = delay(REACHED_WITHIN_MS, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`waited ${REACHED_WITHIN_MS / 1000} s until ${what}`)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    stop.abort()
    late.catch(() => {})
  }
}
