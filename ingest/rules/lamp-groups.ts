import { subjectOf, type Subject } from '#model/ids'
import type { Millis } from '#model/time'
import type { Registry } from '../registry.ts'
import type { CompiledRule } from './condition.ts'
import type { Verdict } from './episode.ts'
import { createInstance, type Instance } from './instance.ts'
import { countsAt, lampState } from './lamp.ts'
import type { FacilityPicture } from './picture.ts'
import { EXPECTATION_GRACE_MS, type Sun } from './sun.ts'

/** Lamps judged together: those of a road, or of a district and lighting grade. Each lamp counts once. */
export interface LampGroup {
  subject: Subject
  members: Set<FacilityPicture>
  lit: number
  dark: number
  /** Start of the night the counts belong to: those of another night are not counted. */
  night: Millis
  instance: Instance
}

interface Membership {
  groups: LampGroup[]
  state: 'lit' | 'dark' | 'unknown'
  night: Millis
}

export interface LampGroups {
  /** Puts a lamp into the groups it belongs to now, and out of those it left; the groups that may have changed. */
  place(lamp: FacilityPicture): Set<LampGroup>
  /** Looks at a lamp again; the groups whose counts changed. */
  look(lamp: FacilityPicture, at: Millis, sun: Sun): LampGroup[]
  verdict(group: LampGroup, at: Millis, sun: Sun): Verdict
  /** Lit ÷ should be lit in percent as a range, unknown lamps counted as dark and as lit. */
  rate(group: LampGroup): { min: number; max: number }
  groups(): IterableIterator<LampGroup>
  get(subject: string): LampGroup | undefined
  darkLamps(group: LampGroup): FacilityPicture[]
  /** What each lamp was last counted as; a checkpoint keeps it, because looking again later may see it stale. */
  save(): SavedLamp[]
  restore(lamp: FacilityPicture, saved: SavedLamp): void
}

export interface SavedLamp {
  facility: string
  state: 'lit' | 'dark' | 'unknown'
  night: Millis
}

export function createLampGroups(registry: Registry, compiled: CompiledRule | undefined): LampGroups {
  const groups = new Map<Subject, LampGroup>()
  const memberships = new Map<FacilityPicture, Membership>()
  const target = compiled && 'lightingRate' in compiled.rule.when ? compiled.rule.when.pct : 100

  function groupOf(subject: Subject, rule: CompiledRule): LampGroup {
    let group = groups.get(subject)
    if (!group) {
      group = {
        subject,
        members: new Set(),
        lit: 0,
        dark: 0,
        night: 0,
        instance: createInstance(rule, subject, undefined)
      }
      groups.set(subject, group)
    }
    return group
  }

  function subjectsOf(lamp: FacilityPicture): Subject[] {
    const { parent, attributes } = lamp.facility
    const road = attributes.road ? registry.road(attributes.road) : undefined
    const grade = attributes.lightingGrade ?? road?.attributes.lightingGrade
    const district = registry.districtOf(parent)
    return [
      ...(attributes.road ? [subjectOf('road', attributes.road)] : []),
      ...(district && grade ? [subjectOf('area', `${district.id}:${grade}`)] : [])
    ]
  }

  function count(membership: Membership, delta: 1 | -1): void {
    for (const group of membership.groups) {
      if (membership.state !== 'unknown' && group.night === membership.night) group[membership.state] += delta
    }
  }

  function beginNight(group: LampGroup, night: Millis): void {
    if (group.night === night) return
    Object.assign(group, { night, lit: 0, dark: 0 })
  }

  return {
    place(lamp) {
      if (!compiled) return new Set()
      const old = memberships.get(lamp)
      if (old) {
        count(old, -1)
        for (const group of old.groups) group.members.delete(lamp)
      }
      // A lamp without a controller cannot be judged, so it is not in the count.
      const placed =
        lamp.devices.length > 0 ? subjectsOf(lamp).map(subject => groupOf(subject, compiled)) : []
      for (const group of placed) group.members.add(lamp)
      const membership: Membership = {
        groups: placed,
        state: old?.state ?? 'unknown',
        night: old?.night ?? 0
      }
      memberships.set(lamp, membership)
      for (const group of placed) if (group.night < membership.night) beginNight(group, membership.night)
      count(membership, 1)
      return new Set([...(old?.groups ?? []), ...placed])
    },
    look(lamp, at, sun) {
      const membership = memberships.get(lamp)
      if (!membership) return []
      const night = sun.phaseAt(at).since
      const state = stateOf(lamp, at, sun)
      if (membership.state === state && membership.night === night) return []
      count(membership, -1)
      for (const group of membership.groups) beginNight(group, night)
      membership.state = state
      membership.night = night
      count(membership, 1)
      return membership.groups
    },
    verdict(group, at, sun) {
      const phase = sun.phaseAt(at)
      if (!phase.lit || at < phase.since + EXPECTATION_GRACE_MS) return 'between'
      beginNight(group, phase.since)
      const { min, max } = rateOf(group)
      return max < target ? 'met' : min >= target ? 'cleared' : 'unknown'
    },
    rate: rateOf,
    groups: () => groups.values(),
    get: subject => groups.get(subject as Subject),
    darkLamps: group =>
      [...group.members].filter(lamp => {
        const membership = memberships.get(lamp)
        return membership?.state === 'dark' && membership.night === group.night
      }),
    save: () =>
      [...memberships].flatMap(([lamp, { state, night }]) =>
        night === 0 ? [] : [{ facility: lamp.facility.id, state, night }]
      ),
    restore(lamp, { state, night }) {
      const membership = memberships.get(lamp)
      if (!membership) return
      for (const group of membership.groups) if (night > group.night) beginNight(group, night)
      Object.assign(membership, { state, night })
      count(membership, 1)
    }
  }
}

function rateOf(group: LampGroup): { min: number; max: number } {
  const total = group.members.size
  if (total === 0) return { min: 100, max: 100 }
  return { min: (100 * group.lit) / total, max: (100 * (total - group.dark)) / total }
}

/**
 * In journal time: a lamp whose controllers are all silent is unknown, whatever it said last. Of several controllers
 * one that sees it dark is believed, as for its own ticket.
 */
function stateOf(lamp: FacilityPicture, at: Millis, sun: Sun): 'lit' | 'dark' | 'unknown' {
  let state: 'lit' | 'unknown' = 'unknown'
  for (const device of lamp.devices) {
    if (device.device.kind !== 'lamp-controller' || device.silent || !countsAt(device, sun, at)) continue
    const one = lampState(device, at)
    if (one === 'dark') return one
    if (one === 'lit') state = one
  }
  return state
}
