import { describe, expect, it } from 'vitest'
import { DEFAULT_RULES } from '#model/default-rules'
import type { Rule } from '#model/rules'
import {
  changesBetween,
  numbersOf,
  settingsFor,
  withNumber,
  withSettings,
  withWhen,
  withoutSetting
} from '../../dashboard/src/lib/rule-edit.ts'

const named = (id: string) => DEFAULT_RULES.find(one => one.id === id) as Rule

describe('a rule in the form', () => {
  it('shows every number a manager may change, and changes that one alone', () => {
    const rule = named('toilet-supplies')
    const numbers = numbersOf(rule.when)
    expect(numbers.map(({ path, value, unit }) => [path.join('.'), value, unit])).toEqual([
      ['any.0.below', 10, '%'],
      ['any.1.below', 10, '%']
    ])
    const [, soap] = numbers
    if (!soap) throw new Error('no soap')
    expect(withNumber(rule.when, soap, 20)).toEqual({
      any: [
        { metric: 'paperPct', below: 10 },
        { metric: 'soapPct', below: 20 }
      ]
    })
  })

  it('lets what ends it follow, where that is what begins it turned round', () => {
    const rule = named('toilet-clean-due')
    const [visits] = numbersOf(rule.when)
    if (!visits) throw new Error('no visits')
    const { when, clear } = withWhen(rule, withNumber(rule.when, visits, 200))
    expect(when).toMatchObject({ serviceDue: { visits: 200 } })
    expect(clear).toEqual({ not: when })
  })

  it('keeps an exception to its scope, and drops it with its last setting', () => {
    const rule = named('bin-tilted')
    const edited = withSettings(rule, 'area:street-1', { forMs: 0 })
    expect([edited.forMs, settingsFor(edited, 'area:street-1').forMs]).toEqual([rule.forMs, 0])
    expect(withoutSetting(edited, 'area:street-1', 'forMs')).toEqual(rule)
  })

  it('tells changes from another order of fields', () => {
    const rule = named('bin-full')
    const stored = { ...rule, when: { atLeast: 90, metric: 'fillPct' as const } }
    expect(changesBetween(rule, stored)).toEqual([])
    const edited = withSettings({ ...rule, forMs: 0 }, 'cleaningGrade:1', { forMs: 1 })
    expect(changesBetween(rule, edited)).toEqual([
      { scope: undefined, field: 'forMs', from: 600_000, to: 0 },
      { scope: 'cleaningGrade:1', field: 'forMs', from: undefined, to: 1 }
    ])
  })
})
