import { minutes, seconds, type Clock, type Millis } from '#model/time'
import type { LinkCounts } from './link.ts'
import type { Outage } from './truth/expectation.ts'

const LOOK_EVERY_MS = 200
/** So many of the devices lost at once, and it is not them. */
const LOST_SHARE = 0.5
/** It is over when so many are back, or so long after the first one was: the last ones wait longest between two tries. */
const BACK_SHARE = 0.98
const LAST_BACK_MS = minutes(1.5)
/** Longer than this without an answer is an outage by the specification. */
const UNANSWERED_MS = seconds(5)

type Seen = Pick<LinkCounts, 'connected' | 'acknowledged' | 'waiting'>

/**
 * Notices by the devices' connections that the broker went away, and that it is back; and where connections stay, that what is sent is
 * not acknowledged.
 */
export interface OutageWatch {
  /** Looks at how many are connected now, and at what was answered since the last look. */
  look(seen: Seen, at: Millis): void
  /** Those that are over, and one that is going on, until `at`. */
  outages(at: Millis): Outage[]
}

interface Away {
  from: Millis
  before: number
  least: number
  firstBack: Millis | undefined
  /** The connections stand, and nothing is answered. */
  hangs: boolean
}

export function outageWatch(onOver: (outage: Outage) => void = () => {}): OutageWatch {
  const over: Outage[] = []
  let usual = { connected: 0, at: 0 }
  let acknowledged = 0
  let answeredAt: Millis | undefined
  let away: Away | undefined

  function end({ from }: Away, connected: number, at: Millis): void {
    const outage = { from, to: at }
    away = undefined
    usual = { connected, at }
    over.push(outage)
    onOver(outage)
  }

  return {
    look(seen, at) {
      const { connected } = seen
      const answers = seen.waiting === 0 || seen.acknowledged > acknowledged
      acknowledged = seen.acknowledged
      if (answers) answeredAt = at
      const heardAt = (answeredAt ??= at)
      if (!away) {
        const lost = connected < usual.connected * LOST_SHARE
        const hangs = !lost && at - heardAt > UNANSWERED_MS
        if (lost || hangs) {
          const from = Math.min(usual.at, heardAt)
          away = { from, before: usual.connected, least: connected, firstBack: undefined, hangs }
        } else usual = { connected, at }
        return
      }
      // Who waits too long for an answer leaves in the end: from then on those that come back tell.
      if (connected < away.before * LOST_SHARE) away.hangs = false
      if (away.hangs) {
        if (answers) end(away, connected, at)
        return
      }
      away.least = Math.min(away.least, connected)
      if (connected > away.least) away.firstBack ??= at
      if (connected === 0) away.firstBack = undefined
      const lastAt = (away.firstBack ?? Infinity) + LAST_BACK_MS
      if (connected >= away.before * BACK_SHARE || at >= lastAt) end(away, connected, at)
    },
    outages: at => (away ? [...over, { from: away.from, to: at }] : [...over])
  }
}

/** Looks by the clock until `close`. */
export function watchLive(options: {
  clock: Clock
  seen: () => Seen
  onOver: (outage: Outage) => void
}): OutageWatch & { close(): void } {
  const { clock, seen, onOver } = options
  const watch = outageWatch(onOver)
  const timer = setInterval(() => watch.look(seen(), clock.now()), LOOK_EVERY_MS)
  return { ...watch, close: () => clearInterval(timer) }
}
