import { parseSubject, type Subject } from '#model/ids'
import type { CleaningGrade } from '#model/kinds'
import type { Facility } from '#model/registry'
import type { Millis } from '#model/time'
import { touch, type Core } from './core.ts'
import { step, type Transition, type Verdict } from './episode.ts'
import { nextAt, type Instance } from './instance.ts'

/** Sets the instance's timer to when it next changes by itself, in journal time: event time and the device's lag. */
export function reschedule(core: Core, instance: Instance): void {
  instance.due = nextAt(instance) + instance.lagMs
  core.timers.schedule(instance)
}

/** One step of an instance: the verdict at event time `at`, known to us at journal time `knownAt`. */
export function advance(
  core: Core,
  instance: Instance,
  { verdict, at, knownAt }: { verdict: Verdict; at: Millis; knownAt: Millis }
): void {
  const transitions: Transition[] = []
  const before = instance.state
  instance.at = Math.max(instance.at, at)
  instance.state = step(instance.compiled.rule, before, verdict, instance.at, transitions)
  for (const transition of transitions) carryOut(core, instance, transition, knownAt)
  if (before !== instance.state) touch(core, instance.facility)
  if (instance.state.phase === 'inactive') {
    instance.evidence = []
    forget(instance, { hadEpisode: before.phase !== 'pending' || transitions.length > 0 })
  }
  reschedule(core, instance)
}

/** A facility keeps only what goes on, and when the last episode was over: the next begins no earlier. */
function forget({ compiled, facility, at }: Instance, { hadEpisode }: { hadEpisode: boolean }): void {
  if (!facility || compiled.rule.subject === 'device') return
  facility.instances.delete(compiled.rule.id)
  if (hadEpisode) (facility.endedAt ??= new Map()).set(compiled.rule.id, at)
}

function carryOut(core: Core, instance: Instance, transition: Transition, knownAt: Millis): void {
  const { compiled, subject } = instance
  const { rule } = compiled
  if (transition.type === 'ended') {
    core.desk.ended({ rule: rule.id, subject, endedAt: transition.at, at: knownAt })
    return
  }
  const facility = instance.facility?.facility
  core.desk.fired({
    rule,
    subject,
    startedAt: transition.startedAt,
    firedAt: transition.at,
    openedAt: knownAt,
    evidence: [...instance.evidence],
    facility,
    area: facility?.parent ?? areaOf(core, subject),
    cleaningGrade: facility && cleaningGradeOf(core, facility)
  })
}

/** Where a subject lies that is no facility. */
function areaOf({ registry }: Core, subject: Subject): string | null {
  const { type, id } = parseSubject(subject) ?? {}
  if (!id) return null
  // A district's lights of one grade are `area:{district}:{grade}`.
  if (type === 'area') return id.slice(0, id.lastIndexOf(':'))
  return type === 'road' ? (registry.road(id)?.parent ?? null) : null
}

const cleaningGradeOf = ({ registry }: Core, { attributes }: Facility): CleaningGrade | undefined =>
  attributes.cleaningGrade ??
  (attributes.road ? registry.road(attributes.road)?.attributes.cleaningGrade : undefined)
