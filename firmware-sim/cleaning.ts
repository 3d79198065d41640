import { hours, minutes, type Millis } from '#model/time'
import type { City } from './city.ts'
import type { Fault } from './faults.ts'
import { between, randomFor } from './random.ts'
import { makeWorld } from './world.ts'

/** Somebody cleans a toilet and scans the code at its door. */
export interface Cleaning {
  at: Millis
  facility: string
}

/** From when, and until when, cleaners are about, in local hours. */
const SHIFT = [6.2, 21.9] as const
/** Well within the four hours a toilet may be open without a cleaning. */
const ROUND_MS: readonly [Millis, Millis] = [hours(2.2), hours(2.9)]

/**
 * The cleanings of all toilets after `from` and up to `to`, by time: the same for the same city however the time is cut, and none
 * while the cleaner is absent.
 */
export function cleanings(options: {
  city: City
  from: Millis
  to: Millis
  faults: readonly Fault[]
}): Cleaning[] {
  const { city, from, to, faults } = options
  const world = makeWorld()
  const toiletOf = new Map(city.devices.map(({ id, facility }) => [id, facility]))
  const away = faults.filter(({ kind }) => kind === 'cleaner-absent')
  const found: Cleaning[] = []
  for (const { id, kind } of city.facilities) {
    if (kind !== 'toilet') continue
    const absent = away.filter(({ device }) => toiletOf.get(device) === id)
    for (let day = world.midnight(from); day < to; day = world.midnight(day + hours(36))) {
      const random = randomFor(city.seed, `cleaning/${id}/${day}`)
      const end = day + hours(SHIFT[1])
      for (let at = day + hours(SHIFT[0]) + between(random, 0, minutes(20)); at < end;) {
        const here = !absent.some(fault => fault.from <= at && at < fault.to)
        if (here && at > from && at <= to) found.push({ at: Math.round(at), facility: id })
        at += between(random, ...ROUND_MS)
      }
    }
  }
  return found.sort((a, b) => a.at - b.at)
}
