import type { MetricId } from '#model/metrics'
import type { Millis } from '#model/time'
import type { OdourBook } from './odour-book.ts'
import type { DevicePicture } from './picture.ts'

/** What a device reports that at `at` has a limit below the smallest step of its sensor, with that limit in ppm. */
export function undecidable(
  device: DevicePicture,
  odour: OdourBook,
  at: Millis
): { metric: MetricId; limitPpm: number }[] {
  return [...device.levels.keys()].flatMap(metric => {
    const limitPpm = odour.limitPpm(device, metric, at)
    return limitPpm === undefined || odour.decidablePpm(device, metric, at) !== undefined
      ? []
      : [{ metric, limitPpm }]
  })
}
