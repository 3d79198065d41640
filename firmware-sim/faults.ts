import type { DeviceKind } from '#model/kinds'
import type { Millis } from '#model/time'
import { minutes, seconds } from '#model/time'

/**
 * Where a fault sits: `world` is felt by the sensor, `link` is the connection, `message` is what the device makes of its
 * reports, `people` what somebody leaves undone. A device may have one of each at a time.
 */
export type FaultLayer = 'world' | 'link' | 'message' | 'people'

export interface FaultDefinition {
  /** What happens, as one would tell it. */
  label: string
  layer: FaultLayer
  strikes: readonly DeviceKind[]
}

const BINS = ['fill-sensor'] as const
const STATIONS = ['compactor-controller'] as const
const TOILETS = ['occupancy-sensor'] as const
const NOSES = ['odour-sensor'] as const
const LAMPS = ['lamp-controller'] as const
const SPEAKING = ['fill-sensor', 'odour-sensor', 'occupancy-sensor', 'compactor-controller'] as const

/** Everything that can go wrong. What must follow from it stands in `truth/claims.ts`, one row for each. */
export const FAULTS = {
  'bin-overfull': {
    label: 'bags thrown in at once, and the round passes by',
    layer: 'world',
    strikes: BINS
  },
  'bin-fire': { label: 'a cigarette end; put out by the crew', layer: 'world', strikes: BINS },
  'bin-tilted': { label: 'somebody ran into the bin', layer: 'world', strikes: BINS },
  'round-missed': {
    label: 'every round passes by a bin that is never quite full',
    layer: 'world',
    strikes: BINS
  },
  'stuck-sensor': {
    label: 'the sensor repeats one value while the bin runs over',
    layer: 'world',
    strikes: BINS
  },
  'battery-fade': { label: 'the battery is nearly used up', layer: 'world', strikes: BINS },
  'compactor-full': { label: 'the truck did not come', layer: 'world', strikes: STATIONS },
  'compactor-fault': { label: 'hydraulic oil too hot, machine stopped', layer: 'world', strikes: STATIONS },
  'compactor-flapping': { label: 'the load swings around the limit', layer: 'world', strikes: STATIONS },
  'haul-missed': { label: 'no truck, and hardly any waste', layer: 'world', strikes: STATIONS },
  'toilet-odour': { label: 'the fan is broken', layer: 'world', strikes: NOSES },
  'toilet-stench': { label: 'a drain is blocked: far over the limit', layer: 'world', strikes: NOSES },
  'station-odour': { label: 'leachate in the yard', layer: 'world', strikes: NOSES },
  'h2s-trace': { label: 'hydrogen sulphide at what the cell can just tell', layer: 'world', strikes: NOSES },
  'toilet-crowded': { label: 'a tour bus has arrived', layer: 'world', strikes: TOILETS },
  'crowd-flapping': { label: 'full, and now and then one stall free', layer: 'world', strikes: TOILETS },
  'supplies-out': { label: 'nobody refilled the paper', layer: 'world', strikes: TOILETS },
  'water-leak': { label: 'a valve does not close; nobody comes in', layer: 'world', strikes: TOILETS },
  'cleaner-absent': { label: 'the cleaner does not come', layer: 'people', strikes: TOILETS },
  'lamp-failure': { label: 'lamp or relay dead', layer: 'world', strikes: LAMPS },
  'lamp-day-burn': { label: 'the relay sticks: lit by day', layer: 'world', strikes: LAMPS },
  'cabinet-dead': {
    label: 'no power in the cabinet; its controller lives on a battery and says so',
    layer: 'world',
    strikes: ['cabinet-controller', 'gateway']
  },
  'cabinet-mute': {
    label: 'no power in the cabinet, and its controller has no battery: all behind it fall silent',
    layer: 'world',
    strikes: ['cabinet-controller']
  },
  offline: {
    label: 'no network for a while; what was measured is delivered afterwards',
    layer: 'link',
    strikes: SPEAKING
  },
  gone: { label: 'the device is dead', layer: 'link', strikes: [...SPEAKING, ...LAMPS, 'gateway'] },
  garbled: {
    label: 'now and then it sends what nobody can read; no ticket, a quarantine row',
    layer: 'message',
    strikes: BINS
  },
  'clock-ahead': {
    label: 'its clock is up to a quarter of an hour ahead',
    layer: 'message',
    strikes: SPEAKING
  },
  'clock-far-ahead': { label: 'its clock is hours ahead', layer: 'message', strikes: SPEAKING },
  duplicates: { label: 'it sends every message twice', layer: 'message', strikes: SPEAKING },
  reordered: {
    label: 'every second message overtakes the one before',
    layer: 'message',
    strikes: [...STATIONS, ...TOILETS]
  },
  reboots: {
    label: 'it restarts every few minutes and begins counting anew',
    layer: 'message',
    strikes: TOILETS
  },
  'reboot-storm': {
    label:
      'the devices of a street, or a gateway with all it speaks for, restart within seconds, again and again',
    layer: 'message',
    strikes: [...SPEAKING, ...LAMPS, 'gateway']
  }
} as const satisfies Record<string, FaultDefinition>
export type FaultKind = keyof typeof FAULTS

export const layerOf = (kind: FaultKind): FaultLayer => FAULTS[kind].layer

/** One thing going wrong with one device, from (inclusive) to (exclusive; Infinity: nobody repairs it). */
export interface Fault {
  kind: FaultKind
  device: string
  from: Millis
  /** A repair moves it to the moment it was made. */
  to: Millis
}

/** In a storm all restart so often, each within so long of the others. */
export const STORM_EVERY_MS = minutes(4)
export const STORM_SPREAD_MS = seconds(8)

/** How far a clock is ahead: within what is put right, and far beyond it. */
export const CLOCK_AHEAD_MS = minutes(9)
export const CLOCK_FAR_AHEAD_MS = minutes(180)
