import type { DayWindow } from '#model/rules'
import type { Device } from '#model/registry'
import type { Millis } from '#model/time'
import type { World } from './world.ts'

/** A quiet road saves light (半夜灯): its lamps rest from half past midnight to five. What its road is registered with. */
export const HALF_NIGHT_SCHEDULE: DayWindow[] = [
  { from: '12:00', to: '00:30' },
  { from: '05:00', to: '12:00' }
]
const RESTS_HOURS = [0.5, 5] as const

/** The programme that is burnt into its lamps' controllers, as their attribute `programme`. */
export const HALF_NIGHT = 'half-night'

/** Whether such lamps rest. */
export function rests(world: World, at: Millis): boolean {
  const hour = world.localHour(at)
  return hour >= RESTS_HOURS[0] && hour < RESTS_HOURS[1]
}

export const hasRest = ({ attributes }: Device): boolean => attributes['programme'] === HALF_NIGHT
