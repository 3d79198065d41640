import type { Millis } from '#model/time'
import type { Expectation } from './expectation.ts'
import { isExcused, litByNight, type Work } from './lamp.ts'
import { createNightCounts, type Counted, type NightCounts } from './night-counts.ts'
import type { DevicePicture, FacilityPicture } from './picture.ts'

/** Of the lamps a cabinet feeds: how many are dark and lit this night, and how many are not heard. */
interface Tally {
  lamps: Set<FacilityPicture>
  unheard: number
  counts: NightCounts
}

/** `lit`: seen lit by night, by a controller that is heard itself. `no`: not gone, and no proof of power either. */
type Gone = 'no' | 'lit' | 'dark' | 'unheard'

interface Membership {
  cabinet: string
  expectation: Expectation
  gone: Gone
  night: Millis
}

export interface SavedGone {
  facility: string
  gone: Exclude<Gone, 'no'>
  night: Millis
}

/** The lamps behind each cabinet, counted as they change: the cost of a report is that of one lamp. */
export interface Cabinets {
  /** Puts a lamp behind the cabinet it names now; the cabinets whose count may have changed. */
  place(lamp: FacilityPicture, expectation: Expectation): string[]
  /** Looks at a lamp again; its cabinet, if its count changed. */
  look(lamp: FacilityPicture, at: Millis): string | undefined
  lampsOf(cabinet: string): Iterable<FacilityPicture>
  /** Share of its lamps that are gone, in percent; undefined when no lamp names it. */
  gonePct(cabinet: string, at: Millis): number | undefined
  /** Share of its lamps that are seen lit, in percent: they have power, and so has it. */
  litPct(cabinet: string, at: Millis): number
  ids(): IterableIterator<string>
  /** What each lamp was last counted as; looking again later may see something else. */
  save(): SavedGone[]
  /** Takes over what was saved; nothing else was counted. */
  restore(lamps: Iterable<[FacilityPicture, SavedGone]>): void
}

const NONE: readonly FacilityPicture[] = []

export function createCabinets(options: {
  /** The gateway that speaks for a device: where it is not heard either, its devices prove nothing. */
  gatewayOf: (device: DevicePicture) => DevicePicture | undefined
  /** Announced work over a lamp. */
  workOver: (lamp: FacilityPicture) => readonly Work[]
}): Cabinets {
  const tallies = new Map<string, Tally>()
  const memberships = new Map<FacilityPicture, Membership>()

  function count(lamp: Membership, delta: 1 | -1): void {
    const tally = tallies.get(lamp.cabinet)
    if (tally && lamp.gone === 'unheard') tally.unheard += delta
    else tally?.counts.count(counted(lamp), delta)
  }

  function goneness(lamp: FacilityPicture, at: Millis): Gone {
    const work = options.workOver(lamp)
    // Whoever works there may have switched it off, with its controller.
    let gone: Gone = isExcused(work, at) ? 'no' : 'unheard'
    for (const device of lamp.devices) {
      if (device.device.kind !== 'lamp-controller') continue
      if (device.overdue && !options.gatewayOf(device)?.overdue) continue
      const state = litByNight(device, at, work)
      if (state === 'dark') return 'dark'
      if (state === 'lit' && !device.overdue) gone = 'lit'
      else if (gone === 'unheard') gone = 'no'
    }
    return gone
  }

  return {
    place(lamp, expectation) {
      const old = memberships.get(lamp)
      if (old) {
        count(old, -1)
        const tally = tallies.get(old.cabinet)
        tally?.lamps.delete(lamp)
        tally?.counts.leave(counted(old))
        memberships.delete(lamp)
      }
      const { cabinet } = lamp.facility.attributes
      const judged = lamp.devices.some(({ device }) => device.kind === 'lamp-controller')
      if (cabinet === undefined || !judged) return old ? [old.cabinet] : []
      const tally = tallies.get(cabinet) ?? { lamps: new Set(), unheard: 0, counts: createNightCounts() }
      tallies.set(cabinet, tally)
      tally.lamps.add(lamp)
      const { gone, night } = old ?? NOT_SEEN
      const membership: Membership = { cabinet, expectation, gone, night }
      memberships.set(lamp, membership)
      tally.counts.enter(counted(membership))
      count(membership, 1)
      return old && old.cabinet !== cabinet ? [old.cabinet, cabinet] : [cabinet]
    },
    look(lamp, at) {
      const membership = memberships.get(lamp)
      if (!membership) return undefined
      const gone = goneness(lamp, at)
      const night = membership.expectation.phaseAt(at).since
      const ofTheNight = gone === 'dark' || gone === 'lit'
      if (membership.gone === gone && (!ofTheNight || membership.night === night)) return undefined
      count(membership, -1)
      Object.assign(membership, { gone, night })
      count(membership, 1)
      return membership.cabinet
    },
    lampsOf: cabinet => tallies.get(cabinet)?.lamps ?? NONE,
    gonePct(cabinet, at) {
      const tally = tallies.get(cabinet)
      if (!tally || tally.lamps.size === 0) return undefined
      return (100 * (tally.unheard + tally.counts.seen(at).dark)) / tally.lamps.size
    },
    litPct(cabinet, at) {
      const tally = tallies.get(cabinet)
      if (!tally || tally.lamps.size === 0) return 0
      return (100 * tally.counts.seen(at).lit) / tally.lamps.size
    },
    ids: () => tallies.keys(),
    save: () =>
      [...memberships].flatMap(([lamp, { gone, night }]) =>
        gone === 'no' ? [] : [{ facility: lamp.facility.id, gone, night }]
      ),
    restore(lamps) {
      for (const tally of tallies.values()) {
        tally.unheard = 0
        tally.counts.empty()
      }
      for (const membership of memberships.values()) Object.assign(membership, NOT_SEEN)
      for (const [lamp, { gone, night }] of lamps) {
        const membership = memberships.get(lamp)
        if (!membership) continue
        Object.assign(membership, { gone, night })
        count(membership, 1)
      }
    }
  }
}

const NOT_SEEN = { gone: 'no', night: 0 } as const

/** As its light is counted; that it is not heard is counted apart. */
const counted = ({ expectation, gone, night }: Membership): Counted => ({
  expectation,
  state: gone === 'lit' || gone === 'dark' ? gone : 'unknown',
  night
})
