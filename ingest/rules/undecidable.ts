import type { MetricId } from '#model/metrics'
import { odourLimitPpm } from '#model/odour-limits'
import { decidableLimit } from './condition.ts'
import type { DevicePicture } from './picture.ts'

/** What a device reports that has a limit below the smallest step of its sensor, with that limit in ppm. */
export function undecidable(device: DevicePicture): { metric: MetricId; limitPpm: number }[] {
  const facility = device.facility?.facility
  if (!facility) return []
  return [...device.levels.keys()].flatMap(metric => {
    const limitPpm = odourLimitPpm(facility.kind, metric, facility.attributes.toiletClass)
    return limitPpm === undefined || decidableLimit(device, metric) !== undefined
      ? []
      : [{ metric, limitPpm }]
  })
}
