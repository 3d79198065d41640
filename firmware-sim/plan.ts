import { expectedIntervalMs } from '#model/device-models'
import type { DeviceKind } from '#model/kinds'
import type { Device } from '#model/registry'
import { days, hours, minutes, type Millis } from '#model/time'
import type { City } from './city.ts'
import { FAULTS, layerOf, type Fault, type FaultKind } from './faults.ts'
import { between, randomFor, shuffled, type Random } from './random.ts'
import { makeWorld, type World } from './world.ts'

/**
 * What goes wrong in a day of the demo's city (scale 0.1), besides the lamps: so many that are over by the end, and when
 * those that are not over began and will end, in minutes from the end. A bin that began less than ten minutes before it
 * turns into a ticket while somebody watches.
 */
const LASTS_MS: Partial<Record<FaultKind, readonly [min: Millis, max: Millis]>> = {
  'bin-overfull': [minutes(25), minutes(110)],
  'compactor-full': [minutes(40), minutes(100)],
  'toilet-odour': [minutes(50), minutes(120)],
  'toilet-crowded': [minutes(22), minutes(50)],
  offline: [minutes(60), minutes(100)]
}
/** What is lost in the demo is one thing in the street, not the fifty lamps behind a gateway. */
const LOSES: readonly DeviceKind[] = ['fill-sensor', 'odour-sensor', 'occupancy-sensor']
const DAY: Partial<
  Record<FaultKind, { over: number; open?: readonly (readonly [from: number, to: number])[] }>
> = {
  garbled: { over: 0, open: [[-1440, Infinity]] },
  gone: {
    over: 0,
    open: [
      [-420, Infinity],
      [-260, Infinity],
      [-120, Infinity]
    ]
  },
  offline: { over: 3 },
  'bin-fire': { over: 0, open: [[-85, -68]] },
  'bin-overfull': {
    over: 14,
    open: [
      [-95, 0.2],
      [-48, 3],
      [-27, 7],
      [-13, 30],
      [-10.4, 22],
      [-8.6, 27],
      [-7, 24],
      [-5, 33],
      [-3, 38]
    ]
  },
  'compactor-fault': { over: 0, open: [[-70, 55]] },
  'compactor-full': { over: 1 },
  'toilet-odour': { over: 2, open: [[-55, 35]] },
  'toilet-crowded': { over: 3, open: [[-24, 14]] }
}
/** Singles on roads where one dark lamp is within the two percent; repaired ones light again the same night. */
const LAMPS = { single: 2, repaired: 1 }
const WAKING = [8, 21] as const

/** A whole district has more going wrong, though nobody would watch ten times as much. */
const factor = (city: City): number => Math.sqrt(city.scale / 0.1)
const times = (city: City, n: number): number => (n === 0 ? 0 : Math.max(1, Math.round(n * factor(city))))

/**
 * What goes wrong between `from` and `to`, and of it what is still wrong at `to`: the same for the same city and times.
 * No device is struck twice. Meant for about 24 h, lamps
 * fail in the newest night long enough for it to show; of no time at all (`from` = `to`) it is what stays broken.
 */
export function plan({ city, from, to }: { city: City; from: Millis; to: Millis }): Fault[] {
  const random = randomFor(city.seed, `plan/${from}/${to}`)
  const world = makeWorld()
  const take = victims(city, random)
  const faults: Fault[] = []
  const strike = (kind: FaultKind, begin: Millis, end: Millis) => {
    // What began before and passes is not ours to show; what stays is there from the start.
    if (begin < from && end !== Infinity) return
    const device = take(kind)
    if (device) faults.push({ kind, device: device.id, from: Math.max(begin, from), to: end })
  }

  for (const [kind, { over, open = [] }] of Object.entries(DAY) as [
    FaultKind,
    (typeof DAY)[FaultKind] & object
  ][]) {
    for (const [begin, end] of open)
      strike(kind, Math.round(to + minutes(begin)), Math.round(to + minutes(end)))
    for (let i = 0; i < times(city, over); i++) {
      const lastsMs = between(random, ...(LASTS_MS[kind] ?? [minutes(30), minutes(60)]))
      const latest = to - lastsMs - minutes(30)
      if (latest < from + minutes(30)) continue
      const begin = wakingMoment(random, world, [from + minutes(30), latest])
      strike(kind, Math.round(begin), Math.round(begin + lastsMs))
    }
  }
  return [...faults, ...darkLamps({ city, random, night: newestNight(world, from, to) })]
}

/**
 * What goes wrong in a past of whole days: in each what `plan` says of it, and what a day before the last left broken is put right at
 * its end, if nobody did so before.
 */
export function history({ city, from, to }: { city: City; from: Millis; to: Millis }): Fault[] {
  const faults: Fault[] = []
  for (let end = to - days(1); end > from; end -= days(1)) {
    const day = plan({ city, from: Math.max(from, end - days(1)), to: end })
    faults.push(
      ...day.flatMap(fault => (fault.from < end ? [{ ...fault, to: Math.min(fault.to, end) }] : []))
    )
  }
  return [...faults, ...plan({ city, from: Math.max(from, to - days(1)), to })].sort(
    (a, b) => a.from - b.from
  )
}

/**
 * What goes wrong in the ten minutes of live operation that begin at `from`, sparing facilities in trouble already: some
 * bins run over and are emptied half an hour later, and now and then something else happens.
 */
export function ongoing({
  city,
  from,
  faults
}: {
  city: City
  from: Millis
  faults: readonly Fault[]
}): Fault[] {
  const random = randomFor(city.seed, `ongoing/${from}`)
  const inTrouble = new Set(faults.filter(({ to }) => to > from).map(({ device }) => device))
  const spared = city.devices.filter(({ id }) => inTrouble.has(id)).flatMap(({ facility }) => facility ?? [])
  const take = victims(city, random, new Set(spared))
  const strike = (kind: FaultKind, lasts: readonly [number, number]): Fault[] => {
    const begin = Math.round(from + random() * ONGOING_MS)
    const device = take(kind)
    return device
      ? [{ kind, device: device.id, from: begin, to: Math.round(begin + minutes(between(random, ...lasts))) }]
      : []
  }
  const bins = Array.from({ length: times(city, 4) }, () => strike('bin-overfull', [18, 30]))
  return [
    ...bins.flat(),
    ...(random() < 0.3 ? strike('toilet-crowded', [22, 40]) : []),
    ...(random() < 0.1 ? strike('compactor-fault', [20, 60]) : []),
    ...(random() < 0.1 ? strike('toilet-odour', [40, 60]) : []),
    ...(random() < 0.05 ? strike('bin-fire', [6, 12]) : [])
  ]
}
export const ONGOING_MS = minutes(10)

/** Deals out devices a fault can strike, one of a kind on each facility; undefined when there are no more. */
function victims(
  city: City,
  random: Random,
  spared: ReadonlySet<string> = new Set()
): (kind: FaultKind) => Device | undefined {
  const kindOf = new Map(city.facilities.map(({ id, kind }) => [id, kind]))
  let left = shuffled(
    random,
    city.devices.filter(({ facility }) => facility !== null && !spared.has(facility))
  )
  const suits = (kind: FaultKind, device: Device) => {
    if (!(FAULTS[kind].strikes as readonly string[]).includes(device.kind)) return false
    if (layerOf(kind) === 'link' && !LOSES.includes(device.kind)) return false
    // The odour rule is about toilets; and silence shows in time only on what reports often.
    if (kind === 'toilet-odour') return kindOf.get(device.facility ?? '') === 'toilet'
    const intervalMs = expectedIntervalMs(device)
    if (kind === 'gone') return intervalMs <= minutes(30) && device.kind !== 'occupancy-sensor'
    return !(kind === 'offline' && intervalMs > minutes(15))
  }
  return kind => {
    const taken = left.find(device => suits(kind, device))
    left = left.filter(device => device.facility !== taken?.facility || device.kind !== taken?.kind)
    return taken
  }
}

/** A moment between the two, by day if it can be helped. */
function wakingMoment(random: Random, world: World, [from, to]: [Millis, Millis]): Millis {
  const tries = Array.from({ length: 8 }, () => between(random, from, to))
  const awake = (at: Millis) => world.localHour(at) >= WAKING[0] && world.localHour(at) < WAKING[1]
  return tries.find(awake) ?? (tries[0] as Millis)
}

/** The newest stretch of darkness of an hour and a half or more, else the longest there is. */
function newestNight(world: World, from: Millis, to: Millis): [from: Millis, to: Millis] {
  const nights: [Millis, Millis][] = []
  for (let at = from; at <= to; at += minutes(5)) {
    const night = nights.at(-1)
    if (!world.dark(at)) continue
    if (night && at - night[1] <= minutes(5)) night[1] = at
    else nights.push([at, at])
  }
  const length = ([begin, end]: [Millis, Millis]) => end - begin
  return (
    nights.findLast(night => length(night) >= minutes(90)) ??
    nights.sort((a, b) => length(b) - length(a))[0] ?? [to, to]
  )
}

/** A cable fault: neighbouring lamps of the great avenue, just over two percent of it. And a few single lamps elsewhere. */
function darkLamps({
  city,
  random,
  night
}: {
  city: City
  random: Random
  night: [Millis, Millis]
}): Fault[] {
  const [dusk, end] = night
  const byFacility = new Map(city.devices.map(device => [device.facility, device]))
  const lampsOf = (road: string) =>
    city.facilities
      .filter(({ kind, attributes }) => kind === 'light' && attributes.road === road)
      .flatMap(({ id }) => byFacility.get(id) ?? [])
  const [avenue, ...others] = city.roads.filter(road => road.attributes.lightingGrade !== 'branch')
  if (!avenue) return []
  const fail = (device: Device, from: Millis, to: Millis): Fault => ({
    kind: 'lamp-failure',
    device: device.id,
    from: Math.round(from),
    to: Math.round(to)
  })

  const lamps = lampsOf(avenue.id)
  const start = Math.floor(random() * lamps.length * 0.8)
  const cable = dusk + Math.min(hours(1), (end - dusk) / 4)
  const run = lamps
    .slice(start, start + Math.floor(lamps.length * 0.02) + 1)
    .map(lamp => fail(lamp, cable, Infinity))

  const roomy = shuffled(
    random,
    others.filter(road => lampsOf(road.id).length >= 50)
  )
  const single = (road: (typeof roomy)[number], repaired: boolean): Fault[] => {
    const lamp = shuffled(random, lampsOf(road.id))[0]
    const from = between(random, dusk + minutes(20), Math.max(dusk + minutes(20), end - minutes(75)))
    return lamp ? [fail(lamp, from, repaired ? from + minutes(45) : Infinity)] : []
  }
  const singles = roomy
    .slice(0, times(city, LAMPS.single + LAMPS.repaired))
    .flatMap((road, i) => single(road, i >= times(city, LAMPS.single)))
  return [...run, ...singles]
}
