import type { Subject } from '#model/ids'
import type { Millis } from '#model/time'
import { reschedule, rest, stopWaiting } from './advance.ts'
import type { CompiledRule } from './condition.ts'
import { touch, type Core } from './core.ts'
import { INACTIVE, type Verdict } from './episode.ts'
import { isFiring, type Instance } from './instance.ts'

/** A rule of a subject, of which somebody may claim that it was seen to; without an instance it is over already. */
export interface Claimable {
  compiled: CompiledRule
  subject: Subject
  instance: Instance | undefined
}

export interface Claim {
  /** What was measured until then says nothing of it. */
  since: Millis
  /** What it waits for; null: nobody claimed yet. */
  verification: string | null
}

/**
 * The claim that a report may speak of. A rule that names what verifies it is listened to before anybody claimed too, and after
 * its episode ended: a claim is verified at once only by what has met that.
 */
export function claimOf(core: Core, { compiled, subject, instance }: Claimable): Claim | undefined {
  const { id, verify } = compiled.rule
  if (instance?.held || (verify === null && !(instance && isFiring(instance)))) return undefined
  const row = core.desk.open(id, subject)?.row
  const { claimedAt = null, verification = null } = row ?? {}
  if (claimedAt !== null) return { since: claimedAt, verification }
  return row && verify !== null ? { since: -Infinity, verification: null } : undefined
}

/** A claim waits for a report: one after it that says it is well ends the episode, one that does not refutes it. */
export function hearClaim(
  core: Core,
  { compiled, subject, instance }: Claimable,
  { verdict, at, knownAt }: { verdict: Verdict; at: Millis; knownAt: Millis }
): void {
  if (verdict !== 'met' && verdict !== 'cleared') return
  const said = core.desk.heard({ rule: compiled.rule.id, subject, verdict, at, knownAt })
  if (said !== 'confirmed' || !instance || !isFiring(instance)) return
  instance.state = INACTIVE
  stopWaiting(instance)
  rest(core, instance, { hadEpisode: true, knownAt })
  touch(core, instance.facility)
  reschedule(core, instance)
}
