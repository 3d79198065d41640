import { parseSubject, subjectOf, type Subject } from '#model/ids'
import type { ParentLink } from '#model/rules'
import { minutes, type Millis } from '#model/time'
import { reschedule } from './advance.ts'
import { touch, type Core } from './core.ts'
import type { Transition } from './episode.ts'
import { isFiring, type Instance } from './instance.ts'
import { lookAtLamp } from './lamp-rules.ts'
import { openTicket, recordEpisode } from './openings.ts'
import type { FacilityPicture } from './picture.ts'

/** The instance fires: its ticket opens now, or waits for a parent to speak, or stays with the one that has. */
export function fired(core: Core, instance: Instance, transition: Transition, at: Millis): void {
  instance.held = { startedAt: transition.startedAt, firedAt: transition.at, merged: false }
  if (parentsOf(core, instance).length === 0) return openTicket(core, instance, at)
  recordEpisode(core, instance, at)
  const parent = coveringParent(core, instance)
  if (parent) suppress(core, instance, parent, at)
  else waitForParent(instance, at)
}

/** A condition that is just ending gets at least so long. */
const ENDING_MS = minutes(1)

/** The wait is over and no parent has spoken. A condition that is just ending is given time to. */
export function waitIsOver(core: Core, instance: Instance, at: Millis): void {
  instance.waitUntil = Infinity
  if (!isFiring(instance) || !instance.held) return
  if (instance.state.phase === 'clearing') {
    const { parentWaitMs } = instance.compiled.rule
    // Time must pass: one that waits for no time at all would be over again at this very moment.
    instance.waitUntil = at + Math.max(parentWaitMs, ENDING_MS)
    return
  }
  openTicket(core, instance, at)
  if (!instance.covers) return
  // Until now it had no ticket that theirs could go into: their clocks only stood still.
  for (const child of childrenOf(core, instance))
    if (child.suppressedBy !== undefined) merge(core, child, instance, at)
}

/** A parent fires: it takes its children, and their lamps leave the lighting rate. */
export function cover(core: Core, parent: Instance, at: Millis): void {
  if (!core.book.isParent(parent.compiled.rule.id)) return
  parent.covers = true
  for (const child of childrenOf(core, parent)) if (isFiring(child)) suppress(core, child, parent, at)
  lookAtLampsOf(core, parent, at)
}

/** It explains nothing any more: what still fires waits once more, and then speaks for itself. */
export function uncover(core: Core, parent: Instance, at: Millis): void {
  if (!parent.covers) return
  parent.covers = false
  for (const child of childrenOf(core, parent)) {
    if (child.suppressedBy !== parent.order) continue
    const other = coveringParent(core, child)
    child.suppressedBy = other?.order
    touch(core, child.facility)
    if (other) continue
    if (child.held) waitForParent(child, at)
    else core.desk.release({ rule: child.compiled.rule.id, subject: child.subject, at })
    reschedule(core, child)
  }
  lookAtLampsOf(core, parent, at)
}

function suppress(core: Core, child: Instance, parent: Instance, at: Millis): void {
  if (child.suppressedBy === undefined) {
    child.suppressedBy = parent.order
    child.waitUntil = Infinity
    touch(core, child.facility)
  }
  merge(core, child, parent, at)
  reschedule(core, child)
}

/** The child's ticket, if it has one, goes into its parent's; its clocks stop where that has none yet or somebody was sent. */
function merge(core: Core, child: Instance, parent: Instance, at: Millis): void {
  if (child.held) return
  const { rule } = child.compiled
  const firedAt = core.desk.open(rule.id, child.subject)?.episode?.firedAt ?? at
  const into = core.desk.open(parent.compiled.rule.id, parent.subject)?.row.id ?? null
  const done = core.desk.suppress({ rule: rule.id, subject: child.subject, into, at })
  const { state } = child
  if (done === 'merged' && 'startedAt' in state) {
    child.held = { startedAt: state.startedAt, firedAt, merged: true }
  }
}

const waitForParent = (instance: Instance, at: Millis): void => {
  instance.waitUntil = at + instance.compiled.rule.parentWaitMs
}

/** Subjects whose rule would explain this one; empty: it stands alone. */
function parentsOf(core: Core, instance: Instance): { rule: string; subject: Subject }[] {
  return instance.compiled.rule.parents.flatMap(({ rule, via }) => {
    const id = via === 'cabinet' ? cabinetOf(core, instance) : gatewayOf(core, instance)
    return id === undefined
      ? []
      : [{ rule, subject: subjectOf(via === 'cabinet' ? 'facility' : 'device', id) }]
  })
}

function coveringParent(core: Core, instance: Instance): Instance | undefined {
  for (const { rule, subject } of parentsOf(core, instance)) {
    const parent = core.instanceFor(rule, subject)
    if (parent?.covers) return parent
  }
  return undefined
}

/** The cabinet it hangs on, or is fitted to. */
function cabinetOf(core: Core, { facility }: Pick<Instance, 'facility'>): string | undefined {
  if (!facility) return undefined
  const { kind, id, attributes } = facility.facility
  const cabinet = kind === 'cabinet' ? id : attributes.cabinet
  return cabinet !== undefined && core.facilities.has(cabinet) ? cabinet : undefined
}

function gatewayOf(core: Core, { device }: Instance): string | undefined {
  const gateway = device?.device.gateway ?? undefined
  return gateway !== undefined && core.devices.has(gateway) ? gateway : undefined
}

/** Whether a cabinet without power explains what is seen of this lamp. */
export const isUnderDeadCabinet = (core: Core, lamp: FacilityPicture): boolean => {
  const { cabinet } = lamp.facility.attributes
  const instances = cabinet === undefined ? undefined : core.facilities.get(cabinet)?.instances
  if (!instances) return false
  for (const instance of instances.values()) if (instance.covers) return true
  return false
}

function* childrenOf(core: Core, parent: Instance): Generator<Instance> {
  const { id } = parseSubject(parent.subject) ?? {}
  if (id === undefined) return
  for (const rule of core.book.childrenOf(parent.compiled.rule.id)) {
    for (const link of rule.parents) {
      if (link.rule !== parent.compiled.rule.id) continue
      for (const child of subjectsUnder(core, id, link, rule.subject === 'device')) {
        const instance = core.instanceFor(rule.id, child)
        if (instance) yield instance
      }
    }
  }
}

function* subjectsUnder(core: Core, id: string, { via }: ParentLink, devices: boolean): Generator<Subject> {
  if (via === 'gateway') {
    for (const device of core.registry.childrenOf(id)) yield subjectOf('device', device.id)
    return
  }
  for (const facility of [...core.cabinets.lampsOf(id), core.facilities.get(id)]) {
    if (!facility) continue
    if (!devices) yield subjectOf('facility', facility.facility.id)
    else for (const { device } of facility.devices) yield subjectOf('device', device.id)
  }
}

function lookAtLampsOf(core: Core, parent: Instance, at: Millis): void {
  const { type, id } = parseSubject(parent.subject) ?? {}
  if (type !== 'facility' || id === undefined) return
  for (const lamp of core.cabinets.lampsOf(id)) lookAtLamp(core, lamp, at)
}
