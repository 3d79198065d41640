import type { Millis } from '#model/time'
import { touch, type Core } from './core.ts'
import { step, type Transition, type Verdict } from './episode.ts'
import { hushed } from './hush.ts'
import { isFiring, wakesAt, type Instance } from './instance.ts'
import { climb, severityAt } from './ladder.ts'
import { cover, fired, uncover } from './parents.ts'

/** Sets the instance's timer to when it next changes by itself, in journal time: event time and the device's lag. */
export function reschedule(core: Core, instance: Instance): void {
  instance.due = wakesAt(instance)
  core.timers.schedule(instance)
}

/** With the next record, as if what it was judged by had just become stale. */
export function lookAnew(core: Core, instance: Instance): void {
  instance.expiresAt = Math.min(instance.expiresAt, core.time.at - instance.lagMs)
  reschedule(core, instance)
}

/** What is known of an instance at one moment. */
export interface Judgement {
  verdict: Verdict
  /** The highest rung of the ladder whose condition holds, from 1; 0: none; absent: nobody can tell. */
  rung?: number | undefined
  /** Event time. */
  at: Millis
  /** Journal time at which we know it. */
  knownAt: Millis
  /** Nothing was heard: a level went stale. */
  onlyStale?: boolean
}

/** One step of an instance: what is known of it counts from `at` on. */
export function advance(core: Core, instance: Instance, judgement: Judgement): void {
  const { verdict, rung, at, knownAt, onlyStale = false } = judgement
  const transitions: Transition[] = []
  const before = instance.state
  const now = Math.max(instance.at, at)
  const ready = hushed(core, instance, verdict, now)
  instance.state = step(instance.compiled.rule, ready, verdict, now, transitions)
  // What was measured before a level went stale and arrives after it counts by its own time, unless that decided something.
  const moved = !onlyStale || instance.state.phase !== before.phase
  instance.at = moved ? now : Math.max(instance.at, ...transitions.map(transition => transition.at))
  for (const transition of transitions) carryOut(core, instance, transition, knownAt)
  if (isFiring(instance)) climbTo(core, instance, { rung, at: now, knownAt })
  if (before !== instance.state) touch(core, instance.facility)
  if (instance.state.phase === 'inactive') {
    rest(core, instance, { hadEpisode: before.phase !== 'pending' || transitions.length > 0, knownAt })
  }
  reschedule(core, instance)
}

/** It is over. A seat keeps only what goes on, and when the last episode was over: the next begins no earlier. */
export function rest(
  core: Core,
  instance: Instance,
  { hadEpisode, knownAt }: { hadEpisode: boolean; knownAt: Millis }
): void {
  instance.evidence = []
  uncover(core, instance, knownAt)
  const { seat, compiled, at } = instance
  if (!seat) return
  seat.instances.delete(compiled.rule.id)
  if (hadEpisode) (seat.endedAt ??= new Map()).set(compiled.rule.id, at)
}

function carryOut(core: Core, instance: Instance, transition: Transition, knownAt: Millis): void {
  if (transition.type === 'fired') {
    instance.rung = undefined
    fired(core, instance, transition, knownAt)
    return cover(core, instance, knownAt)
  }
  const { id: rule, verify } = instance.compiled.rule
  core.desk.ended({
    rule,
    subject: instance.subject,
    endedAt: transition.at,
    at: knownAt,
    needsProof: verify !== null
  })
  stopWaiting(instance)
}

/** Nothing is held back any more. */
export function stopWaiting(instance: Instance): void {
  instance.held = undefined
  instance.waitUntil = Infinity
  instance.suppressedBy = undefined
  instance.rung = undefined
}

function climbTo(
  core: Core,
  instance: Instance,
  { rung: wanted, at, knownAt }: Pick<Judgement, 'rung' | 'at' | 'knownAt'>
): void {
  const { rule } = instance.compiled
  const before = instance.rung?.level ?? 0
  // An edit may take the ladder away under it: a step it was on the way to would be due for ever.
  instance.rung = rule.ladder.length === 0 ? undefined : climb(rule.ladder, instance.rung, wanted, at)
  const level = instance.rung?.level ?? 0
  if (level === before) return
  const severity = severityAt(rule, level)
  core.desk.severity({ rule: rule.id, subject: instance.subject, severity, at: knownAt })
  touch(core, instance.facility)
}
