import { subjectOf } from '#model/ids'
import type { Millis } from '#model/time'
import type { Core } from './core.ts'
import type { Timed } from './timers.ts'
import { undecidable } from './undecidable.ts'

/** The first of each month in the morning: what no sensor can tell is asked of a person. */
export interface MonthTimer extends Timed {
  readonly what: 'month'
  readonly order: ' month'
}

export const createMonthTimer = (): MonthTimer => ({
  what: 'month',
  due: Infinity,
  queuedFor: Infinity,
  order: ' month'
})

/**
 * Which month is asked for next is remembered: by another clock of the city its morning may be over already, then it is
 * asked for now, and one that was asked for does not come again.
 */
export function scheduleMonth(core: Core, timer: MonthTimer, at: Millis): void {
  const { calendar, time } = core
  time.month ??= calendar.monthOf(calendar.nextMonth(at))
  timer.due = Math.max(calendar.monthBegins(time.month), at)
  core.timers.schedule(timer)
}

/** A ticket for every facility with a limit that its sensors cannot resolve, in the order of their ids. */
export function monthBegan(core: Core, timer: MonthTimer, at: Millis): void {
  const asked = [...core.facilities.values()].flatMap(({ facility, devices }) => {
    const metrics = new Set(
      devices.flatMap(device => undecidable(device, core.odour, at)).map(({ metric }) => metric)
    )
    return metrics.size > 0 ? [{ id: facility.id, metrics: [...metrics].sort() }] : []
  })
  asked.sort((a, b) => (a.id < b.id ? -1 : 1))
  for (const { id, metrics } of asked) core.desk.measure({ subject: subjectOf('facility', id), metrics, at })
  core.time.month = undefined
  scheduleMonth(core, timer, at)
}
