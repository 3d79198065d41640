import type { MetricId } from '#model/metrics'
import { deviceModel } from '#model/device-models'
import { SHIPPED_ODOUR_LIMITS, odourLimitPpm, type OdourLimits } from '#model/odour-limits'
import type { Millis } from '#model/time'
import type { Calendar } from './calendar.ts'
import type { DevicePicture } from './picture.ts'

/** The odour limits in force: which of them counts is decided by the city's day a reading was measured on. */
export interface OdourBook {
  readonly version: number
  list(): readonly OdourLimits[]
  /** Those that count at `moment`. */
  at(moment: Millis): OdourLimits
  set(list: readonly OdourLimits[], version: number): void
  /** The limit in ppm where the device is, at `at`; undefined: no standard applies. */
  limitPpm(device: DevicePicture, metric: MetricId, at: Millis): number | undefined
  /** The same, but undefined under the smallest step of the sensor: that decides nothing, neither over it nor under it. */
  decidablePpm(device: DevicePicture, metric: MetricId, at: Millis): number | undefined
}

export function createOdourBook(calendar: () => Calendar): OdourBook {
  let list = SHIPPED_ODOUR_LIMITS
  let version = 1
  /** When each entry begins by the city's clock, worked out once for a list and a clock. */
  let begins: { calendar: Calendar; at: Millis[] } | undefined

  function at(moment: Millis): OdourLimits {
    const clock = calendar()
    if (begins?.calendar !== clock)
      begins = { calendar: clock, at: list.map(({ from }) => clock.dayBegins(from)) }
    const i = begins.at.findLastIndex(begin => begin <= moment)
    return list[Math.max(0, i)] as OdourLimits
  }

  function limitPpm(device: DevicePicture, metric: MetricId, moment: Millis): number | undefined {
    const facility = device.facility?.facility
    if (!facility) return undefined
    const { kind, attributes } = facility
    return odourLimitPpm({ kind, facilityClass: attributes.toiletClass }, metric, at(moment).limits)
  }

  return {
    get version() {
      return version
    },
    list: () => list,
    at,
    set(next, itsVersion) {
      list = next
      version = itsVersion
      begins = undefined
    },
    limitPpm,
    decidablePpm(device, metric, moment) {
      const limit = limitPpm(device, metric, moment)
      const resolution = deviceModel(device.device).resolution[metric] ?? 0
      return limit !== undefined && limit >= resolution ? limit : undefined
    }
  }
}
