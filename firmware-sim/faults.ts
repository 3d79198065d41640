import { expectedIntervalMs } from '#model/device-models'
import { DEFAULT_RULES } from '#model/default-rules'
import { subjectOf, type Subject } from '#model/ids'
import type { DeviceKind } from '#model/kinds'
import { STALE_INTERVALS } from '#model/kinds'
import { minutes, type Millis } from '#model/time'
import type { City } from './city.ts'

export interface FaultDefinition {
  /** What happens, as one would tell it. */
  label: string
  strikes: readonly DeviceKind[]
  /** The rule that must notice, and whether it speaks of the device or of the facility it is fitted to. */
  rule: string | null
  about: 'device' | 'facility'
  /** How long it lasts. */
  lastsMs: readonly [min: Millis, max: Millis]
}

/** Everything that can go wrong. Each lasts longer than its rule's hold, so that a ticket must follow. */
export const FAULTS = {
  'bin-overfull': {
    label: 'bags thrown in at once, and the round passes by',
    strikes: ['fill-sensor'],
    rule: 'bin-full',
    about: 'facility',
    lastsMs: [minutes(25), minutes(110)]
  },
  'bin-fire': {
    label: 'a cigarette end; put out by the crew',
    strikes: ['fill-sensor'],
    rule: 'bin-fire',
    about: 'facility',
    lastsMs: [minutes(12), minutes(20)]
  },
  'compactor-full': {
    label: 'the truck did not come',
    strikes: ['compactor-controller'],
    rule: 'compactor-full',
    about: 'facility',
    lastsMs: [minutes(40), minutes(100)]
  },
  'compactor-fault': {
    label: 'hydraulic oil too hot, machine stopped',
    strikes: ['compactor-controller'],
    rule: 'compactor-fault',
    about: 'facility',
    lastsMs: [minutes(30), minutes(150)]
  },
  'toilet-odour': {
    label: 'the fan is broken',
    strikes: ['odour-sensor'],
    rule: 'toilet-odour',
    about: 'facility',
    lastsMs: [minutes(50), minutes(120)]
  },
  'toilet-crowded': {
    label: 'a tour bus has arrived',
    strikes: ['occupancy-sensor'],
    rule: 'toilet-crowded',
    about: 'facility',
    lastsMs: [minutes(22), minutes(50)]
  },
  'lamp-failure': {
    label: 'lamp or relay dead',
    strikes: ['lamp-controller'],
    rule: 'lamp-out',
    about: 'facility',
    lastsMs: [minutes(60), minutes(120)]
  },
  offline: {
    label: 'no network for a while; what was measured is delivered afterwards',
    strikes: ['fill-sensor', 'odour-sensor', 'occupancy-sensor'],
    rule: 'device-silent',
    about: 'device',
    lastsMs: [minutes(60), minutes(100)]
  },
  gone: {
    label: 'the device is dead and stays so',
    strikes: ['fill-sensor', 'odour-sensor'],
    rule: 'device-silent',
    about: 'device',
    lastsMs: [Infinity, Infinity]
  },
  garbled: {
    label: 'now and then it sends what nobody can read; no ticket, a quarantine row',
    strikes: ['fill-sensor'],
    rule: null,
    about: 'device',
    lastsMs: [Infinity, Infinity]
  }
} as const satisfies Record<string, FaultDefinition>
export type FaultKind = keyof typeof FAULTS

/** One thing going wrong with one device, from (inclusive) to (exclusive; Infinity: nobody repairs it). */
export interface Fault {
  kind: FaultKind
  device: string
  from: Millis
  to: Millis
}

/** A ticket that must follow: it opens no earlier than `from`, and its condition is gone from `to` on. */
export interface ExpectedTicket {
  rule: string
  subject: Subject
  from: Millis
  to: Millis
}

const holdMs = (rule: string): Millis => DEFAULT_RULES.find(({ id }) => id === rule)?.forMs ?? 0
const LIGHTING_TARGET = 0.98

/** The ground truth of some faults: which tickets must follow from them, and no others. */
export function expectedTickets(city: City, faults: readonly Fault[]): ExpectedTicket[] {
  const devices = new Map(city.devices.map(device => [device.id, device]))
  const single = faults.flatMap(({ kind, device: id, from, to }): ExpectedTicket[] => {
    const { rule, about } = FAULTS[kind] as FaultDefinition
    const device = devices.get(id)
    if (!rule || !device) return []
    // A device falls silent some intervals after its last report, which was up to one interval before the fault.
    const after = about === 'device' ? (STALE_INTERVALS - 1) * expectedIntervalMs(device) : holdMs(rule)
    const subject =
      about === 'device' ? subjectOf('device', id) : subjectOf('facility', device.facility ?? id)
    return [{ rule, subject, from: from + after, to }]
  })
  return [...single, ...darkRoads(city, faults)]
}

/** Roads on which more than 2 % of the lamps are dark at once; at most one stretch of time for each. */
function darkRoads(city: City, faults: readonly Fault[]): ExpectedTicket[] {
  const roadOf = new Map(city.facilities.map(({ id, attributes }) => [id, attributes.road]))
  const facilityOf = new Map(city.devices.map(({ id, facility }) => [id, facility ?? '']))
  return city.roads.flatMap((road): ExpectedTicket[] => {
    const lamps = city.facilities.filter(
      ({ kind, attributes }) => kind === 'light' && attributes.road === road.id
    )
    const dark = faults.filter(
      ({ kind, device }) => kind === 'lamp-failure' && roadOf.get(facilityOf.get(device) ?? '') === road.id
    )
    const allowed = Math.floor(lamps.length * (1 - LIGHTING_TARGET) + 1e-9)
    const begins = dark.map(({ from }) => from).sort((a, b) => a - b)
    const ends = dark.map(({ to }) => to).sort((a, b) => b - a)
    const from = begins[allowed]
    const to = ends[allowed]
    if (from === undefined || to === undefined || to <= from) return []
    return [
      { rule: 'lighting-rate', subject: subjectOf('road', road.id), from: from + holdMs('lighting-rate'), to }
    ]
  })
}
