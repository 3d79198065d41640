import { reschedule, rest, stopWaiting } from './advance.ts'
import { touch, type Core } from './core.ts'
import { INACTIVE, type Verdict } from './episode.ts'
import { isFiring, type Instance } from './instance.ts'
import type { Millis } from '#model/time'

/** The claim that was made of an instance that fires: when, and what it waits for. */
export function claimOf(
  core: Core,
  instance: Instance
): { claimedAt: Millis; verification: string | null } | undefined {
  const row = isFiring(instance)
    ? core.desk.open(instance.compiled.rule.id, instance.subject)?.row
    : undefined
  const { claimedAt = null, verification = null } = row ?? {}
  return claimedAt === null ? undefined : { claimedAt, verification }
}

/** A claim waits for a report: one after it that says it is well ends the episode, one that does not refutes it. */
export function hearClaim(
  core: Core,
  instance: Instance,
  { verdict, at, knownAt }: { verdict: Verdict; at: Millis; knownAt: Millis }
): void {
  if (!isFiring(instance) || instance.held || (verdict !== 'met' && verdict !== 'cleared')) return
  const rule = instance.compiled.rule.id
  const said = core.desk.heard({ rule, subject: instance.subject, verdict, at, knownAt })
  if (said !== 'confirmed') return
  instance.state = INACTIVE
  stopWaiting(instance)
  rest(core, instance, { hadEpisode: true, knownAt })
  touch(core, instance.facility)
  reschedule(core, instance)
}
