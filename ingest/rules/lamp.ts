import { METRICS } from '#model/metrics'
import type { Millis } from '#model/time'
import { freshValue, type DevicePicture } from './picture.ts'
import { EXPECTATION_GRACE_MS } from './sun.ts'

/** What tells whether a lamp is lit. */
export const LAMP_METRICS = ['powerState', 'activePowerW', 'lampFailure', 'relayFailure'] as const

const OFF = METRICS.powerState.values.indexOf('off')
/** A driver in standby draws about a watt; the smallest street light tens. */
const DARK_BELOW_W = 5

/**
 * What the controller says of the lamp itself: lit, dark, or nobody knows. A failure flag outweighs the switch; a failed relay not
 * the power that flows, for it may be stuck closed.
 */
export function lampState(device: DevicePicture, at: Millis): 'lit' | 'dark' | 'unknown' {
  if (freshValue(device, 'lampFailure', at) === 1) return 'dark'
  const power = freshValue(device, 'activePowerW', at)
  if (freshValue(device, 'relayFailure', at) === 1)
    return power !== undefined && power >= DARK_BELOW_W ? 'lit' : 'dark'
  const state = freshValue(device, 'powerState', at)
  if (state === undefined && power === undefined) return 'unknown'
  return state === OFF || (power !== undefined && power < DARK_BELOW_W) ? 'dark' : 'lit'
}

/** Announced work over a lamp, in journal time. */
export interface Work {
  from: Millis
  to: Millis
}

/** What a sample is asked: whether the lamp is as it should be, or whether it may be blamed for not being so. */
export interface Asked {
  should: 'lit' | 'dark'
  /** While work is announced nobody is to blame; that a lamp is lit again counts. */
  blames: boolean
}

/**
 * Whether a lamp should be so now, and its newest sample is one that counts: it had its time to follow the last change of what
 * is expected of it. Announced work changes that where it begins and where it ends.
 */
export function countsAt(
  device: DevicePicture,
  at: Millis,
  { asked, work }: { asked: Asked; work: readonly Work[] }
): boolean {
  const phase = device.facility?.expected?.phaseAt(at)
  if (!phase?.known || phase.lit !== (asked.should === 'lit')) return false
  const sampled = sampledAt(device)
  if (sampled < phase.since + EXPECTATION_GRACE_MS) return false
  for (const { from, to } of work)
    if ((asked.blames ? from : to) <= at && sampled < to + EXPECTATION_GRACE_MS) return false
  return true
}

/** What its light says of a lamp that should be lit: it is, it is not, or nothing that counts. */
export function litByNight(
  device: DevicePicture,
  at: Millis,
  work: readonly Work[]
): 'lit' | 'dark' | 'unknown' {
  const state = lampState(device, at)
  if (state === 'unknown') return state
  return countsAt(device, at, { asked: LAMP_ASKED[state], work }) ? state : 'unknown'
}

/** What conditions ask of the samples of lamps; `off` is off at any time. */
export const LAMP_ASKED = {
  dark: { should: 'lit', blames: true },
  lit: { should: 'lit', blames: false },
  burning: { should: 'dark', blames: true }
} as const satisfies Record<string, Asked>

/** Work goes on over a lamp, or is over for less than the time lamps have to follow: nobody is to blame for its silence. */
export const isExcused = (work: readonly Work[], at: Millis): boolean =>
  work.some(({ from, to }) => from <= at && at < to + EXPECTATION_GRACE_MS)

/** The next moment at which announced work changes what samples say. */
export function nextWorkEdge(work: readonly Work[], at: Millis): Millis {
  let next = Infinity
  for (const { from, to } of work) {
    if (from > at) next = Math.min(next, from)
    else if (to > at) next = Math.min(next, to)
  }
  return next
}

/** When it measured what it last said of its lamp; 0: never. */
export function sampledAt({ levels }: DevicePicture): Millis {
  let newest = 0
  for (const metric of LAMP_METRICS) newest = Math.max(newest, levels.get(metric)?.measuredAt ?? 0)
  return newest
}
