import type { EvidenceRow } from '#db/schema'
import type { Millis } from '#model/time'
import { advance, lookAnew } from './advance.ts'
import { claimOf, hearClaim } from './claims.ts'
import type { Core } from './core.ts'
import { isFiring } from './instance.ts'
import { sampledAt } from './lamp.ts'
import type { LampGroup } from './lamp-groups.ts'
import type { FacilityPicture } from './picture.ts'
import { judgeNow } from './seat-rules.ts'
import { EXPECTATION_GRACE_MS } from './sun.ts'
import type { Timed } from './timers.ts'

/** Dark lamps a ticket names; which others are dark shows on each lamp. */
const LAMPS_AS_EVIDENCE = 20

/** A lamp reported or fell silent: the groups it changes and its cabinet are judged, in journal time. */
export function lookAtLamp(core: Core, lamp: FacilityPicture, at: Millis): void {
  for (const group of core.groups.look(lamp, at)) judgeGroup(core, group, at)
  for (const group of core.groups.of(lamp)) hearGroup(core, group, lamp, at)
  const cabinet = core.cabinets.look(lamp, at)
  if (cabinet !== undefined) judgeCabinet(core, cabinet, at)
}

export function judgeGroup(core: Core, group: LampGroup, at: Millis): void {
  const verdict = core.groups.verdict(group, at)
  const { instance } = group
  if (instance.state.phase === 'inactive' && verdict !== 'met') return
  if (verdict === 'met' && !isFiring(instance)) {
    instance.evidence = core.groups.darkLamps(group, at).slice(0, LAMPS_AS_EVIDENCE).flatMap(lampEvidence)
  }
  const rung = verdict === 'between' ? undefined : core.groups.rung(group, at)
  advance(core, instance, { verdict, rung, at, knownAt: at })
}

/**
 * A claim about a street is confirmed or refuted by those of its lamps that measured after it: the first of them to
 * speak must not refute it because the others still stand as they were.
 */
function hearGroup(core: Core, group: LampGroup, lamp: FacilityPicture, at: Millis): void {
  const { instance, subject } = group
  const claimed = { compiled: instance.compiled, subject, instance }
  const claim = claimOf(core, claimed)
  // After a claim it looks at every lamp of the group: only while reports are waited for, and when this one has something to say.
  if (!claim || (claim.since > 0 && claim.verification !== 'report')) return
  if (!lamp.devices.some(device => sampledAt(device) > claim.since)) return
  const verdict = core.groups.verdictSince(group, claim.since, at)
  hearClaim(core, claimed, { verdict, at, knownAt: at })
}

/** What a cabinet's rules say of its lamps is judged when their count changes. */
export function judgeCabinet(core: Core, id: string, at: Millis): void {
  const facility = core.facilities.get(id)
  if (!facility) return
  for (const compiled of facility.rules) {
    if (compiled.readsFacility) judgeNow(core, compiled, { seat: facility, facility }, at)
  }
}

function lampEvidence(lamp: FacilityPicture): EvidenceRow[] {
  const device = lamp.devices.find(one => one.levels.has('powerState'))
  const level = device?.levels.get('powerState')
  if (!device || !level) return []
  const { value, measuredAt, receivedAt } = level
  return [{ device: device.device.id, metric: 'powerState', value, measuredAt, receivedAt }]
}

/**
 * What goes on about a lamp is judged with the next record, as if what it was judged by had just become stale: something else is
 * expected of it, or work over it was announced.
 */
export function lookAtInstancesAnew(core: Core, lamp: FacilityPicture): void {
  for (const seat of [lamp, ...lamp.devices.map(({ own }) => own)]) {
    for (const instance of seat?.instances.values() ?? [])
      if (instance.compiled.readsLamp) lookAnew(core, instance)
  }
}

/** Dusk, dawn, the edges of schedules and the ends of their grace: lamp groups and cabinets are judged anew at each. */
export interface SunTimer extends Timed {
  readonly what: 'sun'
  readonly order: ''
}

export const createSunTimer = (): SunTimer => ({
  what: 'sun',
  due: Infinity,
  queuedFor: Infinity,
  order: ''
})

export function sunTurned(core: Core, timer: SunTimer, at: Millis): void {
  judgeGroupsAndCabinets(core, at)
  scheduleSun(core, timer, at)
}

export function judgeGroupsAndCabinets(core: Core, at: Millis): void {
  for (const group of core.groups.groups()) judgeGroup(core, group, at)
  for (const cabinet of core.cabinets.ids()) judgeCabinet(core, cabinet, at)
}

export function scheduleSun(core: Core, timer: SunTimer, at: Millis): void {
  timer.due = Infinity
  for (const expectation of core.expectations.all()) {
    const phase = expectation.phaseAt(at)
    const settled = phase.since + EXPECTATION_GRACE_MS
    timer.due = Math.min(timer.due, phase.until, at < settled ? settled : Infinity)
  }
  core.timers.schedule(timer)
}
