import { describe, expect, it } from 'vitest'
import { DEFAULT_RULES } from '#model/default-rules'
import type { Rule } from '#model/rules'
import { minutes } from '#model/time'
import {
  INACTIVE,
  elapse,
  skip,
  step,
  type EpisodeState,
  type Transition,
  type Verdict
} from '#ingest/rules/episode'

const binFull = DEFAULT_RULES.find(rule => rule.id === 'bin-full') as Rule

const LETTER = { inactive: '.', pending: 'p', firing: 'F', clearing: 'c', quiet: 'q' } as const
const verdictOf = (fill: number): Verdict => (fill >= 90 ? 'met' : fill <= 60 ? 'cleared' : 'between')

/** One value a minute; `_` a minute without a report, `?` the level has become stale. */
function play(series: string, rule = binFull) {
  let state: EpisodeState = INACTIVE
  const transitions: Transition[] = []
  const seen = series.split(' ').map((token, minute) => {
    const at = minutes(minute)
    state =
      token === '_'
        ? elapse(rule, state, at, transitions)
        : step(rule, state, token === '?' ? 'unknown' : verdictOf(Number(token)), at, transitions)
    return LETTER[state.phase]
  })
  return { states: seen.join(' '), transitions, state }
}

describe('an episode', () => {
  it('starts the ten minutes anew when the level drops between', () => {
    expect(play('84 95 80 95 _ _ 95 _ _ _ _ _ _ _').states).toBe('. p . p p p p p p p p p p F')
  })

  it('fires at the tenth minute on one sample, when the sensor reports every half hour', () => {
    expect(play('95 _ _ _ _ _ _ _ _ _ _').transitions).toEqual([
      { type: 'fired', startedAt: 0, at: minutes(10) }
    ])
  })

  it('counts no minute in which nobody knew the level', () => {
    expect(play('95 _ _ _ _ ? _ _ _ _ _ _ _ 95 _ _ _ _ _').states).toBe(
      'p p p p p p p p p p p p p p p p p p F'
    )
  })

  it('goes on between the two thresholds and ends two minutes under the lower one', () => {
    const { states, transitions } = play('95 _ _ _ _ _ _ _ _ _ _ 80 55 70 50 _ _')
    expect(states).toBe('p p p p p p p p p p F F c F c c .')
    expect(transitions.at(-1)).toEqual({ type: 'ended', startedAt: 0, at: minutes(16) })
  })

  it('keeps a firing episode through silence', () => {
    expect(play('95 _ _ _ _ _ _ _ _ _ _ ? _ _ _ _ _').states.endsWith('F F F F F F F')).toBe(true)
  })

  it('fires on the first sample when there is no hold, and may end in the same moment', () => {
    const instant = { ...binFull, forMs: 0, clearForMs: 0 }
    expect(play('95 50 95', instant).states).toBe('F . F')
  })

  it('clears or fires on missing data when the rule says so', () => {
    const rule = binFull
    expect(play('95 ? _', { ...rule, noData: 'clear' }).states).toBe('p . .')
    expect(play('50 ? _', { ...rule, noData: 'fire' }).states).toBe('. p p')
  })

  it('does not let our own outage count for the hold', () => {
    const { state } = play('95 _ _')
    const after = skip(state, { from: 0, until: minutes(30) })
    const transitions: Transition[] = []
    expect(elapse(binFull, after, minutes(39), transitions).phase).toBe('pending')
    expect(elapse(binFull, after, minutes(40), transitions).phase).toBe('firing')
  })

  it('after a quiet time begins a new episode only if the condition is still met', () => {
    const rule = binFull
    const quiet: EpisodeState = { phase: 'quiet', until: minutes(60), met: true }
    const transitions: Transition[] = []
    expect(elapse(rule, quiet, minutes(60), transitions)).toMatchObject({
      phase: 'pending',
      startedAt: minutes(60)
    })
    const cleared = step(rule, quiet, 'cleared', minutes(30), transitions)
    expect(elapse(rule, cleared, minutes(60), transitions)).toEqual(INACTIVE)
  })
})
