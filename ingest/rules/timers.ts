import type { Millis } from '#model/time'

/** Anything that wants to be woken. `due` is the truth; the heap may hold older times of it, which are skipped. */
export interface Timed {
  /** Whose it is: who is woken. */
  readonly what: 'instance' | 'silence' | 'sun' | 'month' | 'maintenance' | 'ticket'
  /** Journal time at which it wants to act; Infinity: not at all. */
  due: Millis
  /** The earliest time it stands in the heap for; Infinity: it is not in there. Owned by the heap. */
  queuedFor: Millis
  /** Rule and subject: who goes first when several are due at once, so that every replay agrees. No two may have the same. */
  readonly order: string
}

export interface Timers {
  /** Call after changing `timed.due`. Moving a time back costs nothing until the old one comes up. */
  schedule(timed: Timed): void
  /** The next that is due at or before `at`, by (due, order); it is taken out. */
  next(at: Millis): Timed | undefined
  size(): number
}

interface Entry {
  at: Millis
  timed: Timed
}

const before = (a: Entry, b: Entry): boolean =>
  a.at < b.at || (a.at === b.at && a.timed.order < b.timed.order)

/** A binary heap with lazy moves: a device that reports every minute is not moved every minute. */
export function createTimers(): Timers {
  const heap: Entry[] = []

  const up = (from: number): void => {
    let i = from
    const entry = heap[i] as Entry
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!before(entry, heap[parent] as Entry)) break
      heap[i] = heap[parent] as Entry
      i = parent
    }
    heap[i] = entry
  }

  const down = (): void => {
    const entry = heap[0] as Entry
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1] as Entry, heap[child] as Entry)) child++
      if (!before(heap[child] as Entry, entry)) break
      heap[i] = heap[child] as Entry
      i = child
    }
    heap[i] = entry
  }

  const pop = (): Entry => {
    const top = heap[0] as Entry
    const last = heap.pop() as Entry
    if (heap.length > 0) {
      heap[0] = last
      down()
    }
    return top
  }

  const schedule = (timed: Timed): void => {
    if (timed.due === Infinity || timed.queuedFor <= timed.due) return
    timed.queuedFor = timed.due
    heap.push({ at: timed.due, timed })
    up(heap.length - 1)
  }

  return {
    schedule,
    next(at) {
      while (heap.length > 0 && (heap[0] as Entry).at <= at) {
        const entry = pop()
        // An older, later entry of something that has been queued for earlier since: that one has spoken already.
        if (entry.at !== entry.timed.queuedFor) continue
        entry.timed.queuedFor = Infinity
        if (entry.timed.due === entry.at) return entry.timed
        schedule(entry.timed)
      }
      return undefined
    },
    size: () => heap.length
  }
}
