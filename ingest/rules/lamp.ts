import { METRICS } from '#model/metrics'
import type { Millis } from '#model/time'
import { freshValue, type DevicePicture } from './picture.ts'
import { EXPECTATION_GRACE_MS, type Sun } from './sun.ts'

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

/** Whether the lamp's newest sample is one that counts: it should be lit, and had its time to follow dusk. */
export const countsAt = (device: DevicePicture, sun: Sun, at: Millis): boolean =>
  sun.phaseAt(at).lit && sampledInPhase(device, sun, at)

/** The same of a lamp that should be dark. */
export function countsByDay(device: DevicePicture, sun: Sun, at: Millis): boolean {
  const { lit, known } = sun.phaseAt(at)
  return known && !lit && sampledInPhase(device, sun, at)
}

/** Its newest sample is of this night or day, and it had its time to follow dusk or dawn. */
function sampledInPhase(device: DevicePicture, sun: Sun, at: Millis): boolean {
  return sampledAt(device) >= sun.phaseAt(at).since + EXPECTATION_GRACE_MS
}

/** When it measured what it last said of its lamp; 0: never. */
export function sampledAt({ levels }: DevicePicture): Millis {
  let newest = 0
  for (const metric of LAMP_METRICS) newest = Math.max(newest, levels.get(metric)?.measuredAt ?? 0)
  return newest
}
