import { subjectOf } from '#model/ids'
import type { Facility } from '#model/registry'
import type { DayWindow } from '#model/rules'
import { days, minutes, type Millis } from '#model/time'
import { UTC_OFFSET_MS } from '../nanjing.ts'
import type { World } from '../world.ts'
import { SUN_GRACE_MS } from './domain.ts'
import type { Played } from './expectation.ts'

/** What the specification expects of the lamps of a city. */
export interface ExpectedLight {
  /** Lit: by night, within the windows of its schedule. Dark: else. While work is announced neither. */
  should(lamp: Facility, at: Millis, lit: boolean): boolean
  /** It should, and so long that a sample counts. */
  counts(lamp: Facility, at: Millis, lit: boolean): boolean
}

/** The schedule of the lamp itself, else of its cabinet, its road, the nearest area. */
function scheduleOf({ city }: Pick<Played, 'city'>, lamp: Facility): readonly DayWindow[] {
  const { cabinet, road } = lamp.attributes
  const around: { attributes: Facility['attributes'] }[] = [
    lamp,
    ...city.facilities.filter(({ id }) => id === cabinet),
    ...city.roads.filter(({ id }) => id === road)
  ]
  for (let id: string | null = lamp.parent; id !== null;) {
    const area = city.areas.find(one => one.id === id)
    if (area) around.push(area)
    id = area?.parent ?? null
  }
  return around.find(({ attributes }) => attributes.lightingSchedule)?.attributes.lightingSchedule ?? []
}

const minuteOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3))

/** A window belongs to the day it begins on; one that ends no later than it begins ends on the day after. */
function isWithin(world: World, { from, to, days: on }: DayWindow, at: Millis): boolean {
  return [0, 1].some(before => {
    const midnight = world.midnight(at) - days(before)
    const weekday = ((Math.floor((midnight + UTC_OFFSET_MS) / days(1)) + 3) % 7) + 1
    if (on && !on.includes(weekday)) return false
    const end = minuteOf(to) > minuteOf(from) ? minuteOf(to) : minuteOf(to) + 24 * 60
    return midnight + minutes(minuteOf(from)) <= at && at < midnight + minutes(end)
  })
}

export function expectedLight(played: Pick<Played, 'city' | 'orders'>, world: World): ExpectedLight {
  const schedules = new Map<string, readonly DayWindow[]>()
  const works = played.orders?.works ?? []
  const should: ExpectedLight['should'] = (lamp, at, lit) => {
    const subject = subjectOf('facility', lamp.id)
    if (works.some(work => work.subject === subject && work.from <= at && at < work.to)) return false
    let schedule = schedules.get(lamp.id)
    if (!schedule) schedules.set(lamp.id, (schedule = scheduleOf(played, lamp)))
    const on = schedule.length === 0 || schedule.some(window => isWithin(world, window, at))
    return (world.dark(at) && on) === lit
  }
  return {
    should,
    counts: (lamp, at, lit) => should(lamp, at, lit) && should(lamp, at - SUN_GRACE_MS, lit)
  }
}
