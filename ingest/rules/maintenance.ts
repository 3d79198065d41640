import { subjectOf, type Subject } from '#model/ids'
import type { MaintenanceWindow } from '#model/maintenance'
import { days, type Millis } from '#model/time'
import type { Registry } from '../registry.ts'
import type { Work } from './lamp.ts'
import type { FacilityPicture } from './picture.ts'
import type { Timed } from './timers.ts'

/** A window's timer: it wakes where it begins and where it ends. */
export interface KnownWindow extends Timed {
  readonly what: 'maintenance'
  window: MaintenanceWindow
  /** Entered late it works from the moment it was applied. */
  from: Millis
}

/** Windows are kept this long after their end: a backlog is judged by its own times. */
const KEPT_MS = days(36)

export interface Maintenance {
  put(window: MaintenanceWindow, at: Millis): KnownWindow
  /** The end of the last window over one of these subjects that overlaps (from, at]; undefined: there is none. */
  lastEnd(subjects: Iterable<Subject>, from: Millis, at: Millis): Millis | undefined
  /** The windows over any of these subjects, by when they work. */
  over(subjects: Iterable<Subject>): Work[]
  all(): IterableIterator<KnownWindow>
  readonly size: number
  /** Grows with every window that is put. */
  readonly version: number
}

export function createMaintenance(): Maintenance {
  const byId = new Map<string, KnownWindow>()
  const bySubject = new Map<Subject, KnownWindow[]>()
  let version = 0

  function drop(known: KnownWindow): void {
    const { subject, id } = known.window
    known.due = Infinity
    byId.delete(id)
    const others = (bySubject.get(subject) ?? []).filter(one => one !== known)
    if (others.length > 0) bySubject.set(subject, others)
    else bySubject.delete(subject)
  }

  return {
    put(window, at) {
      version++
      for (const old of byId.values()) if (old.window.to < at - KEPT_MS) drop(old)
      const before = byId.get(window.id)
      if (before) drop(before)
      const known: KnownWindow = {
        what: 'maintenance',
        window,
        from: Math.max(window.from, before ? Math.min(before.from, at) : at),
        due: Infinity,
        queuedFor: Infinity,
        order: `maintenance|${window.id}`
      }
      byId.set(window.id, known)
      bySubject.set(window.subject, [...(bySubject.get(window.subject) ?? []), known])
      return known
    },
    lastEnd(subjects, from, at) {
      let last: Millis | undefined
      for (const subject of subjects) {
        for (const known of bySubject.get(subject) ?? []) {
          const { to } = known.window
          // Cancelled before it began, or over before anybody entered it.
          if (to <= known.from) continue
          if (known.from <= at && to > from && to > (last ?? -Infinity)) last = to
        }
      }
      return last
    },
    over: subjects =>
      [...subjects].flatMap(subject =>
        (bySubject.get(subject) ?? []).flatMap(({ from, window: { to } }) =>
          to > from ? [{ from, to }] : []
        )
      ),
    all: () => byId.values(),
    get size() {
      return byId.size
    },
    get version() {
      return version
    }
  }
}

/** Every subject whose windows are also this facility's. */
export function* subjectsAround(registry: Registry, picture: FacilityPicture): Generator<Subject> {
  const { id, parent, attributes } = picture.facility
  yield subjectOf('facility', id)
  if (attributes.road) yield subjectOf('road', attributes.road)
  for (const area of registry.areaPath(parent)) yield subjectOf('area', area.id)
}

/** Work on its controller is work on the lamp too. */
export function* subjectsOfLamp(registry: Registry, lamp: FacilityPicture): Generator<Subject> {
  yield* subjectsAround(registry, lamp)
  for (const { device } of lamp.devices) yield subjectOf('device', device.id)
}
