import type { EvidenceRow } from '#db/schema'
import type { Subject } from '#model/ids'
import type { Millis } from '#model/time'
import type { CompiledRule } from './condition.ts'
import { dueAt, type EpisodeState, INACTIVE } from './episode.ts'
import type { FacilityPicture } from './picture.ts'
import type { Timed } from './timers.ts'

/** One rule watching one subject. Exists only while something is going on; else the subject is inactive. */
export interface Instance extends Timed {
  readonly what: 'instance'
  compiled: CompiledRule
  subject: Subject
  facility: FacilityPicture | undefined
  state: EpisodeState
  /** Newest event time it was judged at: with several devices time still only goes forward. */
  at: Millis
  /** Event time at which what the last verdict read becomes stale, or dusk or dawn changes what it means. */
  expiresAt: Millis
  /** How far event time is behind journal time for the device that spoke last. */
  lagMs: Millis
  /** The readings since the condition began: the first and the last few. */
  evidence: EvidenceRow[]
}

/** The first reading that met the condition and up to this many after it. */
export const EVIDENCE_ROWS = 10

export function createInstance(
  compiled: CompiledRule,
  subject: Subject,
  facility: FacilityPicture | undefined
): Instance {
  return {
    what: 'instance',
    compiled,
    subject,
    facility,
    state: INACTIVE,
    at: 0,
    expiresAt: Infinity,
    lagMs: 0,
    evidence: [],
    due: Infinity,
    queuedFor: Infinity,
    order: `${compiled.rule.id}|${subject}`
  }
}

/** Event time at which it must be looked at again if nothing is heard. */
export function nextAt(instance: Instance): Millis {
  const active = instance.state.phase !== 'inactive'
  return Math.min(
    dueAt(instance.compiled.rule, instance.state) ?? Infinity,
    active ? instance.expiresAt : Infinity
  )
}

/** Keeps the first reading and the newest; the middle goes first. */
export function addEvidence(instance: Instance, row: EvidenceRow): void {
  if (instance.evidence.length >= EVIDENCE_ROWS) instance.evidence.splice(1, 1)
  instance.evidence.push(row)
}
