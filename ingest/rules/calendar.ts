import { DateTime } from 'luxon'
import type { DayWindow } from '#model/rules'
import type { Millis } from '#model/time'

/** A stretch of time within or between the windows of a rule. */
export interface Opening {
  open: boolean
  since: Millis
  until: Millis
}

/** Days and hours as the city's clock shows them; days of 23 and 25 hours are what they are. */
export interface Calendar {
  readonly timeZone: string
  /** The midnight that began the day of `at`, or so many days before it. */
  dayStart(at: Millis, daysBefore?: number): Millis
  dayEnd(at: Millis): Millis
  /** The midnight that begins a day such as `2026-01-31`. */
  dayBegins(day: string): Millis
  /** 8:00 on the first of a month, the next after `at`. */
  nextMonth(at: Millis): Millis
  /** 8:00 on the first of a month such as `2026-02`. */
  monthBegins(month: string): Millis
  /** The month `at` lies in, as `2026-02`. */
  monthOf(at: Millis): string
  /** The stretch `at` lies in; without windows it is open for ever. */
  openingAt(windows: readonly DayWindow[], at: Millis): Opening
  /** Time within the windows from `from` until `until`. */
  openMsBetween(windows: readonly DayWindow[], from: Millis, until: Millis): Millis
}

const ALWAYS: Opening = { open: true, since: -Infinity, until: Infinity }
/** Windows repeat each week; a stretch that never ends would be looked for in vain. */
const LOOK_AHEAD_DAYS = 9
const DAYS_KNOWN = 16
/** The hour in which a day's work is handed out. */
const WORK_BEGINS = 8

interface Day {
  from: Millis
  until: Millis
  /** Midnights so many days before it. */
  before: Millis[]
  openings: Map<readonly DayWindow[], Opening[]>
}

export function createCalendar(timeZone: string): Calendar {
  const midnightOf = (at: Millis): DateTime => DateTime.fromMillis(at, { zone: timeZone }).startOf('day')
  /** Days that were asked for lately, the newest first: zones and their switches are slow to work out. */
  let days: Day[] = []

  function dayOf(at: Millis): Day {
    const known = days.find(day => day.from <= at && at < day.until)
    if (known) return known
    const midnight = midnightOf(at)
    const from = midnight.toMillis()
    const until = midnight.plus({ days: 1 }).toMillis()
    const day: Day = { from, until, before: [], openings: new Map() }
    days = [day, ...days.slice(0, DAYS_KNOWN - 1)]
    return day
  }

  function stretchesNear(windows: readonly DayWindow[], at: Millis): Opening[] {
    const day = dayOf(at)
    let known = day.openings.get(windows)
    if (!known) day.openings.set(windows, (known = stretches(windows, at)))
    return known
  }

  /** The windows that begin on days near `at`, in order, those that touch joined. */
  function stretches(windows: readonly DayWindow[], at: Millis): Opening[] {
    const midnight = midnightOf(at)
    const found: Opening[] = []
    for (let day = -2; day <= LOOK_AHEAD_DAYS; day++) {
      const date = midnight.plus({ days: day })
      for (const { from, to, days } of windows) {
        if (days && !days.includes(date.weekday)) continue
        const begin = atTime(date, from)
        const end = to > from ? atTime(date, to) : atTime(date.plus({ days: 1 }), to)
        found.push({ open: true, since: begin, until: end })
      }
    }
    found.sort((a, b) => a.since - b.since)
    const joined: Opening[] = []
    for (const next of found) {
      const last = joined.at(-1)
      if (last && next.since <= last.until) last.until = Math.max(last.until, next.until)
      else joined.push(next)
    }
    return joined
  }

  function openingAt(windows: readonly DayWindow[], at: Millis): Opening {
    if (windows.length === 0) return ALWAYS
    const all = stretchesNear(windows, at)
    const now = all.find(one => one.since <= at && at < one.until)
    if (now) return now
    return {
      open: false,
      since: all.findLast(one => one.until <= at)?.until ?? -Infinity,
      until: all.find(one => one.since > at)?.since ?? Infinity
    }
  }

  return {
    timeZone,
    dayStart(at, daysBefore = 0) {
      const { from, before } = dayOf(at)
      if (daysBefore === 0) return from
      return (before[daysBefore] ??= midnightOf(at).minus({ days: daysBefore }).toMillis())
    },
    dayEnd: at => dayOf(at).until,
    dayBegins: day => DateTime.fromISO(day, { zone: timeZone }).toMillis(),
    nextMonth(at) {
      const first = midnightOf(at).startOf('month').set({ hour: WORK_BEGINS })
      return (first.toMillis() > at ? first : first.plus({ months: 1 })).toMillis()
    },
    monthBegins: month => DateTime.fromISO(month, { zone: timeZone }).set({ hour: WORK_BEGINS }).toMillis(),
    monthOf: at => midnightOf(at).toFormat('yyyy-MM'),
    openingAt,
    openMsBetween(windows, from, until) {
      if (windows.length === 0) return Math.max(0, until - from)
      let open = 0
      for (let at = from; at < until;) {
        const stretch = openingAt(windows, at)
        const end = Math.min(stretch.until, until)
        if (stretch.open) open += end - at
        at = end
      }
      return open
    }
  }
}

function atTime(date: DateTime, time: string): Millis {
  const [hour = 0, minute = 0] = time.split(':').map(Number)
  return hour === 24 ? date.plus({ days: 1 }).toMillis() : date.set({ hour, minute }).toMillis()
}
