import { subjectOf, type Subject } from '#model/ids'
import { lightingStanding, lightingTarget, type LampView } from '#model/lighting'
import type { Condition } from '#model/rules'
import type { Millis } from '#model/time'
import type { Registry } from '../registry.ts'
import type { CompiledRule } from './condition.ts'
import type { Verdict } from './episode.ts'
import type { Expectation } from './expectation.ts'
import { createInstance, type Instance } from './instance.ts'
import { litByNight, sampledAt, type Work } from './lamp.ts'
import { createNightCounts, type Counted, type NightCounts } from './night-counts.ts'
import { hasController, type FacilityPicture } from './picture.ts'
import type { RuleBook } from './rule-book.ts'
import { standingOfDistrict, standingOfRoad } from './standing.ts'
import { EXPECTATION_GRACE_MS, type Sun } from './sun.ts'

/** Lamps judged together: those of a road, or of a district and lighting grade. Each lamp counts once. */
export interface LampGroup {
  subject: Subject
  members: Set<FacilityPicture>
  counts: NightCounts
  instance: Instance
}

/** What a lamp counts as now. `out`: announced work, a cabinet without power, or it need not be lit. */

interface Membership extends Counted {
  groups: LampGroup[]
}

export interface LampGroups {
  /** Puts a lamp into the groups it belongs to now, and out of those it left; the groups that may have changed. */
  place(lamp: FacilityPicture, expectation: Expectation): Set<LampGroup>
  /** Looks at a lamp again; the groups whose counts changed. */
  look(lamp: FacilityPicture, at: Millis): LampGroup[]
  verdict(group: LampGroup, at: Millis): Verdict
  /**
   * The same of a claim, by nothing but what lamps measured after `since`; the others may be lit or dark. Looks at every lamp, but
   * where `since` is -Infinity.
   */
  verdictSince(group: LampGroup, since: Millis, at: Millis): Verdict
  /** Those a lamp belongs to. */
  of(lamp: FacilityPicture): readonly LampGroup[]
  /** The highest rung whose condition holds, 0 for none; undefined: nobody can tell. */
  rung(group: LampGroup, at: Millis): number | undefined
  groups(): IterableIterator<LampGroup>
  get(subject: string): LampGroup | undefined
  darkLamps(group: LampGroup, at: Millis): FacilityPicture[]
  /** Every lamp with a controller and what it counts as at the journal time the engine stands at. */
  views(): Iterable<{ lamp: FacilityPicture; view: LampView }>
  /** The same of one lamp; undefined: it has no controller. */
  viewOf(lamp: FacilityPicture): LampView | undefined
  /** The rule of each group again: a rule or a grade has changed. */
  compileAnew(): void
  /** What each lamp was last counted as; a checkpoint keeps it, because looking again later may see it stale. */
  save(): Iterable<SavedLamp>
  /** Takes over what was saved; nothing else was counted. */
  restore(lamps: Iterable<[FacilityPicture, SavedLamp]>): void
}

export interface SavedLamp {
  facility: string
  state: LampView
  night: Millis
}

export function createLampGroups(options: {
  registry: Registry
  book: RuleBook
  /** Whether a lamp is not counted at `at`. */
  leftOut: (lamp: FacilityPicture, at: Millis) => boolean
  /** Announced work over a lamp. */
  workOver: (lamp: FacilityPicture) => readonly Work[]
  /** Where the engine stands, and what is expected where there is no lamp. */
  now: () => { at: Millis; sun: Sun }
}): LampGroups {
  const { registry, book } = options
  const groups = new Map<Subject, LampGroup>()
  const memberships = new Map<FacilityPicture, Membership>()

  function ruleOf(subject: Subject): CompiledRule | undefined {
    const id = subject.slice(subject.indexOf(':') + 1)
    if (subject.startsWith('road:')) {
      const road = registry.road(id)
      return book.lampGroup(road ? standingOfRoad(registry, road) : { road: id, areas: [] })
    }
    const colon = id.lastIndexOf(':')
    return book.lampGroup(standingOfDistrict(registry, id.slice(0, colon), id.slice(colon + 1)))
  }

  function groupOf(subject: Subject): LampGroup[] {
    let group = groups.get(subject)
    const compiled = group ? group.instance.compiled : ruleOf(subject)
    if (!compiled) return []
    if (!group) {
      const instance = createInstance(compiled, subject, {
        facility: undefined,
        device: undefined,
        seat: undefined
      })
      group = { subject, members: new Set(), counts: createNightCounts(), instance }
      groups.set(subject, group)
    }
    return [group]
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

  const count = (lamp: Membership, delta: 1 | -1): void => {
    for (const { counts } of lamp.groups) counts.count(lamp, delta)
  }

  /**
   * In journal time: a lamp whose controllers are all silent is unknown, whatever it said last. Of several controllers
   * one that sees it dark is believed, as for its own ticket.
   */
  function seenAs(lamp: FacilityPicture, at: Millis, since = 0): LampView {
    if (options.leftOut(lamp, at)) return 'out'
    const work = options.workOver(lamp)
    let state: 'lit' | 'unknown' = 'unknown'
    for (const device of lamp.devices) {
      if (device.device.kind !== 'lamp-controller' || device.silent || sampledAt(device) <= since) continue
      const one = litByNight(device, at, work)
      if (one === 'dark') return one
      if (one === 'lit') state = one
    }
    return state
  }

  function verdictOf(counts: Counts, { subject, instance }: LampGroup, claimed = false): Verdict {
    const { when, clear, verify } = instance.compiled.rule
    const met = rateHolds(when, subject, counts)
    if (met !== false) return met ? 'met' : 'unknown'
    return rateHolds(claimed ? (verify ?? clear) : clear, subject, counts) ? 'cleared' : 'between'
  }

  /** Of lamps that say nothing at all nothing follows. */
  const claimVerdictOf = (counts: Counts, group: LampGroup): Verdict =>
    counts.lit + counts.dark === 0 ? 'between' : verdictOf(counts, group, true)

  /** As the groups count it: what it said in another night says nothing in this one. */
  function countedAs({ expectation, state, night }: Membership, at: Millis): LampView {
    const phase = expectation.phaseAt(at)
    if (!phase.lit || state === 'out') return 'out'
    return night === phase.since ? state : 'unknown'
  }

  /** Some of its lamps should be lit, and had their time to follow. */
  function isJudged({ counts, members }: LampGroup, at: Millis): boolean {
    for (const one of members.size > 0 ? counts.expectations() : [options.now().sun]) {
      const phase = one.phaseAt(at)
      if (phase.lit && at >= phase.since + EXPECTATION_GRACE_MS) return true
    }
    return false
  }

  return {
    place(lamp, expectation) {
      const old = memberships.get(lamp)
      if (old) {
        count(old, -1)
        for (const group of old.groups) {
          group.members.delete(lamp)
          group.counts.leave(old)
        }
      }
      // A lamp without a controller cannot be judged, so it is not in the count.
      const groups = hasController(lamp) ? subjectsOf(lamp).flatMap(groupOf) : []
      const membership: Membership = { groups, expectation, ...carriedOver(old, expectation) }
      for (const group of groups) {
        group.members.add(lamp)
        group.counts.enter(membership)
      }
      memberships.set(lamp, membership)
      count(membership, 1)
      return new Set([...(old?.groups ?? []), ...groups])
    },
    look(lamp, at) {
      const membership = memberships.get(lamp)
      if (!membership) return []
      const night = membership.expectation.phaseAt(at).since
      const state = seenAs(lamp, at)
      if (membership.state === state && membership.night === night) return []
      count(membership, -1)
      membership.state = state
      membership.night = night
      count(membership, 1)
      return membership.groups
    },
    verdict: (group, at) => (isJudged(group, at) ? verdictOf(group.counts.seen(at), group) : 'between'),
    verdictSince(group, since, at) {
      if (!isJudged(group, at)) return 'between'
      // Nobody claimed yet: what is counted anyway says it, and each report of a lamp costs no look at all the others.
      if (since === -Infinity) return claimVerdictOf(group.counts.seen(at), group)
      const counts = { lamps: group.members.size, lit: 0, dark: 0, out: 0 }
      for (const lamp of group.members) {
        const view = lamp.expected?.phaseAt(at).lit ? seenAs(lamp, at, since) : 'out'
        if (view !== 'unknown') counts[view]++
      }
      return claimVerdictOf(counts, group)
    },
    of: lamp => memberships.get(lamp)?.groups ?? [],
    rung({ subject, counts, instance }, at) {
      const seen = counts.seen(at)
      const held = instance.compiled.rule.ladder.map(({ when }) => rateHolds(when, subject, seen))
      return held.includes(undefined) ? undefined : held.lastIndexOf(true) + 1
    },
    groups: () => groups.values(),
    get: subject => groups.get(subject as Subject),
    darkLamps: (group, at) =>
      [...group.members].filter(lamp => {
        const membership = memberships.get(lamp)
        return membership !== undefined && countedAs(membership, at) === 'dark'
      }),
    *views() {
      for (const [lamp, membership] of memberships)
        if (hasController(lamp)) yield { lamp, view: countedAs(membership, options.now().at) }
    },
    viewOf(lamp) {
      const membership = hasController(lamp) ? memberships.get(lamp) : undefined
      return membership && countedAs(membership, options.now().at)
    },
    compileAnew() {
      for (const { subject, instance } of groups.values()) {
        instance.compiled = ruleOf(subject) ?? instance.compiled
      }
    },
    *save() {
      for (const [lamp, { state, night }] of memberships) {
        if (night !== 0) yield { facility: lamp.facility.id, state, night }
      }
    },
    restore(lamps) {
      for (const group of groups.values()) group.counts.empty()
      for (const membership of memberships.values()) Object.assign(membership, NOT_SEEN)
      for (const [lamp, { state, night }] of lamps) {
        const membership = memberships.get(lamp)
        if (!membership) continue
        Object.assign(membership, { state, night })
        count(membership, 1)
      }
    }
  }

  /** What was seen of a lamp stays where its night goes on; it is left out until somebody looks. */
  function carriedOver(
    old: Membership | undefined,
    expectation: Expectation
  ): Pick<Membership, 'state' | 'night'> {
    const goesOn = old?.state === 'out' || old?.night === expectation.phaseAt(options.now().at).since
    return old && goesOn ? { state: old.state, night: old.night } : NOT_SEEN
  }
}

const NOT_SEEN = { state: 'unknown', night: 0 } as const

type Counts = ReturnType<NightCounts['seen']>

/** Whether it is so whatever the lamps do that nobody has heard of; undefined: it depends on them. */
function rateHolds(condition: Condition, subject: Subject, counts: Counts): boolean | undefined {
  if (!('lightingRate' in condition)) return false
  const target = lightingTarget(condition, { isRoad: subject.startsWith('road:'), lamps: counts.lamps })
  const standing = lightingStanding(target, counts)
  return standing === 'unsure' ? undefined : (standing === 'under') === (condition.lightingRate === 'below')
}
