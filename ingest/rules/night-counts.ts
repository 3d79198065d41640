import type { Millis } from '#model/time'
import type { Expectation } from './expectation.ts'

/** Of lamps of which the same is expected: how many are seen lit and dark in the phase that began at `night`. */
interface Share {
  lamps: number
  lit: number
  dark: number
  /** Those not counted, whatever the night. */
  out: number
  night: Millis
}

/** What is kept of one lamp for its counts. */
export interface Counted {
  expectation: Expectation
  state: 'lit' | 'dark' | 'out' | 'unknown'
  /** Start of the phase in which it was seen so. */
  night: Millis
}

/** Lamps counted as they change, by what is expected of them: dusk, dawn and schedules cost nothing for each lamp. */
export interface NightCounts {
  enter(lamp: Counted): void
  leave(lamp: Counted): void
  /** What was counted of it is; `delta` −1 takes it back. */
  count(lamp: Counted, delta: 1 | -1): void
  /** As of `at`: lamps seen in another night are neither lit nor dark, those that need not be lit are out. */
  seen(at: Millis): { lamps: number; lit: number; dark: number; out: number }
  /** Of the lamps that are in it. */
  expectations(): Iterable<Expectation>
  /** Counts nothing any more; the lamps stay. */
  empty(): void
}

export function createNightCounts(): NightCounts {
  const shares = new Map<Expectation, Share>()

  return {
    enter({ expectation }) {
      const share = shares.get(expectation)
      if (share) share.lamps++
      else shares.set(expectation, { lamps: 1, lit: 0, dark: 0, out: 0, night: 0 })
    },
    leave({ expectation }) {
      const share = shares.get(expectation)
      if (share && --share.lamps === 0) shares.delete(expectation)
    },
    count({ expectation, state, night }, delta) {
      const share = shares.get(expectation)
      if (!share || state === 'unknown') return
      if (state !== 'out' && share.night !== night) {
        // One that still stands as in a night before counts for nothing in this one.
        if (delta === -1 || night < share.night) return
        Object.assign(share, { night, lit: 0, dark: 0 })
      }
      share[state] += delta
    },
    seen(at) {
      const all = { lamps: 0, lit: 0, dark: 0, out: 0 }
      for (const [expectation, { lamps, lit, dark, out, night }] of shares) {
        const phase = expectation.phaseAt(at)
        all.lamps += lamps
        all.out += phase.lit ? out : lamps
        if (!phase.lit || night !== phase.since) continue
        all.lit += lit
        all.dark += dark
      }
      return all
    },
    expectations: () => shares.keys(),
    empty() {
      for (const share of shares.values()) Object.assign(share, { lit: 0, dark: 0, out: 0, night: 0 })
    }
  }
}
