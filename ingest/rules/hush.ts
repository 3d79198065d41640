import { expectedIntervalMs } from '#model/device-models'
import { subjectOf, type Subject } from '#model/ids'
import type { Millis } from '#model/time'
import type { Core } from './core.ts'
import { INACTIVE, type EpisodeState, type Quiet, type Verdict } from './episode.ts'
import type { Instance } from './instance.ts'
import { subjectsAround } from './maintenance.ts'

/** A time in which a rule begins nothing on a subject, by its end. */
interface Hush {
  why: Quiet
  until: Millis
}

/**
 * The state a verdict at event time `at` meets: where nothing may begin it is quiet until that is over, and a hold that ran
 * into such a time begins anew at its end. What fires already is left alone.
 */
export function hushed(core: Core, instance: Instance, verdict: Verdict, at: Millis): EpisodeState {
  const state = awake(instance.state, at)
  const { noData } = instance.compiled.rule
  const begins = verdict === 'met' || (verdict === 'unknown' && noData === 'fire')
  if (state.phase !== 'pending' && !(state.phase === 'inactive' && begins)) return state
  const from = state.phase === 'pending' ? state.from : at
  const hush = lastHush(core, instance, from, at)
  if (!hush) return state
  if (hush.until > at)
    return { phase: 'quiet', until: hush.until, met: state.phase === 'pending', why: hush.why }
  if (state.phase !== 'pending') return state
  // Stale at its end: nobody could tell whether it still held.
  if (state.frozenAt !== null && state.frozenAt <= hush.until) return INACTIVE
  return { ...state, startedAt: hush.until, from: hush.until }
}

/** A quiet time that is over leaves what was known of the condition. */
function awake(state: EpisodeState, at: Millis): EpisodeState {
  if (state.phase !== 'quiet' || state.until > at) return state
  return state.met
    ? { phase: 'pending', startedAt: state.until, from: state.until, frozenAt: null }
    : INACTIVE
}

/**
 * The state with which an instance goes into an outage of ours, in event time: a hold that ran into a quiet time before its
 * end, or does so meanwhile, begins anew at the end of that.
 */
export function hushedBy(
  core: Core,
  instance: Instance,
  { from, until }: { from: Millis; until: Millis }
): EpisodeState {
  const { state } = instance
  // One that stands still is not moved by the outage either: the next verdict sees to it.
  if (state.phase !== 'pending' || state.frozenAt !== null) return state
  const hush = lastHush(core, instance, state.from, until)
  if (!hush) return state
  if (hush.until > from) return { phase: 'quiet', until: hush.until, met: true, why: hush.why }
  return { ...state, startedAt: hush.until, from: hush.until }
}

/** Of the times in which nothing begins and that overlap (from, at], the one that ends last. */
function lastHush(core: Core, instance: Instance, from: Millis, at: Millis): Hush | undefined {
  const { enabled, windows, graceMs } = instance.compiled.rule
  if (!enabled) return { why: 'off', until: Infinity }
  let last: Hush | undefined
  const take = (why: Quiet, until: Millis | undefined) => {
    if (until !== undefined && until > from && until > (last?.until ?? -Infinity)) last = { why, until }
  }
  if (windows.length > 0) {
    const opening = core.calendar.openingAt(windows, at)
    take('hours', opening.open ? opening.since : opening.until)
  }
  if (graceMs > 0) take('grace', heardFrom(instance) + graceMs)
  if (core.maintenance.size > 0) {
    const graceMs = afterWorkMs(instance)
    const end = core.maintenance.lastEnd(subjectsOf(core, instance), from - graceMs, at)
    take('maintenance', end === undefined ? end : end + graceMs)
  }
  return last
}

/** As after an outage of ours: what was switched off for the work needs an interval to be heard again. */
const afterWorkMs = ({ device, compiled }: Instance): Millis =>
  device && 'silentIntervals' in compiled.rule.when ? expectedIntervalMs(device.device) : 0

function heardFrom({ seat, device }: Instance): Millis {
  const devices = seat?.devices ?? (device ? [device] : [])
  return Math.max(-Infinity, ...devices.map(one => one.heardFrom))
}

function subjectsOf(core: Core, { subject, facility, device }: Instance): Subject[] {
  return [
    subject,
    ...(device ? [subjectOf('device', device.device.id)] : []),
    ...(facility ? subjectsAround(core.registry, facility) : [])
  ]
}
