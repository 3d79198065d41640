import type { Clock, Millis } from '#model/time'
import { minutes } from '#model/time'
import type { Outage } from './truth/expectation.ts'

const LOOK_EVERY_MS = 200
/** So many of the devices lost at once, and it is not them. */
const LOST_SHARE = 0.5
/** It is over when so many are back, or so long after the first one was: the last ones wait longest between two tries. */
const BACK_SHARE = 0.98
const LAST_BACK_MS = minutes(1.5)

/**
 * Notices by the devices' connections that the broker went away, and that it is back. Of a broker that keeps connections open and does
 * nothing it knows nothing.
 */
export interface OutageWatch {
  /** Looks at how many are connected now. */
  look(connected: number, at: Millis): void
  /** Those that are over, and one that is going on, until `at`. */
  outages(at: Millis): Outage[]
}

export function outageWatch(onOver: (outage: Outage) => void = () => {}): OutageWatch {
  const over: Outage[] = []
  let usual = { connected: 0, at: 0 }
  let away: { from: Millis; before: number; least: number; firstBack: Millis | undefined } | undefined
  return {
    look(connected, at) {
      if (!away) {
        if (connected < usual.connected * LOST_SHARE)
          away = { from: usual.at, before: usual.connected, least: connected, firstBack: undefined }
        else usual = { connected, at }
        return
      }
      away.least = Math.min(away.least, connected)
      if (connected > away.least) away.firstBack ??= at
      if (connected === 0) away.firstBack = undefined
      const lastAt = (away.firstBack ?? Infinity) + LAST_BACK_MS
      if (connected < away.before * BACK_SHARE && at < lastAt) return
      const outage = { from: away.from, to: at }
      away = undefined
      usual = { connected, at }
      over.push(outage)
      onOver(outage)
    },
    outages: at => (away ? [...over, { from: away.from, to: at }] : [...over])
  }
}

/** Looks by the clock until `close`. */
export function watchLive(options: {
  clock: Clock
  connected: () => number
  onOver: (outage: Outage) => void
}): OutageWatch & { close(): void } {
  const { clock, connected, onOver } = options
  const watch = outageWatch(onOver)
  const timer = setInterval(() => watch.look(connected(), clock.now()), LOOK_EVERY_MS)
  return { ...watch, close: () => clearInterval(timer) }
}
