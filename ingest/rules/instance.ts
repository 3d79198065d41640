import type { EvidenceRow } from '#db/schema'
import type { Subject } from '#model/ids'
import type { Millis } from '#model/time'
import type { CompiledRule } from './condition.ts'
import { dueAt, type EpisodeState, INACTIVE } from './episode.ts'
import { rungDueAt, type RungState } from './ladder.ts'
import type { DevicePicture, FacilityPicture, Seat } from './picture.ts'
import type { Timed } from './timers.ts'

/** One rule watching one subject. Exists only while something is going on; else the subject is inactive. */
export interface Instance extends Timed {
  readonly what: 'instance'
  compiled: CompiledRule
  readonly subject: Subject
  /** The facility it is about, or lies at. */
  facility: FacilityPicture | undefined
  /** Of rules about a device. */
  readonly device: DevicePicture | undefined
  /** Whose readings it is judged by; undefined: a group of lamps, or silence. */
  readonly seat: Seat | undefined
  state: EpisodeState
  /** Newest event time it was judged at: with several devices time still only goes forward. */
  at: Millis
  /** Event time at which what the last verdict read becomes stale, or dusk or dawn changes what it means. */
  expiresAt: Millis
  /** How far event time is behind journal time for the device that spoke last. */
  lagMs: Millis
  /** The readings since the condition began: the first and the last few. */
  evidence: EvidenceRow[]
  /** Where it stands on the ladder of severities while it fires. */
  rung: RungState | undefined
  /** It fires without a ticket: a parent may explain it, or does. `merged`: it had one. */
  held: { startedAt: Millis; firedAt: Millis; merged: boolean } | undefined
  /** Journal time at which its ticket opens if no parent has spoken; Infinity: it does not wait. */
  waitUntil: Millis
  /** The parent that explains it, as `rule|subject`; its own ticket, if it has one, has its clocks stopped. */
  suppressedBy: string | undefined
  /** It explains its children, from its firing until it is over. */
  covers: boolean
}

/** The first reading that met the condition and up to this many after it. */
const EVIDENCE_ROWS = 10

export function createInstance(
  compiled: CompiledRule,
  subject: Subject,
  of: Pick<Instance, 'facility' | 'device' | 'seat'>
): Instance {
  return {
    what: 'instance',
    compiled,
    subject,
    facility: of.facility,
    device: of.device,
    seat: of.seat,
    state: INACTIVE,
    at: 0,
    expiresAt: Infinity,
    lagMs: 0,
    evidence: [],
    rung: undefined,
    held: undefined,
    waitUntil: Infinity,
    suppressedBy: undefined,
    covers: false,
    due: Infinity,
    queuedFor: Infinity,
    order: `${compiled.rule.id}|${subject}`
  }
}

/** An episode is going on. */
export const isFiring = ({ state }: Pick<Instance, 'state'>): boolean =>
  state.phase === 'firing' || state.phase === 'clearing'

/** Event time at which it changes by itself: a hold is full. */
export const changesAt = ({ compiled, state, rung }: Instance): Millis =>
  Math.min(
    dueAt(compiled.rule, state) ?? Infinity,
    rung === undefined ? Infinity : rungDueAt(compiled.rule.ladder, rung)
  )

/** Journal time at which it must be looked at again if nothing is heard. */
export function wakesAt(instance: Instance): Millis {
  const active = instance.state.phase !== 'inactive'
  const inEventTime = Math.min(changesAt(instance), active ? instance.expiresAt : Infinity)
  return Math.min(inEventTime + instance.lagMs, instance.waitUntil)
}

/** Keeps the first reading and the newest; the middle goes first. */
export function addEvidence(instance: Instance, row: EvidenceRow): void {
  if (instance.evidence.length >= EVIDENCE_ROWS) instance.evidence.splice(1, 1)
  instance.evidence.push(row)
}
