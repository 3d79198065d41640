import type { MetricId } from '#model/metrics'
import type { Device, Facility } from '#model/registry'
import type { ObservedEvent } from '#model/rules'
import type { Millis } from '#model/time'
import type { CompiledRule } from './condition.ts'
import type { Expectation } from './expectation.ts'
import type { Instance } from './instance.ts'
import type { Work } from './lamp.ts'
import type { Timed } from './timers.ts'

/** The newest reading of one metric of one device. */
export interface Level {
  value: number
  measuredAt: Millis
  receivedAt: Millis
  /** Kept only for metrics some rule watches the rise of: values of the last minutes, oldest first. */
  recent?: { value: number; at: Millis }[]
  /** Of metrics that show emptyings and hauls: highest percent since the last, and since when there was no gap. */
  peak?: number
  since?: Millis
  /** Of counters: by how much it counted on since the report before. */
  rise?: number
}

/** What the rules know of one device. Its timer is its silence. */
export interface DevicePicture extends Timed {
  readonly what: 'silence'
  device: Device
  facility: FacilityPicture | undefined
  /** Journal time since which it is fitted to it; what it measured before is of another place. 0: always. */
  fittedAt: Millis
  staleAfterMs: Millis
  /** Silent so long after the last report. */
  silentAfterMs: Millis
  /** Arrival of the newest report; 0: none yet. */
  lastReceivedAt: Millis
  /** Silence counts from here or from the last arrival, whichever is later: set after an outage of ours. */
  silenceFrom: Millis
  /** Arrival of the first report since it was fitted; 0: none yet. */
  heardFrom: Millis
  silent: boolean
  /** Not heard for two intervals: one is not silent yet, many at once are a cabinet without power. */
  overdue: boolean
  presence: 'online' | 'offline' | null
  levels: Map<MetricId, Level>
  silence: Instance | undefined
  silenceRule: CompiledRule | undefined
  /** Rules about the device itself. */
  rules: readonly CompiledRule[]
  /** What goes on about the device itself, silence aside; made when something does. */
  own: Seat | undefined
}

/** Where rules are judged: by the readings of some devices. */
export interface Seat {
  devices: readonly DevicePicture[]
  /** Instances that are not inactive, by rule. */
  instances: Map<string, Instance>
  /** Event time at which the last episode of a rule was over, by rule; absent until there was one. */
  endedAt?: Map<string, Millis>
}

/** What the rules know of one facility. */
export interface FacilityPicture extends Seat {
  facility: Facility
  devices: DevicePicture[]
  /** The rules of its kind, with the overrides it stands under. */
  rules: readonly CompiledRule[]
  /** Event time of the newest emptying and haul, once there was one. */
  events?: Partial<Record<ObservedEvent, Millis>>
  /** Visits since the last service, and when that was; of a toilet that was heard. */
  service?: { since: Millis; visits: number }
  /** Of a light: when it should be lit. */
  expected?: Expectation
  /** Of a light: the announced work over it, as of a `layout` of the city and its windows. */
  work?: { layout: number; list: readonly Work[] }
  /** Grows with everything a page would show differently. */
  version: number
}

/** A light without one cannot be judged, whatever else is fitted to it. */
export const hasController = ({ devices }: Seat): boolean =>
  devices.some(({ device }) => device.kind === 'lamp-controller')

/** Whether the device reported it since it was fitted to its facility: of the one before it says nothing here. */
export const isOfHere = (device: DevicePicture, level: Level | undefined): level is Level =>
  level !== undefined && level.measuredAt > device.fittedAt

/** A level holds until the next report, or until it is stale. */
export const isFresh = (device: DevicePicture, level: Level, at: Millis): boolean =>
  at < level.measuredAt + device.staleAfterMs && isOfHere(device, level)

/** The device's value of a metric as of `at`, or undefined when it never reported it or it is stale. */
export function freshValue(device: DevicePicture, metric: MetricId, at: Millis): number | undefined {
  const level = device.levels.get(metric)
  return level !== undefined && isFresh(device, level, at) ? level.value : undefined
}

const NO_LEVELS: DevicePicture['levels'] = new Map()

/** A facility as one without a device looks to conditions: nothing was ever reported. */
export const deviceless = (facility: FacilityPicture): DevicePicture => ({
  what: 'silence',
  device: {
    type: 'device',
    id: '',
    kind: 'gateway',
    name: '',
    lat: null,
    lon: null,
    attributes: {},
    facility: null,
    gateway: null
  },
  facility,
  fittedAt: 0,
  staleAfterMs: 0,
  silentAfterMs: 0,
  lastReceivedAt: 0,
  silenceFrom: 0,
  heardFrom: 0,
  silent: false,
  overdue: false,
  presence: null,
  levels: NO_LEVELS,
  silence: undefined,
  silenceRule: undefined,
  rules: [],
  own: undefined,
  due: Infinity,
  queuedFor: Infinity,
  order: ''
})
