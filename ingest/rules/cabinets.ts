import type { Millis } from '#model/time'
import { countsAt, lampState } from './lamp.ts'
import type { DevicePicture, FacilityPicture } from './picture.ts'
import type { Sun } from './sun.ts'

/** Of the lamps a cabinet feeds: how many are dark and lit this night, and how many are not heard. */
interface Tally {
  lamps: Set<FacilityPicture>
  unheard: number
  dark: number
  lit: number
  /** Start of the night `dark` and `lit` belong to. */
  night: Millis
}

/** `lit`: seen lit by night, by a controller that is heard itself. `no`: not gone, and no proof of power either. */
type Gone = 'no' | 'lit' | 'dark' | 'unheard'

interface Membership {
  cabinet: string
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
  place(lamp: FacilityPicture): string[]
  /** Looks at a lamp again; its cabinet, if its count changed. */
  look(lamp: FacilityPicture, at: Millis, sun: Sun): string | undefined
  lampsOf(cabinet: string): Iterable<FacilityPicture>
  /** Share of its lamps that are gone, in percent; undefined when no lamp names it. */
  gonePct(cabinet: string, at: Millis, sun: Sun): number | undefined
  /** Share of its lamps that are seen lit, in percent: they have power, and so has it. */
  litPct(cabinet: string, at: Millis, sun: Sun): number
  ids(): IterableIterator<string>
  /** What each lamp was last counted as; looking again later may see something else. */
  save(): SavedGone[]
  /** Takes over what was saved; nothing else was counted. */
  restore(lamps: Iterable<[FacilityPicture, SavedGone]>): void
}

const NONE: readonly FacilityPicture[] = []

/** @param gatewayOf the gateway that speaks for a device: where it is not heard either, its devices prove nothing. */
export function createCabinets(gatewayOf: (device: DevicePicture) => DevicePicture | undefined): Cabinets {
  const tallies = new Map<string, Tally>()
  const memberships = new Map<FacilityPicture, Membership>()

  function count({ cabinet, gone, night }: Membership, delta: 1 | -1): void {
    const tally = tallies.get(cabinet)
    if (!tally || gone === 'no') return
    if (gone === 'unheard') {
      tally.unheard += delta
      return
    }
    if (tally.night !== night) {
      // One that still stands as in a night before counts for nothing in this one.
      if (delta === -1 || night < tally.night) return
      Object.assign(tally, { night, dark: 0, lit: 0 })
    }
    tally[gone] += delta
  }

  function goneness(lamp: FacilityPicture, at: Millis, sun: Sun): Gone {
    let gone: Gone = 'unheard'
    for (const device of lamp.devices) {
      if (device.device.kind !== 'lamp-controller') continue
      if (device.overdue && !gatewayOf(device)?.overdue) continue
      const state = countsAt(device, sun, at) ? lampState(device, at) : 'unknown'
      if (state === 'dark') return 'dark'
      if (state === 'lit' && !device.overdue) gone = 'lit'
      else if (gone === 'unheard') gone = 'no'
    }
    return gone
  }

  function look(lamp: FacilityPicture, at: Millis, sun: Sun): string | undefined {
    const membership = memberships.get(lamp)
    if (!membership) return undefined
    const gone = goneness(lamp, at, sun)
    const night = sun.phaseAt(at).since
    const ofTheNight = gone === 'dark' || gone === 'lit'
    if (membership.gone === gone && (!ofTheNight || membership.night === night)) return undefined
    count(membership, -1)
    Object.assign(membership, { gone, night })
    count(membership, 1)
    return membership.cabinet
  }

  return {
    place(lamp) {
      const old = memberships.get(lamp)
      if (old) {
        count(old, -1)
        tallies.get(old.cabinet)?.lamps.delete(lamp)
        memberships.delete(lamp)
      }
      const { cabinet } = lamp.facility.attributes
      const judged = lamp.devices.some(({ device }) => device.kind === 'lamp-controller')
      if (cabinet === undefined || !judged) return old ? [old.cabinet] : []
      const tally = tallies.get(cabinet) ?? { lamps: new Set(), unheard: 0, dark: 0, lit: 0, night: 0 }
      tallies.set(cabinet, tally)
      tally.lamps.add(lamp)
      const { gone, night } = old ?? { gone: 'no' as const, night: 0 }
      const membership: Membership = { cabinet, gone, night }
      memberships.set(lamp, membership)
      count(membership, 1)
      return old && old.cabinet !== cabinet ? [old.cabinet, cabinet] : [cabinet]
    },
    look,
    lampsOf: cabinet => tallies.get(cabinet)?.lamps ?? NONE,
    gonePct(cabinet, at, sun) {
      const tally = tallies.get(cabinet)
      if (!tally || tally.lamps.size === 0) return undefined
      const { lit, since } = sun.phaseAt(at)
      const dark = lit && tally.night === since ? tally.dark : 0
      return (100 * (tally.unheard + dark)) / tally.lamps.size
    },
    litPct(cabinet, at, sun) {
      const tally = tallies.get(cabinet)
      if (!tally || tally.lamps.size === 0) return 0
      const { lit, since } = sun.phaseAt(at)
      return lit && tally.night === since ? (100 * tally.lit) / tally.lamps.size : 0
    },
    ids: () => tallies.keys(),
    save: () =>
      [...memberships].flatMap(([lamp, { gone, night }]) =>
        gone === 'no' ? [] : [{ facility: lamp.facility.id, gone, night }]
      ),
    restore(lamps) {
      for (const tally of tallies.values()) Object.assign(tally, { unheard: 0, dark: 0, lit: 0, night: 0 })
      for (const membership of memberships.values()) Object.assign(membership, { gone: 'no', night: 0 })
      for (const [lamp, { gone, night }] of lamps) {
        const membership = memberships.get(lamp)
        if (!membership) continue
        Object.assign(membership, { gone, night })
        count(membership, 1)
      }
    }
  }
}
