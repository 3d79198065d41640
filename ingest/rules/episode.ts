import type { Rule } from '#model/rules'
import type { Millis } from '#model/time'

/**
 * What a subject's readings say of a rule at one moment: the condition is `met`, its clear condition is (`cleared`),
 * neither (`between` the two thresholds), or nobody can tell (`unknown`).
 */
export type Verdict = 'met' | 'between' | 'cleared' | 'unknown'

/**
 * inactive → pending → firing → clearing → inactive, as Prometheus has it, plus `quiet`: closed by a person while the
 * condition held, or for one of the reasons of QUIET: no new episode before `until`. All times are event times of the subject.
 * `from` is where the running hold counts from; while `frozenAt` is set the hold stands still, because a gap proves
 * nothing.
 */
export type EpisodeState =
  | { phase: 'inactive' }
  | { phase: 'pending'; startedAt: Millis; from: Millis; frozenAt: Millis | null }
  | { phase: 'firing'; startedAt: Millis }
  | { phase: 'clearing'; startedAt: Millis; from: Millis; frozenAt: Millis | null }
  | { phase: 'quiet'; until: Millis; met: boolean; why?: Quiet }

/** Why nothing begins; without one a person closed its ticket. */
export type Quiet = 'maintenance' | 'hours' | 'grace' | 'off'

export interface Transition {
  type: 'fired' | 'ended'
  /** Start of the episode: it names the episode. */
  startedAt: Millis
  at: Millis
}

export const INACTIVE: EpisodeState = { phase: 'inactive' }
type Holds = Pick<Rule, 'forMs' | 'clearForMs' | 'noData'>

/** When the state changes by itself if nothing is heard, in event time; undefined: never. */
export function dueAt(rule: Holds, state: EpisodeState): Millis | undefined {
  switch (state.phase) {
    case 'pending':
      return state.frozenAt === null ? state.from + rule.forMs : undefined
    case 'clearing':
      return state.frozenAt === null ? state.from + rule.clearForMs : undefined
    case 'quiet':
      return state.until
    default:
      return undefined
  }
}

/** Lets time pass up to and including `at`; what happens on the way goes to `transitions`. */
export function elapse(
  rule: Holds,
  state: EpisodeState,
  at: Millis,
  transitions: Transition[]
): EpisodeState {
  const due = dueAt(rule, state)
  if (due === undefined || due > at) return state
  if (state.phase === 'pending') {
    transitions.push({ type: 'fired', startedAt: state.startedAt, at: due })
    return { phase: 'firing', startedAt: state.startedAt }
  }
  if (state.phase === 'clearing') {
    transitions.push({ type: 'ended', startedAt: state.startedAt, at: due })
    return INACTIVE
  }
  if (state.phase === 'quiet' && state.met) {
    return elapse(rule, { phase: 'pending', startedAt: due, from: due, frozenAt: null }, at, transitions)
  }
  return INACTIVE
}

/** The whole life of an episode: time passes up to `at`, then the verdict of that moment counts. */
export function step(
  rule: Holds,
  before: EpisodeState,
  verdict: Verdict,
  at: Millis,
  transitions: Transition[]
): EpisodeState {
  const state = elapse(rule, before, at, transitions)
  if (verdict === 'unknown') {
    if (rule.noData === 'hold') return freeze(state, at)
    return step(rule, state, rule.noData === 'fire' ? 'met' : 'cleared', at, transitions)
  }
  return elapse(rule, hear(thaw(state, at), verdict, at), at, transitions)
}

function hear(state: EpisodeState, verdict: 'met' | 'between' | 'cleared', at: Millis): EpisodeState {
  switch (state.phase) {
    case 'inactive':
      return verdict === 'met' ? { phase: 'pending', startedAt: at, from: at, frozenAt: null } : state
    case 'pending':
      return verdict === 'met' ? state : INACTIVE
    case 'firing':
      return verdict === 'cleared'
        ? { phase: 'clearing', startedAt: state.startedAt, from: at, frozenAt: null }
        : state
    case 'clearing':
      return verdict === 'cleared' ? state : { phase: 'firing', startedAt: state.startedAt }
    case 'quiet':
      return { ...state, met: verdict === 'met' }
  }
}

function freeze(state: EpisodeState, at: Millis): EpisodeState {
  if (state.phase === 'quiet') return { ...state, met: false }
  const holds = state.phase === 'pending' || state.phase === 'clearing'
  return holds && state.frozenAt === null ? { ...state, frozenAt: at } : state
}

/** A reading from before it froze says that it was not stale then: no time was lost. */
function thaw(state: EpisodeState, at: Millis): EpisodeState {
  if ((state.phase !== 'pending' && state.phase !== 'clearing') || state.frozenAt === null) return state
  return { ...state, from: state.from + Math.max(0, at - state.frozenAt), frozenAt: null }
}

/** Our own outage: the time of it counts for no hold, and a quiet time that ended in it ends with it. */
export function skip(state: EpisodeState, { from, until }: { from: Millis; until: Millis }): EpisodeState {
  if (state.phase === 'quiet') return { ...state, until: Math.max(state.until, until) }
  const holds = state.phase === 'pending' || state.phase === 'clearing'
  return holds && state.frozenAt === null ? { ...state, from: state.from + until - from } : state
}
