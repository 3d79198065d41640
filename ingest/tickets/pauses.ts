import type { Millis } from '#model/time'
import type { Pause } from '#model/tickets'
import type { Calendar } from '../rules/calendar.ts'
import { dueOf, reachedAt, type ClockRow } from './clock.ts'

/** A ticket shows so many pauses as they were. A row is written whole at each change: it must not grow with every flap. */
export const MOST_PAUSES = 50

interface Closed extends Pause {
  until: Millis
}

/**
 * The pauses of a ticket as of `at`, the oldest of them as fewer that stop its clocks for as long: what they read from now on,
 * the deadlines, and what they read when it was accepted or claimed stays the same to the millisecond. At most `MOST_PAUSES`, and
 * a few that lie about such a moment or still go on.
 */
export function foldPauses(row: ClockRow, calendar: Calendar, at: Millis): Pause[] {
  if (row.pauses.length <= MOST_PAUSES) return row.pauses
  const pauses = apart(row, at)
  const marks = [
    dueOf(row, calendar),
    reachedAt(row, calendar, row.openedAt, row.terms.respondMs),
    row.acceptedAt,
    row.claimedAt,
    row.clearedAt
  ]
  const mayJoin = (i: number, alike: boolean): boolean => {
    const [one, next] = [pauses[i], pauses[i + 1]]
    if (!one || !next || !isOver(one, at) || !isOver(next, at)) return false
    if (alike && one.why !== next.why) return false
    return !marks.some(mark => mark !== null && mark > one.from && mark < next.until)
  }
  while (pauses.length > MOST_PAUSES) {
    const places = pauses.map((_, i) => i)
    const i = places.find(place => mayJoin(place, true)) ?? places.find(place => mayJoin(place, false))
    if (i === undefined) break
    pauses.splice(i, 2, ...joined(row, calendar, [pauses[i] as Closed, pauses[i + 1] as Closed]))
  }
  return pauses
}

const isOver = (pause: Pause, at: Millis): pause is Closed => pause.until !== null && pause.until <= at

/** In order and without overlaps, which count once anyway; one that goes on keeps its beginning. */
function apart({ pauses, openedAt }: ClockRow, at: Millis): Pause[] {
  const found: Pause[] = []
  for (const pause of pauses.toSorted((a, b) => a.from - b.from)) {
    const one = { ...pause, from: Math.max(pause.from, openedAt) }
    if (isOver(one, at) && one.until <= one.from) continue
    const last = found.at(-1)
    const overlaps = last !== undefined && one.from <= (last.until ?? Infinity)
    if (!overlaps || !isOver(one, at)) found.push(one)
    // Within one that goes on it says nothing of its own.
    else if (isOver(last, at))
      found[found.length - 1] = {
        from: last.from,
        until: Math.max(last.until, one.until),
        why: whyOf(last, one)
      }
  }
  return found
}

/** One that ends where the second does, so much later begun as the clocks ran between the two; none where they never did. */
function joined({ terms }: ClockRow, calendar: Calendar, [one, next]: [Closed, Closed]): Pause[] {
  const ranMs = calendar.openMsBetween(terms.hours, one.until, next.from)
  const from = ranMs === 0 ? one.from : reachedAt({ terms, pauses: [] }, calendar, one.from, ranMs)
  return from < next.until ? [{ from, until: next.until, why: whyOf(one, next) }] : []
}

/** That it was deferred counts in the rates. */
const whyOf = (one: Pause, next: Pause): Pause['why'] => (one.why === 'deferred' ? one.why : next.why)
