import type { Device, Facility } from '#model/registry'
import { hours, minutes, type Millis } from '#model/time'
import type { City } from './city.ts'
import { STORM_EVERY_MS, type Fault } from './faults.ts'
import { between, randomFor } from './random.ts'

interface Fitted {
  device: Device
  facility: Facility
}

/** Fewer at once are no storm. */
const LEAST_DEVICES = 4
const MOST_DEVICES = 15
const RESTARTS = 5
/** Of as many; a short time has room for fewer. */
const FEW_RESTARTS = 3

/**
 * Storms of restarts, a street and a gateway in turn, one in each slot of the time: of devices that are not in `taken` for the slot, and
 * are afterwards. The same for the same city, times and slots.
 */
export function storms(options: {
  city: City
  devices: readonly Fitted[]
  slots: readonly { from: Millis; to: Millis }[]
  taken: Set<string>
  /** What of a device must not be struck twice. */
  keyOf: (fitted: Fitted) => string
}): Fault[] {
  const { city, devices, slots, taken, keyOf } = options
  return slots.flatMap(({ from, to }, slot) => {
    const random = randomFor(city.seed, `storms/${from}/${to}`)
    const lastsMs = STORM_EVERY_MS * (to - from < hours(3) ? FEW_RESTARTS : RESTARTS)
    if (to - from < lastsMs) return []
    const free = devices.filter(fitted => !taken.has(`${keyOf(fitted)}/${slot}`))
    // In a time of one slot both happen.
    const struck = [
      ...(slots.length === 1 || slot % 2 === 0 ? streetOf(free) : []),
      ...(slots.length === 1 || slot % 2 === 1 ? gatewayOf(free) : [])
    ]
    for (const fitted of struck) taken.add(`${keyOf(fitted)}/${slot}`)
    const begin = Math.round(between(random, from, Math.max(from, to - lastsMs - minutes(1))))
    return struck.map(({ device }): Fault => {
      return { kind: 'reboot-storm', device: device.id, from: begin, to: begin + lastsMs }
    })
  })
}

/** The street with the most devices that speak for themselves; lamps of the same cabinet count as one place. */
function streetOf(free: readonly Fitted[]): Fitted[] {
  const streets = new Map<string, Fitted[]>()
  for (const fitted of free) {
    const { road } = fitted.facility.attributes
    if (!road || fitted.device.gateway !== null || fitted.facility.kind === 'light') continue
    streets.set(road, [...(streets.get(road) ?? []), fitted])
  }
  const [street = []] = [...streets.values()].sort((a, b) => b.length - a.length)
  return street.length < LEAST_DEVICES ? [] : street.slice(0, MOST_DEVICES)
}

/** A gateway restarts, and with it all it speaks for. */
const gatewayOf = (free: readonly Fitted[]): Fitted[] =>
  free.filter(({ device }) => device.kind === 'gateway').slice(0, 1)
