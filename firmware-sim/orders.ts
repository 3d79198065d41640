import { expectedIntervalMs } from '#model/device-models'
import { subjectOf, type Subject } from '#model/ids'
import type { Device, Facility } from '#model/registry'
import { hours, minutes, type Millis } from '#model/time'
import type { City } from './city.ts'
import type { Fault } from './faults.ts'
import { between, randomFor, shuffled, type Random } from './random.ts'
import type { Outage } from './truth/expectation.ts'
import { stretches } from './truth/stretches.ts'
import { makeWorld } from './world.ts'

/** Announced work: nothing begins there meanwhile. */
export interface Work {
  subject: Subject
  from: Millis
  to: Millis
  enteredAt: Millis
}

/** A rule is changed: for one road, how full a bin must be; for all, how long a bin must lie. */
export type Edit =
  | { at: Millis; rule: 'bin-full'; road: string; atLeastPct: number }
  | { at: Millis; rule: 'bin-tilted'; holdMs: Millis }

/** What the office does while a time is played. */
export interface Orders {
  works: readonly Work[]
  edits: readonly Edit[]
}
export const NO_ORDERS: Orders = { works: [], edits: [] }

/** A road of other habits: its bins are full later. */
const LATER_FULL_PCT = 97
/** In the middle of the time a bin must lie so long. */
const LONGER_LYING_MS = minutes(20)
const LEAST_HOURS = 20

/** How long the program is stopped, and of how long a time. */
const STOP_MS = minutes(40)
const LEAST_HOURS_STOPPED = 12

/** One stop of the program, at two thirds of the time and at a step; none in less than twelve hours. */
export function plannedStop(from: Millis, to: Millis, stepMs: Millis): Outage[] {
  if (to - from < hours(LEAST_HOURS_STOPPED)) return []
  const begin = from + Math.round(((to - from) * 2) / 3 / stepMs) * stepMs
  return [{ from: begin, to: begin + STOP_MS }]
}

/**
 * Announced work, a road with another threshold and a rule that is changed in the middle of the time; and what goes wrong where
 * they show, with bins that nothing else happens to. The same for the same city and times; none in less than twenty hours.
 */
export function ordersFor(options: { city: City; from: Millis; to: Millis; faults: readonly Fault[] }): {
  orders: Orders
  faults: Fault[]
} {
  const { city, from, to, faults } = options
  if (to - from < hours(LEAST_HOURS)) return { orders: NO_ORDERS, faults: [] }
  const random = randomFor(city.seed, `orders/${from}/${to}`)
  const struck = new Set(faults.map(({ device }) => device))
  const places = new Map(city.facilities.map(facility => [facility.id, facility]))
  const bins = shuffled(
    random,
    city.devices.flatMap((device): { device: Device; bin: Facility }[] => {
      const bin = places.get(device.facility ?? '')
      const often = expectedIntervalMs(device) <= minutes(30)
      return bin?.kind === 'bin' && often && !struck.has(device.id) ? [{ device, bin }] : []
    })
  )
  const works: Work[] = []
  const extra: Fault[] = []
  const take = (suits: (bin: Facility) => boolean = () => true) => {
    const i = bins.findIndex(({ bin }) => suits(bin))
    return i < 0 ? undefined : bins.splice(i, 1)[0]
  }
  const fail = (kind: Fault['kind'], device: Device, begin: Millis, lastsMs: Millis) =>
    extra.push({ kind, device: device.id, from: Math.round(begin), to: Math.round(begin + lastsMs) })

  // The road with the most bins nothing else happens to.
  const free = (road: string) => bins.filter(({ bin }) => bin.attributes.road === road).length
  const road = [...city.roads].sort((a, b) => free(b.id) - free(a.id))[0]?.id ?? ''
  const ofRoad = (bin: Facility) => bin.attributes.road === road
  const begin = from + hours(1) + between(random, 0, hours(1))
  const edited = Math.round(from + (to - from) * 0.45)
  const longer = take(ofRoad)
  if (longer) fail('bin-overfull', longer.device, begin, expectedIntervalMs(longer.device) + minutes(75))
  const shorter = take(ofRoad)
  if (shorter) fail('bin-overfull', shorter.device, begin + hours(1), minutes(17))

  const during = take()
  if (during) {
    const at = Math.round(begin + minutes(20))
    works.push({
      subject: subjectOf('facility', during.bin.id),
      from: at,
      to: at + hours(3),
      enteredAt: from
    })
    fail('bin-tilted', during.device, at + minutes(30), hours(1.5))
  }
  const beyond = take()
  if (beyond) {
    const at = Math.round(begin + hours(1.5))
    works.push({ subject: subjectOf('facility', beyond.bin.id), from: at, to: at + hours(2), enteredAt: at })
    fail('bin-tilted', beyond.device, at + hours(1.5), hours(1.5))
  }
  const dark = lampAtWork({ city, from, to, faults, random })
  if (dark) {
    works.push(dark.work)
    fail('lamp-failure', dark.device, dark.work.from + minutes(10), dark.work.to - dark.work.from + hours(1))
  }
  const lying = take()
  if (lying) fail('bin-tilted', lying.device, edited + minutes(40), minutes(50))
  const stood = take()
  if (stood) fail('bin-tilted', stood.device, edited + minutes(50), minutes(13))
  return {
    orders: {
      works,
      edits: [
        { at: from, rule: 'bin-full', road, atLeastPct: LATER_FULL_PCT },
        { at: edited, rule: 'bin-tilted', holdMs: LONGER_LYING_MS }
      ]
    },
    faults: extra
  }
}

/** An hour of work at a lamp in the evening, of which nothing else happens to what feeds it; it is dark an hour longer. */
function lampAtWork(options: {
  city: City
  from: Millis
  to: Millis
  faults: readonly Fault[]
  random: Random
}): { device: Device; work: Work } | undefined {
  const { city, from, to, faults, random } = options
  const world = makeWorld()
  const places = new Map(city.facilities.map(facility => [facility.id, facility]))
  const cabinetOf = (id: string | null) => places.get(id ?? '')?.attributes.cabinet ?? id
  const controllers = new Map(city.devices.map(({ id, facility }) => [id, cabinetOf(facility)]))
  const lamps = shuffled(
    random,
    city.devices.filter(({ kind }) => kind === 'lamp-controller')
  )
  const evenings = stretches(
    from + hours(1),
    to - hours(4),
    at => world.dark(at) && world.localHour(at) > 12 && world.localHour(at) < 22,
    0
  )
  for (const [begin] of evenings) {
    const [first, last] = [begin + minutes(30), begin + hours(2.5)]
    const busy = new Set(
      faults
        .filter(fault => fault.from < last + hours(2) && fault.to > first - hours(2))
        .map(fault => controllers.get(fault.device))
    )
    const device = lamps.find(({ id }) => !busy.has(controllers.get(id)))
    if (!device?.facility) continue
    const subject = subjectOf('facility', device.facility)
    return { device, work: { subject, from: first, to: first + hours(1), enteredAt: from } }
  }
  return undefined
}
