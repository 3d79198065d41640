import { subjectOf, type Subject } from '#model/ids'
import { days, hours, minutes, type Millis } from '#model/time'
import { cleanings } from '../cleaning.ts'
import type { World } from '../world.ts'
import type { Claims } from './claims.ts'
import { CLEAN_EVERY_MS, OPENING_HOURS } from './domain.ts'
import type { MustTicket, Played } from './expectation.ts'

/** A scan and the report that is judged may come in either order within this. */
const NEAR_MS = minutes(6)

/** Toilets that were open for four hours since their last cleaning, or since they were first heard. */
export function cleaningsDue({ played, world }: { played: Played; world: World }): Claims {
  const { city, from, to } = played
  const done = cleanings(played)
  const claims: Claims = { must: [], may: [], mustNot: [] }
  for (const { id, kind } of city.facilities) {
    if (kind !== 'toilet') continue
    const subject = subjectOf('facility', id)
    // A crew that airs or cleans a toilet for a ticket has cleaned it too: when it is due again is not foreseen.
    if (played.repaired) {
      claims.may?.push(...atAnyTime(subject, from, to))
      continue
    }
    const times = [from, ...done.filter(({ facility }) => facility === id).map(({ at }) => at)]
    for (const [i, last] of times.entries()) {
      const due = openFor(world, last, CLEAN_EVERY_MS)
      const next = times[i + 1] ?? Infinity
      if (due > next + NEAR_MS || due > to) continue
      const ticket = {
        rule: 'toilet-clean-due' as const,
        subject,
        from: due,
        to: next,
        toleranceMs: minutes(2) + played.stepMs,
        why: 'the cleaner did not come'
      }
      claims[due < next - NEAR_MS ? 'must' : 'may']?.push(ticket)
    }
  }
  return claims
}

/** One in every hour may be there, whenever in the two from then on. */
function atAnyTime(subject: Subject, from: Millis, to: Millis): MustTicket[] {
  const tickets: MustTicket[] = []
  for (let at = from; at < to; at += hours(1)) {
    const why = 'crews clean too'
    tickets.push({ rule: 'toilet-clean-due', subject, from: at, to, toleranceMs: hours(2), why })
  }
  return tickets
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
