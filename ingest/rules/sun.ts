import { getTimes } from 'suncalc'
import { days, minutes, type Millis } from '#model/time'

/** Lamps get this long after dusk and dawn to follow; samples before its end do not count. */
export const EXPECTATION_GRACE_MS = minutes(15)

/** One stretch of night or day. */
export interface SunPhase {
  /** Street lights should be lit: between civil dusk and civil dawn (sun 6° under the horizon). */
  lit: boolean
  /** False: nobody can say whether it is night, so no lamp is judged. */
  known: boolean
  since: Millis
  until: Millis
}

export interface Sun {
  phaseAt(at: Millis): SunPhase
}

/** Nobody said where the city lies: no lamp is judged. */
export const NO_SUN: Sun = { phaseAt: () => ({ lit: false, known: false, since: 0, until: Infinity }) }

/** Civil dusk and dawn at a place. Where the sun does neither (polar summer and winter) nothing is known. */
export function createSun(lat: number, lon: number): Sun {
  return remembering(at => compute(lat, lon, at))
}

/** A backlog of some nights comes in between reports of today. */
const PHASES_KNOWN = 4

/** The phases that were asked for lately are not worked out again. */
export function remembering(compute: (at: Millis) => SunPhase): Sun {
  let known: readonly SunPhase[] = []
  return {
    phaseAt(at) {
      for (const phase of known) if (phase.since <= at && at < phase.until) return phase
      const phase = compute(at)
      known = [phase, ...known.slice(0, PHASES_KNOWN - 1)]
      return phase
    }
  }
}

function compute(lat: number, lon: number, at: Millis): SunPhase {
  const edges = [-1, 0, 1]
    .flatMap(day => {
      const times = getTimes(new Date(at + days(day)), lat, lon)
      return [
        { at: times.dawn?.getTime() ?? NaN, lit: false },
        { at: times.dusk?.getTime() ?? NaN, lit: true }
      ]
    })
    .filter(edge => Number.isFinite(edge.at))
    .sort((a, b) => a.at - b.at)
  const before = edges.findLast(edge => edge.at <= at)
  const after = edges.find(edge => edge.at > at)
  if (before && after) return { lit: before.lit, known: true, since: before.at, until: after.at }
  const day = Math.floor(at / days(1)) * days(1)
  return { lit: false, known: false, since: day, until: day + days(1) }
}
