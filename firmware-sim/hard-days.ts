import { expectedIntervalMs } from '#model/device-models'
import type { DeviceKind } from '#model/kinds'
import type { Device, Facility } from '#model/registry'
import { hours, minutes, type Millis } from '#model/time'
import type { City } from './city.ts'
import type { Fault, FaultKind } from './faults.ts'
import { hasRest, rests } from './half-night.ts'
import { HARD_MINUTES } from './hard-minutes.ts'
import { between, randomFor, shuffled, type Random } from './random.ts'
import { storms } from './storms.ts'
import type { RuleId } from './truth/domain.ts'
import { stretches } from './truth/stretches.ts'
import { makeWorld } from './world.ts'

export type Struck = { device: Device; facility: Facility; begin: Millis; random: Random }

/** Something to happen to a device of a kind in one slot of the time, and which rules it puts to the test. */
export interface Scenario {
  name: string
  tests: readonly RuleId[]
  /** How often in 500 facilities and 24 h; at least once if there is anything to strike. */
  times: number
  on: readonly DeviceKind[]
  fits?: (struck: { device: Device; facility: Facility }) => boolean
  /** When it may begin. */
  /** By night, by day, at the beginning, or while lamps that do so rest. */
  when?: 'night' | 'day' | 'start' | 'rest'
  lastsMs: (device: Device) => Millis
  faults: (struck: Struck) => Omit<Fault, 'device'>[]
}

const SLOT_MS = hours(12)
/** At the beginning of a slot nothing is wrong, and at its end what was can be seen to be over. */
const LEAD_MS = minutes(30)
const TAIL_MS = hours(1.5)
/** In less there is no room for either. */
const SHORT_MS = hours(6)
const SHORT_LEAD_MS = minutes(1)

const lasting =
  (kind: FaultKind, min: Millis, max: Millis) =>
  ({ begin, random }: Struck) => [{ kind, from: begin, to: begin + between(random, min, max) }]
/** One fault of at least what its rule needs to be seen, given how often the device reports. */
function one(
  kind: FaultKind,
  tests: readonly RuleId[],
  options: Pick<Scenario, 'times' | 'on'> & Partial<Scenario> & { holdMs: Millis; spanMs?: Millis }
): Scenario {
  const { holdMs, spanMs = minutes(45), ...rest } = options
  const least = (device: Device) => holdMs + expectedIntervalMs(device) + minutes(15)
  return {
    name: kind,
    tests,
    lastsMs: device => least(device) + spanMs,
    faults: struck => lasting(kind, least(struck.device), least(struck.device) + spanMs)(struck),
    ...rest
  }
}

const BIN = ['fill-sensor'] as const
const STATION = ['compactor-controller'] as const
const TOILET = ['occupancy-sensor'] as const
const LAMP = ['lamp-controller'] as const
const inside =
  (kind: Facility['kind']) =>
  ({ facility }: { facility: Facility }) =>
    facility.kind === kind
const often = ({ device }: { device: Device }) => expectedIntervalMs(device) <= minutes(30)
const full = (device: Device) => expectedIntervalMs(device) + minutes(40)

const SCENARIOS: readonly Scenario[] = [
  one('bin-overfull', ['bin-full'], { times: 8, on: BIN, holdMs: minutes(10) }),
  {
    name: 'a bin emptied before its ten minutes',
    tests: ['bin-full'],
    times: 2,
    on: BIN,
    lastsMs: () => minutes(6),
    faults: lasting('bin-overfull', minutes(3), minutes(5))
  },
  {
    name: 'a full bin whose clock is ahead',
    tests: ['bin-full'],
    times: 2,
    on: BIN,
    lastsMs: device => full(device) + hours(2),
    faults: ({ begin, device }) => [
      { kind: 'clock-ahead', from: begin, to: begin + full(device) + hours(2) },
      { kind: 'bin-overfull', from: begin + hours(1), to: begin + hours(1) + full(device) }
    ]
  },
  {
    name: 'a full bin whose clock is hours ahead',
    tests: ['bin-full', 'device-silent'],
    times: 1,
    on: BIN,
    fits: often,
    lastsMs: () => hours(5),
    faults: ({ begin, device }) => [
      { kind: 'clock-far-ahead', from: begin, to: begin + hours(5) },
      { kind: 'bin-overfull', from: begin + hours(2.5), to: begin + hours(2.5) + full(device) }
    ]
  },
  {
    name: 'a full bin that says everything twice',
    tests: ['bin-full'],
    times: 2,
    on: BIN,
    lastsMs: device => full(device) + hours(2),
    faults: ({ begin, device }) => [
      { kind: 'duplicates', from: begin, to: begin + full(device) + hours(2) },
      { kind: 'bin-overfull', from: begin + hours(1), to: begin + hours(1) + full(device) }
    ]
  },
  {
    name: 'six hours without network, full and emptied meanwhile',
    tests: ['bin-full', 'device-silent'],
    times: 1,
    on: BIN,
    lastsMs: () => hours(6),
    faults: ({ begin, device }) => [
      { kind: 'offline', from: begin, to: begin + hours(6) },
      { kind: 'bin-overfull', from: begin + hours(1), to: begin + hours(1) + full(device) }
    ]
  },
  {
    name: 'six hours without network, and full when it is back',
    tests: ['bin-full', 'device-silent'],
    times: 1,
    on: BIN,
    lastsMs: device => hours(6) + full(device),
    faults: ({ begin, device }) => [
      { kind: 'offline', from: begin, to: begin + hours(6) },
      { kind: 'bin-overfull', from: begin + hours(4), to: begin + hours(6) + full(device) }
    ]
  },
  {
    name: 'a stuck sensor',
    tests: ['bin-full'],
    times: 1,
    on: BIN,
    lastsMs: () => hours(8),
    faults: lasting('stuck-sensor', hours(5), hours(8))
  },
  { ...one('garbled', [], { times: 1, on: BIN, holdMs: hours(6) }), tests: ['device-silent'] },
  one('bin-fire', ['bin-fire'], { times: 2, on: BIN, holdMs: 0, spanMs: minutes(15) }),
  one('bin-tilted', ['bin-tilted'], { times: 3, on: BIN, holdMs: minutes(5) }),
  {
    name: 'a bin pushed over and put up again',
    tests: ['bin-tilted'],
    times: 2,
    on: BIN,
    lastsMs: () => minutes(2),
    faults: lasting('bin-tilted', minutes(1), minutes(1.5))
  },
  {
    name: 'battery-fade',
    tests: ['battery-low'],
    times: 2,
    on: BIN,
    fits: often,
    lastsMs: device => 4 * expectedIntervalMs(device) + hours(4),
    faults: struck =>
      lasting('battery-fade', 4 * expectedIntervalMs(struck.device) + hours(3), hours(6))(struck)
  },
  {
    name: 'round-missed',
    tests: ['bin-not-emptied'],
    times: 1,
    on: BIN,
    fits: often,
    when: 'start',
    lastsMs: () => hours(27),
    faults: ({ begin }) => [{ kind: 'round-missed', from: begin, to: begin + hours(27) }]
  },
  one('compactor-full', ['compactor-full'], { times: 1, on: STATION, holdMs: minutes(10) }),
  one('compactor-fault', ['compactor-fault'], { times: 1, on: STATION, holdMs: minutes(1) }),
  {
    name: 'compactor-flapping',
    tests: ['compactor-full'],
    times: 1,
    on: STATION,
    lastsMs: () => hours(2),
    faults: lasting('compactor-flapping', hours(1), hours(2))
  },
  {
    name: 'haul-missed',
    tests: ['station-not-hauled'],
    times: 1,
    on: STATION,
    when: 'start',
    lastsMs: () => hours(27),
    faults: ({ begin }) => [{ kind: 'haul-missed', from: begin, to: begin + hours(27) }]
  },
  one('toilet-odour', ['toilet-odour'], {
    times: 2,
    on: ['odour-sensor'],
    fits: inside('toilet'),
    holdMs: minutes(20)
  }),
  one('toilet-stench', ['toilet-odour'], {
    times: 1,
    on: ['odour-sensor'],
    fits: inside('toilet'),
    holdMs: minutes(40)
  }),
  one('h2s-trace', [], { times: 1, on: ['odour-sensor'], fits: inside('toilet'), holdMs: minutes(60) }),
  one('station-odour', ['station-odour'], {
    times: 1,
    on: ['odour-sensor'],
    fits: inside('compactor'),
    holdMs: minutes(20)
  }),
  one('toilet-crowded', ['toilet-crowded'], { times: 2, on: TOILET, holdMs: minutes(15) }),
  {
    name: 'a short rush',
    tests: ['toilet-crowded'],
    times: 1,
    on: TOILET,
    lastsMs: () => minutes(10),
    faults: lasting('toilet-crowded', minutes(6), minutes(10))
  },
  {
    name: 'a tour bus, its reports in disorder',
    tests: ['toilet-crowded'],
    times: 1,
    on: TOILET,
    lastsMs: () => hours(2),
    faults: ({ begin }) => [
      { kind: 'reordered', from: begin, to: begin + hours(2) },
      { kind: 'toilet-crowded', from: begin + minutes(40), to: begin + minutes(80) }
    ]
  },
  {
    name: 'crowd-flapping',
    tests: ['toilet-crowded'],
    times: 1,
    on: TOILET,
    lastsMs: () => hours(1.5),
    faults: lasting('crowd-flapping', hours(1), hours(1.5))
  },
  one('supplies-out', ['toilet-supplies'], { times: 1, on: TOILET, holdMs: minutes(25) }),
  one('water-leak', ['toilet-leak'], { times: 1, on: TOILET, holdMs: minutes(35) }),
  {
    name: 'a tap left running for a while',
    tests: ['toilet-leak'],
    times: 1,
    on: TOILET,
    lastsMs: () => minutes(20),
    faults: lasting('water-leak', minutes(15), minutes(20))
  },
  {
    name: 'reboots',
    tests: ['device-silent', 'toilet-leak'],
    times: 1,
    on: TOILET,
    lastsMs: () => hours(3),
    faults: lasting('reboots', hours(2), hours(3))
  },
  {
    name: 'cleaner-absent',
    tests: ['toilet-clean-due'],
    times: 2,
    on: TOILET,
    when: 'day',
    lastsMs: () => hours(5.5),
    faults: lasting('cleaner-absent', hours(5.5), hours(5.5))
  },
  one('lamp-failure', ['lamp-out'], { times: 4, on: LAMP, when: 'night', holdMs: minutes(30) }),
  {
    ...one('lamp-day-burn', ['lamp-day-burn'], { times: 1, on: LAMP, when: 'rest', holdMs: minutes(60) }),
    name: 'a lamp that does not rest with its road',
    fits: ({ device }) => hasRest(device)
  },
  one('lamp-day-burn', ['lamp-day-burn'], { times: 2, on: LAMP, when: 'day', holdMs: minutes(60) }),
  one('offline', ['device-silent'], {
    times: 3,
    on: ['fill-sensor', 'odour-sensor', 'occupancy-sensor'],
    fits: often,
    holdMs: hours(2)
  }),
  one('gone', ['device-silent'], { times: 2, on: BIN, fits: often, holdMs: hours(2) }),
  {
    ...one('gone', ['device-silent'], { times: 1, on: LAMP, holdMs: hours(1) }),
    name: 'a lamp’s modem is dead'
  },
  {
    ...one('gone', ['device-silent'], { times: 1, on: ['gateway'], holdMs: hours(1) }),
    name: 'a silent gateway',
    tests: ['cabinet-dead', 'device-silent']
  },
  one('cabinet-dead', ['cabinet-dead'], {
    times: 2,
    on: ['gateway', 'cabinet-controller'],
    holdMs: hours(1),
    spanMs: hours(2)
  }),
  one('cabinet-mute', ['cabinet-dead'], {
    times: 1,
    on: ['cabinet-controller'],
    holdMs: hours(1),
    spanMs: hours(2)
  })
]

/** Five neighbours of the great avenue go dark at once: more than two in a hundred of a road of 220. */
const CABLE_SHARE = 0.03

/**
 * Everything that can happen, to a city in the time from `from` to `to`: each device suffers one scenario in half a day, and
 * each is over before the next. Only what puts `rules` to the test. The same for the same city and times.
 */
export function hardDays(options: {
  city: City
  from: Millis
  to: Millis
  rules: ReadonlySet<string>
}): Fault[] {
  const { city, from, to, rules } = options
  const random = randomFor(city.seed, `hard-days/${from}/${to}`)
  const world = makeWorld()
  const facilities = new Map(city.facilities.map(facility => [facility.id, facility]))
  const devices = shuffled(
    random,
    city.devices.flatMap(device => {
      const facility = device.facility ? facilities.get(device.facility) : undefined
      return facility ? [{ device, facility }] : []
    })
  )
  const slots = Math.max(1, Math.floor((to - from) / SLOT_MS))
  const short = to - from < SHORT_MS
  const leadMs = short ? SHORT_LEAD_MS : LEAD_MS
  const tailMs = short ? 0 : TAIL_MS
  const taken = new Set<string>()
  const faults: Fault[] = []

  /** What a dead cabinet or gateway takes with it is not struck by anything else. */
  const keyOf = ({ device, facility }: (typeof devices)[number]) =>
    facility.kind === 'light' || facility.kind === 'cabinet'
      ? (facility.attributes.cabinet ?? facility.id)
      : device.id

  const roomOf = (slot: number) => ({
    from: from + slot * SLOT_MS + leadMs,
    to: Math.min(to, from + (slot + 1) * SLOT_MS) - tailMs
  })

  function beginIn(slot: number, scenario: Scenario, device: Device): Millis | undefined {
    const room = roomOf(slot)
    const first = room.from
    const last = room.to - scenario.lastsMs(device)
    if (scenario.when === 'start') return slot === 0 && to - from >= hours(26) ? from + minutes(5) : undefined
    if (last <= first) return undefined
    if (!scenario.when) return between(random, first, last)
    const holds =
      scenario.when === 'rest'
        ? (at: Millis) => rests(world, at)
        : (at: Millis) => world.dark(at) === (scenario.when === 'night')
    const end = last + scenario.lastsMs(device)
    const [one] = stretches(first, end, holds, minutes(15))
      .map(([a, b]) => [a, b - scenario.lastsMs(device)] as const)
      .filter(([a, b]) => b > a)
    return one && between(random, ...one)
  }

  function strike(scenario: Scenario, slot: number): boolean {
    for (const candidate of devices) {
      const { device } = candidate
      if (!(scenario.on as readonly string[]).includes(device.kind)) continue
      if (scenario.fits && !scenario.fits(candidate)) continue
      const keys =
        scenario.when === 'start'
          ? Array.from({ length: slots }, (_, i) => `${keyOf(candidate)}/${i}`)
          : [`${keyOf(candidate)}/${slot}`]
      if (keys.some(key => taken.has(key))) continue
      const begin = beginIn(slot, scenario, device)
      if (begin === undefined) continue
      for (const key of keys) taken.add(key)
      for (const fault of scenario.faults({ ...candidate, begin, random })) {
        faults.push({ ...fault, device: device.id, from: Math.round(fault.from), to: Math.round(fault.to) })
      }
      return true
    }
    return false
  }

  if (rules.has('lighting-rate')) faults.push(...cable({ city, from, to, random, taken, slots }))
  const rooms = Array.from({ length: slots }, (_, slot) => roomOf(slot))
  faults.push(...storms({ city, devices, slots: rooms, taken, keyOf }))
  const wanted = (short ? HARD_MINUTES : SCENARIOS).filter(
    ({ tests }) => tests.length === 0 || tests.every(rule => rules.has(rule))
  )
  if (rules.has('cabinet-dead') && !short) wanted.unshift(largeCabinet(city))
  // What takes the whole time finds its place first.
  const ordered = [...wanted].sort((a, b) => Number(b.when === 'start') - Number(a.when === 'start'))
  for (const scenario of ordered) {
    const scale = short ? 1 : (city.facilities.length * (to - from)) / (500 * hours(24))
    const times = Math.max(1, Math.round(scenario.times * scale))
    for (let i = 0; i < times; i++) {
      const order = shuffled(
        random,
        Array.from({ length: slots }, (_, slot) => slot)
      )
      order.some(slot => strike(scenario, slot))
    }
  }
  return faults.sort((a, b) => a.from - b.from || (a.device < b.device ? -1 : 1))
}

/** The death of a cabinet that feeds a hundred lamps and more is one ticket too. */
function largeCabinet(city: City): Scenario {
  const lamps = new Map<string, number>()
  for (const { kind, attributes } of city.facilities) {
    const { cabinet } = attributes
    if (kind === 'light' && cabinet) lamps.set(cabinet, (lamps.get(cabinet) ?? 0) + 1)
  }
  return {
    ...one('cabinet-dead', ['cabinet-dead'], {
      times: 1,
      on: ['gateway', 'cabinet-controller'],
      holdMs: hours(1),
      spanMs: hours(2)
    }),
    name: 'the cabinet of a great avenue is dead',
    fits: ({ facility }) => (lamps.get(facility.id) ?? 0) >= 100
  }
}

function cable(options: {
  city: City
  from: Millis
  to: Millis
  random: Random
  taken: Set<string>
  slots: number
}): Fault[] {
  const { city, from, to, random, taken, slots } = options
  const world = makeWorld()
  const [avenue] = city.roads
  const lamps = city.facilities.filter(
    ({ kind, attributes }) => kind === 'light' && attributes.road === avenue?.id
  )
  const [night] = stretches(from + minutes(30), to - hours(1), at => world.dark(at), minutes(15)).filter(
    ([a, b]) => b - a > hours(1.5)
  )
  if (!night) return []
  const begin = between(random, night[0], night[1] - hours(1.5))
  const slotOf = (at: Millis) => Math.min(slots - 1, Math.max(0, Math.floor((at - from) / SLOT_MS)))
  for (const { attributes } of lamps) {
    for (const at of [begin - TAIL_MS, begin, begin + hours(1.5)])
      taken.add(`${attributes.cabinet}/${slotOf(at)}`)
  }
  const controllers = new Map(city.devices.map(device => [device.facility, device]))
  const start = Math.floor(random() * lamps.length * 0.8)
  return lamps.slice(start, start + Math.floor(lamps.length * CABLE_SHARE) + 1).flatMap(({ id }) => {
    const device = controllers.get(id)?.id
    return device
      ? [
          {
            kind: 'lamp-failure' as const,
            device,
            from: Math.round(begin),
            to: Math.round(begin + hours(1.2))
          }
        ]
      : []
  })
}
