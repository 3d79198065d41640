import { subjectOf } from '#model/ids'
import { days, hours, minutes, type Millis } from '#model/time'
import { cleanings } from '../cleaning.ts'
import type { World } from '../world.ts'
import type { Claims } from './claims.ts'
import { CLEAN_EVERY_MS, OPENING_HOURS } from './domain.ts'
import type { Played } from './expectation.ts'
import type { Service } from './fates.ts'

/** A scan and the report that is judged may come in either order within this. */
const NEAR_MS = minutes(6)

/**
 * Toilets that were open for four hours since their last cleaning, or since they were first heard. `services`: when they really
 * were cleaned, where people were about; else by the cleaners' timetable.
 */
export function cleaningsDue({
  played,
  world,
  services
}: {
  played: Played
  world: World
  services: readonly Service[] | undefined
}): Claims {
  const { city, from, to } = played
  const done =
    services ?? cleanings(played).map(({ facility, at }): Service => ({ facility, from: at, to: at }))
  const claims: Claims = { must: [], may: [], mustNot: [] }
  for (const { id, kind } of city.facilities) {
    if (kind !== 'toilet') continue
    const subject = subjectOf('facility', id)
    const times = [{ from, to: from }, ...done.filter(({ facility }) => facility === id)]
    for (const [i, last] of times.entries()) {
      const due = openFor(world, last.from, CLEAN_EVERY_MS)
      const latest = openFor(world, last.to, CLEAN_EVERY_MS)
      const next = times[i + 1]?.from ?? Infinity
      if (due > next + NEAR_MS || due > to) continue
      const ticket = {
        rule: 'toilet-clean-due' as const,
        subject,
        from: due,
        to: next,
        toleranceMs: minutes(2) + played.stepMs + (latest - due),
        why: 'the cleaner did not come'
      }
      claims[latest < next - NEAR_MS ? 'must' : 'may']?.push(ticket)
    }
  }
  return claims
}

/** When a place that opens and closes has been open for `ms` since `since`. */
function openFor(world: World, since: Millis, ms: Millis): Millis {
  const [opens, closes] = OPENING_HOURS
  let left = ms
  for (let day = world.midnight(since); ; day = world.midnight(day + days(1) + hours(12))) {
    const from = Math.max(since, day + hours(opens))
    const to = day + hours(closes)
    if (to <= from) continue
    if (to - from >= left) return from + left
    left -= to - from
  }
}
