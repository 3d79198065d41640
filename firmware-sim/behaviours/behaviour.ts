import type { DeviceKind, DEVICE_KINDS } from '#model/kinds'
import type { RawValue } from '#model/metrics'
import type { Device, Facility } from '#model/registry'
import type { Millis } from '#model/time'
import type { Fault } from '../faults.ts'
import type { Random } from '../random.ts'
import type { World } from '../world.ts'

type MetricOf<K extends DeviceKind> =
  (typeof DEVICE_KINDS)[K]['metrics'][number] | 'batteryPct' | 'rssiDbm' | 'snrDb'

/** Readings of a kind: a metric that kind does not have is a type error. */
export type Values<K extends DeviceKind> = { [M in MetricOf<K>]?: RawValue }

/** A device and where it is fitted; a spare one is fitted nowhere. */
export interface Unit {
  device: Device
  facility: Facility | undefined
}

export interface Moment {
  unit: Unit
  at: Millis
  world: World
  random: Random
  /** The newest thing that went wrong with this device: ended when `at` ≥ its `to`, and felt for a while after. */
  fault: Fault | undefined
  /** Whether the cabinet that feeds it has power; true of what no cabinet feeds. */
  powered: boolean
}

/** What is burnt into a kind of device: `step` is pure but for drawing from `random`. */
interface Firmware<K extends DeviceKind, S> {
  /** How often it wakes to measure; it may have nothing to report. */
  wakeMs(unit: Unit): Millis
  begin(moment: Moment): S
  step(state: S, moment: Moment): { state: S; values?: Values<K> }
}

export interface Behaviour<K extends DeviceKind> {
  wakeMs(unit: Unit): Millis
  /** Switches one device on; what it answers at each waking is what it reports, if anything. */
  start(first: Moment): (moment: Moment) => Values<K> | undefined
}

/** Closes over the state, so that the table of behaviours need not know what each remembers. */
export const behaviour = <K extends DeviceKind, S>(firmware: Firmware<K, S>): Behaviour<K> => ({
  wakeMs: unit => firmware.wakeMs(unit),
  start(first) {
    let state = firmware.begin(first)
    return moment => {
      const next = firmware.step(state, moment)
      state = next.state
      return next.values
    }
  }
})

/** The fault if it is of this kind and on at this moment. */
export const suffers = (kind: Fault['kind'], { fault, at }: Moment): Fault | undefined =>
  fault?.kind === kind && at < fault.to ? fault : undefined

/** The fault if it is of this kind and over. */
export const sufferedFrom = (kind: Fault['kind'], { fault, at }: Moment): Fault | undefined =>
  fault?.kind === kind && at >= fault.to ? fault : undefined

export const clamp = (value: number, min: number, max: number): number => Math.min(max, Math.max(min, value))
