import type { DayWindow } from '#model/rules'
import { days, type Millis } from '#model/time'
import type { Calendar } from './calendar.ts'
import { createSun, NO_SUN, remembering, type Sun, type SunPhase } from './sun.ts'

/**
 * When lamps should be lit: by the sun and by their schedule. Lamps of which the same is and was expected share one; a phase
 * begins where what is expected of *them* changes.
 */
export interface Expectation extends Sun {
  /** Names what is and was expected; the same name, the same object. */
  readonly key: string
}

/** Where the sun is taken, and the clock that schedules go by. */
export interface CityTime {
  place: { lat: number; lon: number } | undefined
  calendar: Calendar
}

export interface Expectations {
  /** Of lamps without a schedule: between civil dusk and dawn. */
  readonly sun: Expectation
  /** Where the sun is taken; undefined: nobody said. */
  readonly place: CityTime['place']
  /**
   * What is expected from journal time `at` on of a lamp that has this schedule now, and of which `before` was expected. Where
   * both say the same at that moment nothing changes for the lamp; else a phase begins there. Each call holds what it answers.
   */
  hold(schedule: Schedule, before: Expectation | undefined, at: Millis): Expectation
  /** One that `hold` answered is not needed any more. */
  release(expectation: Expectation): void
  /** The city lies elsewhere or goes by another clock from `at` on; answers whether it is different. */
  inCity(city: CityTime, at: Millis): boolean
  /** Those that are held, and the sun. */
  all(): Iterable<Expectation>
  /** Grows with every one that is new or different. */
  readonly version: number
}

/** Windows in which lamps are lit while the sun is down; none: all night. */
export type Schedule = readonly DayWindow[]

/** Lit by night within the windows. Where nobody knows the sun, nobody knows this. */
export function scheduled(sun: Sun, calendar: Calendar, schedule: Schedule): Sun {
  if (schedule.length === 0) return sun
  return remembering(
    joined(at => {
      const phase = sun.phaseAt(at)
      if (!phase.lit) return phase
      const { open, since, until } = calendar.openingAt(schedule, at)
      return {
        lit: open,
        known: true,
        since: Math.max(since, phase.since),
        until: Math.min(until, phase.until)
      }
    })
  )
}

/** Lamps that are never lit have one phase for good; older than this no sample is fresh. */
const LOOK_ROUND_MS = days(30)

/** A day and a closed window beside it are one phase. */
function joined(pieceAt: (at: Millis) => SunPhase): (at: Millis) => SunPhase {
  return at => {
    const phase = { ...pieceAt(at) }
    if (!phase.known) return phase
    while (phase.since > at - LOOK_ROUND_MS) {
      const before = pieceAt(phase.since - 1)
      if (!alike(before, phase)) break
      phase.since = before.since
    }
    while (phase.until < at + LOOK_ROUND_MS) {
      const after = pieceAt(phase.until)
      if (!alike(after, phase)) break
      phase.until = after.until
    }
    return phase
  }
}

const alike = (a: SunPhase, b: SunPhase): boolean => a.lit === b.lit && a.known === b.known

/** Something else is expected from `from` on; a phase that both say goes on. */
export function changed(before: Sun, from: Millis, after: Sun): Sun {
  return remembering(at => {
    const phase = (at < from ? before : after).phaseAt(at)
    if (at < from ? phase.until < from : phase.since >= from) return phase
    const [last, next] = at < from ? [phase, after.phaseAt(from)] : [before.phaseAt(from - 1), phase]
    if (alike(last, next) && next.since < from) return { ...next, since: last.since }
    return at < from ? { ...last, until: from } : { ...next, since: from }
  })
}

/** A backlog is judged by what was expected then; what was measured before is refused as too old. */
const KEPT_MS = days(36)

/** What counts from a moment on. */
interface Step<T> {
  from: Millis
  value: T
}

/** The steps that somebody may still ask for at `at`; the first of them stands for all before. */
const keptSteps = <T>(steps: readonly Step<T>[], at: Millis): Step<T>[] =>
  steps
    .filter((_, i) => (steps[i + 1]?.from ?? Infinity) > at - KEPT_MS)
    .map((step, i) => (i === 0 ? { ...step, from: 0 } : step))

const withStep = <T>(steps: readonly Step<T>[], next: Step<T>): Step<T>[] =>
  keptSteps([...steps.filter(({ from }) => from < next.from), next], next.from)

/** From the first step on, whatever came before it. */
const inOrder = <T>(steps: readonly Step<T>[], phasesOf: (value: T) => Sun): Sun =>
  steps
    .slice(1)
    .reduce((before, { from, value }) => changed(before, from, phasesOf(value)), phasesOf(steps[0]!.value))

interface Held extends Expectation {
  steps: readonly Step<Schedule>[]
  phases: Sun
  holders: number
}

export function createExpectations(calendar: Calendar): Expectations {
  let city: Step<{ time: CityTime; sun: Sun }>[] = [
    { from: 0, value: { time: { place: undefined, calendar }, sun: NO_SUN } }
  ]
  const held = new Map<string, Held>()
  let version = 0
  /** Of each schedule as it is written: its windows are known to the calendar as this one list. */
  const schedules = new Map<string, Schedule>()

  const phasesOf = (steps: readonly Step<Schedule>[]): Sun =>
    inOrder(steps, schedule => inOrder(city, ({ time, sun }) => scheduled(sun, time.calendar, schedule)))

  function theOne(schedule: Schedule): Schedule {
    const text = JSON.stringify(schedule)
    const known = schedules.get(text)
    if (known) return known
    schedules.set(text, schedule)
    return schedule
  }

  function heldFor(steps: readonly Step<Schedule>[]): Held {
    const key = steps.map(({ from, value }) => `${from} ${JSON.stringify(value)}`).join(' ')
    let one = held.get(key)
    if (!one) {
      one = {
        key,
        steps,
        phases: phasesOf(steps),
        holders: 0,
        phaseAt(at) {
          return this.phases.phaseAt(at)
        }
      }
      held.set(key, one)
      version++
    }
    one.holders++
    return one
  }

  const sun = heldFor([{ from: 0, value: theOne([]) }])

  return {
    sun,
    get place() {
      return city.at(-1)!.value.time.place
    },
    hold(wanted, before, at) {
      const schedule = theOne(wanted)
      const steps = (before as Held | undefined)?.steps
      const last = steps?.at(-1)
      if (!steps || at === 0) return heldFor([{ from: 0, value: schedule }])
      if (last?.value === schedule) return heldFor(keptSteps(steps, at))
      return heldFor(withStep(steps, { from: at, value: schedule }))
    },
    release(expectation) {
      const one = expectation as Held
      if (--one.holders === 0) held.delete(one.key)
    },
    inCity(time, at) {
      const { time: known, sun } = city.at(-1)!.value
      const moved = known.place?.lat !== time.place?.lat || known.place?.lon !== time.place?.lon
      if (!moved && known.calendar === time.calendar) return false
      const { place } = time
      const next = { time, sun: !moved ? sun : place ? createSun(place.lat, place.lon) : NO_SUN }
      // Before anybody said where it lies nothing was expected that could change.
      city =
        known.place === undefined || at === 0
          ? [{ from: 0, value: next }]
          : withStep(city, { from: at, value: next })
      for (const one of held.values()) one.phases = phasesOf(one.steps)
      version++
      return true
    },
    all: () => held.values(),
    get version() {
      return version
    }
  }
}
