import { seconds, systemClock, type Millis } from '#model/time'
import type { City } from './city.ts'
import { simulateCrews, type Crews } from './crews/crews.ts'
import type { Desk } from './crews/desk.ts'
import { plannedDays, writeExpectation } from './expect.ts'
import { connectFleet, type Fleet } from './fleet.ts'
import { watchLive } from './outage-watch.ts'
import { foreseenOf, type Played } from './truth/expectation.ts'

/** How often people look at their tickets. */
const LOOK_EVERY_MS = seconds(5)
/** In less than a day's half people hurry, or nothing would be done when it is over; but nobody is ten times as fast. */
const USUAL_HOURS = 6
const FASTEST = 0.1

/** What people need for their work, as a share of what they need in a city. */
export const paceOf = (hoursLong: number): number => Math.min(1, Math.max(FASTEST, hoursLong / USUAL_HOURS))

export interface LiveOptions {
  city: City
  /** The broker. */
  url: string
  secrets: ReadonlyMap<string, string>
  /** Hard days of so many hours, then it ends; undefined: the usual small troubles, for ever. */
  expect: { file: string; seed: number; hoursLong: number } | undefined
  /** People work the tickets through it. */
  desk: Desk | undefined
  say: (line: string) => void
}

/** A city that reports in real time, until `close` or its hard days are over. */
export interface LiveCity {
  /** Resolves when everything is closed and the last file is written; rejects where it cannot be. */
  ended: Promise<void>
  close(): void
}

/** Connects all devices first; rejects with the broker's words. */
export async function playLive({ city, url, secrets, expect, desk, say }: LiveOptions): Promise<LiveCity> {
  const clock = systemClock
  const from = clock.now()
  const hard = expect && plannedDays({ city, from, hoursLong: expect.hoursLong, thought: false })
  const crews = desk !== undefined
  if (hard && expect) {
    await writeExpectation(expect.file, { seed: expect.seed, ...hard, crews, over: false })
    const { must, may, mustNot } = hard.expectation
    say(
      `${hard.played.faults.length} things go wrong with ${city.facilities.length} facilities in ${expect.hoursLong} h: ` +
        `${must.length} tickets must follow, ${may.length} may, ${mustNot.length} must not; written to ${expect.file}`
    )
  }
  const fleet = await connectFleet({ city, url, secrets, from, faults: hard?.played.faults ?? [], log: say })
  say(`${fleet.counts().connected} devices connected to ${url}; Ctrl-C ends`)
  fleet.live(clock, { troubles: !hard })
  const people = desk && atWork({ city, desk, fleet, from, pace: expect ? paceOf(expect.hoursLong) : 1, say })

  /** What was played until `at`, with everything that could not be planned. */
  const playedTo = (played: Played, at: Millis): Played => ({
    ...played,
    to: Math.min(played.to, at),
    outages: watch.outages(at),
    ...(people && { repaired: fleet.faults(), deeds: people.crews.deeds() })
  })
  const watch = watchLive({
    clock,
    seen: fleet.counts,
    onOver(outage) {
      say(`the program was away for ${Math.round((outage.to - outage.from) / 1000)} s`)
      if (hard && expect) void write(hard.played.to, false).catch((error: Error) => say(error.message))
    }
  })
  async function write(at: Millis, over: boolean): Promise<void> {
    if (!hard || !expect) return
    const played = playedTo(hard.played, at)
    const expectation = foreseenOf(played)
    await writeExpectation(expect.file, { seed: expect.seed, played, expectation, crews, over })
    const { must, may, mustNot } = expectation
    const counted = `${must.length} tickets must have followed, ${may.length} may, ${mustNot.length} must not`
    if (over) say(`over: ${counted}, ${played.outages?.length} times the program was away; ${expect.file}`)
  }

  const report = setInterval(() => {
    const { connected, acknowledged, dropped } = fleet.counts()
    say(`${connected} connected, ${acknowledged} reports acknowledged, ${dropped} given up`)
    if (people) say(JSON.stringify(people.crews.counts()).replace(/[{}"]/g, '').replaceAll(',', ', '))
  }, seconds(60))
  let close = () => {}
  const stopped = new Promise<void>(resolve => {
    const end = hard && setTimeout(resolve, hard.played.to - clock.now())
    close = () => {
      clearTimeout(end)
      resolve()
    }
  })
  const ended = stopped.then(async () => {
    const at = clock.now()
    clearInterval(report)
    watch.close()
    await people?.close()
    await fleet.close()
    await write(at, true)
  })
  return { ended, close: () => close() }
}

/** People who look at their tickets again and again; what fails once is tried at the next look. */
function atWork(options: {
  city: City
  desk: Desk
  fleet: Fleet
  from: Millis
  pace: number
  say: (line: string) => void
}): { crews: Crews; close(): Promise<void> } {
  const { city, desk, fleet, from, pace, say } = options
  const { now } = systemClock
  const crews = simulateCrews({
    city,
    desk,
    repair: (job, at) => fleet.repair(job, at),
    faults: () => fleet.faults(),
    from,
    pace,
    now
  })
  let closed = false
  let timer: NodeJS.Timeout | undefined
  let working = Promise.resolve()
  let told = ''
  const look = () => {
    working = crews
      .step(now())
      .then(() => void (told = ''))
      .catch((error: Error) => {
        if (!closed && error.message !== told) say(`people cannot work: ${(told = error.message)}`)
      })
      .then(() => {
        if (!closed) timer = setTimeout(look, LOOK_EVERY_MS)
      })
  }
  look()
  return {
    crews,
    async close() {
      closed = true
      clearTimeout(timer)
      // A person who waits for a program that is away is not waited for.
      await Promise.race([working, new Promise(resolve => setTimeout(resolve, seconds(5)).unref())])
    }
  }
}
