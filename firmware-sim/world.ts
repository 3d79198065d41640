import { getTimes } from 'suncalc'
import { days, hours, type Millis } from '#model/time'
import { CITY, MONTH_C, UTC_OFFSET_MS } from './nanjing.ts'

/** What every device of the city feels: the hour, the sun, the weather. Pure functions of time. */
export interface World {
  /** Hours since local midnight, [0, 24). */
  localHour(at: Millis): number
  /** The last local midnight. */
  midnight(at: Millis): Millis
  /** Between civil dusk and civil dawn: lamps are to be lit. `lateMs` moves both, for a clock that is a little off. */
  dark(at: Millis, lateMs?: Millis): boolean
  ambientC(at: Millis): number
}

export function makeWorld(): World {
  const sun = new Map<number, { dawn: Millis; dusk: Millis }>()
  const midnight = (at: Millis) => Math.floor((at + UTC_OFFSET_MS) / days(1)) * days(1) - UTC_OFFSET_MS
  const localHour = (at: Millis) => (at - midnight(at)) / hours(1)

  /** Civil dawn and dusk of the local day; on these coordinates there always is one. */
  function sunOf(day: Millis) {
    let times = sun.get(day)
    if (!times) {
      const { dawn, dusk } = getTimes(new Date(day + hours(12)), CITY.lat, CITY.lon)
      times = { dawn: Number(dawn), dusk: Number(dusk) }
      sun.set(day, times)
    }
    return times
  }

  return {
    localHour,
    midnight,
    dark(at, lateMs = 0) {
      const { dawn, dusk } = sunOf(midnight(at))
      return at - lateMs < dawn || at - lateMs >= dusk
    },
    ambientC(at) {
      const month = MONTH_C[new Date(at + UTC_OFFSET_MS).getUTCMonth()] as number
      // Coldest before sunrise, warmest in the afternoon; five degrees either way is Nanjing's mean daily range.
      return month + 5 * Math.cos(((localHour(at) - 15) / 24) * 2 * Math.PI)
    }
  }
}

/**
 * What has come in since the epoch by a moment, in days' worth, when every local day follows the same 24 hourly weights:
 * the difference between two moments is what came in between.
 */
export function dayCurve(weights: readonly number[]): (world: World, at: Millis) => number {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const upTo = weights.map((_, hour) => weights.slice(0, hour).reduce((sum, weight) => sum + weight, 0))
  return (world, at) => {
    const hour = world.localHour(at)
    const whole = Math.floor(hour)
    const today = ((upTo[whole] ?? 0) + (hour - whole) * (weights[whole] ?? 0)) / total
    return (world.midnight(at) + UTC_OFFSET_MS) / days(1) + today
  }
}

/** The last of the daily rounds, in local hours, that has come by at a moment, each so much later than its timetable. */
export function lastRound(
  world: World,
  at: Millis,
  rounds: { hours: readonly number[]; lateMs: Millis }
): Millis {
  const today = world.midnight(at)
  for (const day of [today, today - days(1)]) {
    const hour = rounds.hours.findLast(hour => day + hours(hour) + rounds.lateMs <= at)
    if (hour !== undefined) return day + hours(hour) + rounds.lateMs
  }
  return today - days(1)
}
