import { isLightingSchedule } from '#model/lighting-schedule'
import type { Facility } from '#model/registry'
import type { Registry } from '../registry.ts'
import type { Schedule } from './expectation.ts'

/** The schedule of a lamp: its own, its cabinet's, its road's, that of the nearest area; none: the sun alone. */
export function scheduleOf(registry: Registry, lamp: Facility): Schedule {
  const { cabinet, road } = lamp.attributes
  const around = [
    lamp,
    cabinet === undefined ? undefined : registry.facility(cabinet),
    road === undefined ? undefined : registry.road(road),
    ...registry.areaPath(lamp.parent)
  ]
  for (const record of around) {
    const schedule = record?.attributes.lightingSchedule
    // What was registered under this name before it meant something may be anything.
    if (isLightingSchedule(schedule)) return schedule
  }
  return ALL_NIGHT
}

const ALL_NIGHT: Schedule = []
