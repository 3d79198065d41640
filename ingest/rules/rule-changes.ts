import { isDeepStrictEqual } from 'node:util'
import type { Rule } from '#model/rules'
import type { Standing } from '#model/rule-scopes'
import { advance, reschedule } from './advance.ts'
import type { CompiledRule } from './condition.ts'
import { touch, type Core } from './core.ts'
import { INACTIVE } from './episode.ts'
import type { Instance } from './instance.ts'
import { judgeGroup } from './lamp-rules.ts'
import type { DevicePicture, FacilityPicture, Seat } from './picture.ts'
import { judgeNow } from './seat-rules.ts'
import { scheduleSilence, silentAfterMs } from './silence.ts'
import { standingOf } from './standing.ts'

/** The rules a facility and its devices stand under now, or one device alone; what goes on is judged by them. */
export function takeRules(core: Core, facility: FacilityPicture | undefined, only?: DevicePicture): void {
  const at: Standing = facility ? standingOf(core.registry, facility.facility) : { areas: [] }
  if (facility && !only) {
    const rules = core.book.forFacility(facility.facility.kind, at)
    const before = facility.rules
    facility.rules = rules
    if (before !== rules && before.length > 0) follow(core, { seat: facility, facility, before })
  }
  for (const device of only ? [only] : (facility?.devices ?? [])) {
    const before = device.rules
    device.rules = core.book.forDevice(at)
    device.silenceRule = core.book.silence(at)
    device.silentAfterMs = silentAfterMs(device)
    if (device.silence && device.silenceRule) device.silence.compiled = device.silenceRule
    if (before !== device.rules && device.own) {
      follow(core, { seat: device.own, ...(facility && { facility }), device, before })
    }
    scheduleSilence(core, device)
  }
}

/** A new version of a rule: every subject takes over what counts for it; one it changes nothing for keeps its state. */
export function setRule(core: Core, rule: Rule): void {
  core.book.set(rule)
  const { subject } = rule
  if (subject === 'lamp-group') {
    core.groups.compileAnew()
    for (const group of core.groups.groups()) {
      dropHold(group.instance, false)
      judgeGroup(core, group, core.time.at)
    }
    return
  }
  for (const facility of core.facilities.values()) {
    if (subject !== 'device' && facility.facility.kind !== subject) continue
    takeRules(core, facility)
    touch(core, facility)
  }
  if (subject !== 'device') return
  for (const device of core.devices.values()) if (!device.facility) takeRules(core, undefined, device)
}

interface Followed {
  seat: Seat
  facility?: FacilityPicture
  device?: DevicePicture
  before: readonly CompiledRule[]
}

/** Instances follow their rules; what a changed condition says of what was heard last is judged at once. */
function follow(core: Core, { seat, before, ...on }: Followed): void {
  const rules = (on.device ?? on.facility)?.rules ?? []
  for (const compiled of rules) {
    const old = before.find(({ rule }) => rule.id === compiled.rule.id)
    if (old === compiled) continue
    const instance = seat.instances.get(compiled.rule.id)
    if (instance) instance.compiled = compiled
    if (old && decidesAlike(old.rule, compiled.rule)) continue
    if (instance) dropHold(instance, isDeepStrictEqual(old?.rule.when, compiled.rule.when))
    if (core.time.at > 0) judgeNow(core, compiled, { seat, ...on }, core.time.at)
    if (instance) reschedule(core, instance)
  }
}

const DECIDING = [
  'enabled',
  'when',
  'forMs',
  'clear',
  'clearForMs',
  'noData',
  'ladder',
  'windows',
  'graceMs'
] as const

const decidesAlike = (a: Rule, b: Rule): boolean =>
  DECIDING.every(field => isDeepStrictEqual(a[field], b[field]))

/** A hold under another condition says nothing of this one; nor is a quiet time of the old rule one of the new. */
function dropHold(instance: Instance, sameCondition: boolean): void {
  const { state } = instance
  const other = state.phase === 'pending' && !sameCondition
  if (other || (state.phase === 'quiet' && state.why !== undefined)) {
    instance.state = INACTIVE
    instance.evidence = []
  }
}

/** Maintenance around a facility is another, or it stands elsewhere: what waited there for an end is told the new one. */
export function rehushAll(core: Core, facility: FacilityPicture): void {
  for (const instance of facility.instances.values()) rehush(core, instance)
  for (const device of facility.devices) rehushDevice(core, device)
}

export function rehushDevice(core: Core, { own, silence }: DevicePicture): void {
  for (const instance of own?.instances.values() ?? []) rehush(core, instance)
  if (silence) rehush(core, silence)
}

function rehush(core: Core, instance: Instance): void {
  const { state } = instance
  if (state.phase !== 'quiet' || state.why === undefined) return
  const met = state.met
  instance.state = INACTIVE
  const at = Math.max(instance.at, core.time.at - instance.lagMs)
  advance(core, instance, { verdict: met ? 'met' : 'between', at, knownAt: core.time.at })
}
