import type { Rule, Rung, Severity } from '#model/rules'
import type { Millis } from '#model/time'

/**
 * Where a firing instance stands on its ladder: `level` 0 is the rule's own severity, n its n-th rung. It is on its way
 * `toward` another since `from`, in event time; where both are the same it stays.
 */
export interface RungState {
  level: number
  toward: number
  from: Millis
}

/** What a subject on that level of the ladder of its rule is. */
export const severityAt = (
  { ladder, severity }: Pick<Rule, 'ladder' | 'severity'>,
  level: number
): Severity => ladder[level - 1]?.severity ?? severity

const GROUND: RungState = { level: 0, toward: 0, from: 0 }

/** When it takes the step it is on the way to. Up and down take as long: the hold of the higher of the two. */
export function rungDueAt(ladder: readonly Rung[], { level, toward, from }: RungState): Millis {
  return level === toward ? Infinity : from + (ladder[Math.max(level, toward) - 1]?.forMs ?? 0)
}

/** Time passes up to `at`, then `wanted` counts: the highest rung whose condition holds; undefined: nobody can tell. */
export function climb(
  ladder: readonly Rung[],
  before: RungState | undefined,
  wanted: number | undefined,
  at: Millis
): RungState {
  const state = arrive(ladder, before ?? GROUND, at)
  if (wanted === undefined) return state.toward === state.level ? state : { ...state, toward: state.level }
  if (wanted === state.toward) return state
  return arrive(ladder, { level: state.level, toward: wanted, from: at }, at)
}

const arrive = (ladder: readonly Rung[], state: RungState, at: Millis): RungState =>
  rungDueAt(ladder, state) <= at ? { ...state, level: state.toward } : state
