import type { Clock, Millis } from '#model/time'

export interface DrivenClock extends Clock {
  /** Moves now forward to `at`; an earlier one is ignored. */
  set(at: Millis): void
  /** From here on it follows `real`, and still never goes back. */
  release(): void
}

/** A clock that stands at `at` until told otherwise: what lets a day be played in seconds. It never goes back. */
export function drivenClock(at: Millis, real: Clock): DrivenClock {
  let newest = at
  let released = false
  const forward = (to: Millis) => (newest = Math.max(newest, to))
  return {
    now: () => (released ? forward(real.now()) : newest),
    set: to => void forward(to),
    release: () => void (released = true)
  }
}
