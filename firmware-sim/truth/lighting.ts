import { subjectOf, type Subject } from '#model/ids'
import type { Facility } from '#model/registry'
import { minutes, type Millis } from '#model/time'
import type { Fault } from '../faults.ts'
import type { World } from '../world.ts'
import type { Claims } from './claims.ts'
import { HOLD_MS, LIGHTING_TARGET } from './domain.ts'
import { expectedLight } from './expected-light.ts'
import type { MustTicket, Played } from './expectation.ts'
import { stretches } from './stretches.ts'

/** So long a rate over the target surely ends a ticket: ten minutes, and every lamp has told. */
const CLEARS_MS = minutes(30)
/** A dead cabinet is told within ten minutes, and its end five minutes after. */
const CABINET_MS = minutes(15)
/** A lamp tells every five minutes; dark it is told once more, lit for as long. */
const TOLD_MS = minutes(5)

/**
 * Roads, and districts by lighting grade, of which more than two in a hundred of the lamps that should be lit are dark for ten
 * minutes. A lamp that says nothing counts as lit here, and as dark to end it.
 */
export function darkGroups({ played, world }: { played: Played; world: World }): Claims {
  const { city, faults: planned, repaired: faults = planned } = played
  const facilityOf = new Map(city.devices.map(({ id, facility }) => [id, facility ?? '']))
  const failures = new Map<string, Fault[]>()
  for (const fault of faults) {
    if (fault.kind !== 'lamp-failure') continue
    const lamp = facilityOf.get(fault.device) ?? ''
    failures.set(lamp, [...(failures.get(lamp) ?? []), fault])
  }
  const claims: Claims = { must: [], may: [] }
  const light = expectedLight(played, world)
  for (const [subject, lamps] of groupsOf(played)) {
    const dark = lamps.flatMap(lamp => (failures.get(lamp.id) ?? []).map(fault => ({ lamp, fault })))
    if (dark.length === 0) continue
    const fed = deadCabinets(played, lamps)
    const dead = (lamp: Facility, at: Millis) => {
      const fault = fed.get(lamp.attributes.cabinet ?? '')?.fault
      return fault !== undefined && fault.from <= at && at < fault.to
    }
    // Lamps of a dead cabinet are left out of both, and in these hours those that rest or are worked on.
    const isOver = (at: Millis, rests: (lamp: Facility) => boolean, counts: (lamp: Facility) => boolean) => {
      const judged = lamps.filter(lamp => !dead(lamp, at) && !rests(lamp)).length
      const now = dark.filter(
        ({ lamp, fault }) => fault.from <= at && at < fault.to && !dead(lamp, at) && counts(lamp)
      ).length
      return now > judged * (1 - LIGHTING_TARGET) + 1e-9
    }
    const isJudged = (at: Millis) => lamps.some(lamp => light.counts(lamp, at, true))
    const over = (at: Millis) =>
      isOver(
        at,
        lamp => !light.should(lamp, at, true),
        lamp => light.counts(lamp, at, true)
      )
    /** Whatever the hour. */
    const broken = (at: Millis) =>
      isOver(
        at,
        () => false,
        () => true
      )
    let before: Millis | undefined
    for (const [from, to] of stretches(played.from, played.to, at => isJudged(at) && over(at), 0)) {
      // Through the day it stays open; only a while of light at night ends it.
      const lightMs = before === undefined ? Infinity : lastsMs(before, from, isJudged)
      before = to
      if (lightMs < minutes(1)) continue
      const repairs = dark.map(({ fault }) => fault.to).sort((a, b) => a - b)
      const repaired = repairs.find(at => at > from && !broken(at)) ?? Infinity
      const [lit] = stretches(from, Math.min(repaired, played.to), at => isJudged(at) && !over(at), 0)
      const ends = lit?.[0] ?? repaired
      const ticket: MustTicket = {
        rule: 'lighting-rate',
        subject,
        from: from + HOLD_MS['lighting-rate'],
        to: ends,
        toleranceMs: TOLD_MS + minutes(1) + played.stepMs + (fed.size > 0 ? CABINET_MS : 0),
        why: `${dark.length} of ${lamps.length} lamps dark`
      }
      const sure = to - from >= HOLD_MS['lighting-rate'] + ticket.toleranceMs && lightMs > CLEARS_MS
      claims[sure ? 'must' : 'may']?.push(ticket)
    }
  }
  return claims
}

/** How much of the time between two moments it is so. */
const lastsMs = (from: Millis, to: Millis, holds: (at: Millis) => boolean): Millis =>
  stretches(from, to, holds, 0).reduce((sum, [begin, end]) => sum + end - begin, 0)

/** The dead cabinets among those that feed these lamps, and how many of the lamps each feeds. */
function deadCabinets(
  { city, faults: planned, repaired: faults = planned }: Played,
  lamps: readonly Facility[]
) {
  const found = new Map<string, { fault: Fault; lamps: number }>()
  for (const fault of faults) {
    if (fault.kind !== 'cabinet-dead' && fault.kind !== 'cabinet-mute') continue
    const cabinet = city.devices.find(({ id }) => id === fault.device)?.facility ?? ''
    const fed = lamps.filter(({ attributes }) => attributes.cabinet === cabinet).length
    if (fed > 0) found.set(cabinet, { fault, lamps: fed })
  }
  return found
}

export function groupsOf({ city }: Pick<Played, 'city'>): Map<Subject, Facility[]> {
  const groups = new Map<Subject, Facility[]>()
  const areas = new Map(city.areas.map(area => [area.id, area]))
  const districtOf = (id: string | null): string => {
    const area = id === null ? undefined : areas.get(id)
    return !area || area.kind === 'district' ? (area?.id ?? '') : districtOf(area.parent)
  }
  for (const lamp of city.facilities) {
    if (lamp.kind !== 'light') continue
    const { road, lightingGrade } = lamp.attributes
    for (const subject of [
      subjectOf('road', road as string),
      subjectOf('area', `${districtOf(lamp.parent)}:${lightingGrade as string}`)
    ]) {
      groups.set(subject, [...(groups.get(subject) ?? []), lamp])
    }
  }
  return groups
}
