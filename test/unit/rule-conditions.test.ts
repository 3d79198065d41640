import { describe, expect, it } from 'vitest'
import { DEFAULT_RULES } from '#model/default-rules'
import { ruleFaults } from '#model/rule-faults'
import { draftFaults } from '#model/rule-shapes'
import type { Condition, Rule } from '#model/rules'
import {
  NEW_SUBJECTS,
  comparisonOf,
  comparisonsOf,
  conditionOf,
  copyOf,
  emptyRule,
  joined,
  opposite,
  partsOf,
  topicOf,
  topicsFor
} from '../../dashboard/src/lib/rule-conditions.ts'
import { draftBody } from '../../dashboard/src/lib/rule-edit.ts'

const knows = () => true
const faultsOf = (rule: Rule) => [
  ...draftFaults(draftBody(rule)),
  ...ruleFaults(rule, { rules: DEFAULT_RULES, knows })
]
const named = (id: string) => DEFAULT_RULES.find(one => one.id === id) as Rule

describe('conditions a person puts together', () => {
  it('offers nothing that is refused afterwards', () => {
    for (const subject of NEW_SUBJECTS) {
      for (const topic of topicsFor(subject)) {
        const comparisons = comparisonsOf(topic, subject)
        expect(comparisons, `${subject} ${topic}`).not.toEqual([])
        for (const comparison of comparisons) {
          const when = conditionOf(topic, comparison, subject)
          const rule = { ...emptyRule(subject), id: 'bin-new', when, clear: { not: when } }
          const texts = { label: { en: 'a', zh: 'a' }, why: { en: 'a', zh: 'a' } }
          const ticket = { title: { en: 'a', zh: 'a' } }
          expect([comparison, faultsOf({ ...rule, ...texts, ticket })]).toEqual([comparison, []])
        }
      }
    }
  })

  it('reads back every plain condition of the shipped rules', () => {
    const deep: string[] = []
    for (const { id, subject, when, clear, ladder } of DEFAULT_RULES) {
      for (const condition of [when, clear, ...ladder.map(rung => rung.when)]) {
        const flat = partsOf(condition)
        if (!flat) deep.push(id)
        else expect(joined(flat)).toEqual(condition)
        for (const part of flat?.parts ?? []) {
          const [topic = '', comparison = ''] = [topicOf(part), comparisonOf(part)]
          expect(topicsFor(subject, topic)).toContain(topic)
          expect(comparisonsOf(topic, subject), `${id} ${topic}`).toContain(comparison)
        }
      }
    }
    expect(deep).toEqual(['station-not-hauled'])
  })

  it('keeps the number when the comparison changes, and begins anew with another metric', () => {
    const full: Condition = { metric: 'fillPct', atLeast: 90 }
    expect(conditionOf('fillPct', 'above', 'bin', full)).toEqual({ metric: 'fillPct', above: 90 })
    expect(conditionOf('tiltDeg', 'atLeast', 'bin', full)).toEqual({ metric: 'tiltDeg', atLeast: 0 })
    expect(conditionOf('state', 'isNot', 'compactor', full)).toEqual({ metric: 'state', isNot: 'idle' })
  })

  it('turns a condition round, and twice is the same', () => {
    for (const { when } of DEFAULT_RULES) {
      // These end with something that is not their opposite: a lamp is off, a report arrives.
      if (/burning|silentIntervals/.test(JSON.stringify(when))) continue
      expect(opposite(opposite(when))).toEqual(when)
    }
    expect(opposite(named('toilet-crowded').when)).toEqual(named('toilet-crowded').clear)
  })

  it('begins a new rule without a fault but for its name and texts, empty or as a copy', () => {
    for (const subject of NEW_SUBJECTS) {
      expect(new Set(faultsOf(emptyRule(subject)).map(({ path }) => path))).toEqual(
        new Set(['id', 'label', 'why', 'ticket'])
      )
    }
    expect(faultsOf(copyOf(named('bin-full'))).map(({ path }) => path)).toEqual(['id'])
  })
})
