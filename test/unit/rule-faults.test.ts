import { describe, expect, it } from 'vitest'
import { DEFAULT_RULES } from '#model/default-rules'
import { ruleFaults } from '#model/rule-faults'
import { contradiction } from '#model/rule-logic'
import { draftFaults } from '#model/rule-shapes'
import type { Condition, Rule } from '#model/rules'
import { hours, minutes } from '#model/time'

const knows = (type: string, id: string) => `${type}:${id}` === 'area:street-1'
const named = (id: string): Rule => {
  const rule = DEFAULT_RULES.find(one => one.id === id)
  if (!rule) throw new Error(`no ${id}`)
  return { ...rule, version: rule.version + 1 }
}
const sent = ({ id: _, version: __, ...draft }: Rule): object => draft
/** As `path: message`, of the shape first, then of the sense. */
const faultsOf = (id: string, change: object): string[] => {
  const rule = { ...named(id), ...change }
  const shape = draftFaults(sent(rule))
  const found = shape.length > 0 ? shape : ruleFaults(rule, { rules: DEFAULT_RULES, knows })
  return found.map(({ path, message }) => `${path}: ${message}`)
}

describe('a rule as it is sent', () => {
  it('is fine when it is one of those that were shipped', () => {
    for (const { id } of DEFAULT_RULES) expect([id, faultsOf(id, {})]).toEqual([id, []])
  })

  it.each<[string, object, string]>([
    ['a field nobody knows', { treshold: 90 }, 'treshold: is no field here'],
    ['a missing language', { label: { en: 'Full', zh: ' ' } }, 'label: expected both en and zh'],
    [
      'a number out of its range',
      { forMs: -1 },
      'forMs: expected a whole number of milliseconds from 0 to 86400000'
    ],
    ['a hold of two days', { clearForMs: hours(48) }, 'clearForMs: expected a whole number'],
    [
      'a condition of no kind',
      { when: { fill: 3 } },
      'when: says none of them: a condition has one of atLeast'
    ],
    [
      'a condition of two kinds',
      { when: { metric: 'fillPct', atLeast: 9, below: 3 } },
      'when: says atLeast and below at once'
    ],
    [
      'a condition with a field too many',
      { when: { metric: 'fillPct', atLeast: 9, forMs: 3 } },
      'when.forMs: does not belong'
    ],
    [
      'a threshold as text',
      { when: { any: [{ metric: 'fillPct', atLeast: '9' }] } },
      'when.any[0].atLeast: expected a number'
    ],
    ['an unknown metric', { when: { metric: 'fill', atLeast: 9 } }, 'when.metric: expected one of fillPct'],
    [
      'a time that is none',
      { windows: [{ from: '6:00', to: '22:00' }] },
      'windows: expected up to 20 windows'
    ],
    [
      'an override without settings',
      { overrides: [{ scope: 'area:street-1' }] },
      'overrides[0]: expected {scope, set}'
    ],
    [
      'an override of a part that is no setting',
      { overrides: [{ scope: 'area:street-1', set: { subject: 'bin' } }] },
      'overrides[0].set.subject: is no field here'
    ]
  ])('is refused for %s, with its place', (_, change, fault) => {
    expect(faultsOf('bin-full', change).join('\n')).toContain(fault)
  })

  it.each<[string, string, object, string]>([
    ['another subject', 'bin-full', { subject: 'toilet' }, 'subject: a rule cannot change what it is about'],
    [
      'a metric of other devices',
      'bin-full',
      { when: { metric: 'waterFlowLpm', above: 1 } },
      'when: no device of a bin reports waterFlowLpm'
    ],
    [
      'a threshold nothing reaches',
      'bin-full',
      { when: { metric: 'fillPct', atLeast: 120 } },
      'when: fillPct lies between 0 and 100'
    ],
    [
      'a flag with a threshold',
      'bin-full',
      { when: { metric: 'lidOpen', atLeast: 1 } },
      'when: lidOpen is compared with is or isNot'
    ],
    [
      'a state that does not exist',
      'compactor-fault',
      { clear: { metric: 'state', is: 'gone' } },
      'clear: state is one of idle'
    ],
    [
      'a level that should count on',
      'bin-full',
      { when: { metric: 'fillPct', unchanged: true } },
      'when: only a counter counts on'
    ],
    [
      'lamps of a bin',
      'bin-full',
      { when: { lamp: 'dark' } },
      'when: whether a lamp is lit can be asked only of light'
    ],
    [
      'a clear threshold beyond the other',
      'bin-full',
      { clear: { metric: 'fillPct', atMost: 95 } },
      'clear: what ends it is true while it begins: both hold at fillPct ≥ 90 and ≤ 95'
    ],
    [
      'the same in an override',
      'bin-full',
      { overrides: [{ scope: 'area:street-1', set: { when: { metric: 'fillPct', atLeast: 50 } } }] },
      'overrides[0].set.clear: what ends it is true while it begins'
    ],
    [
      'a ladder that does not rise',
      'toilet-odour',
      { ladder: [{ severity: 'minor', when: { odour: ['nh3Ppm'], aboveShare: 2 }, forMs: 0 }] },
      'ladder[0].severity: must be worse than major'
    ],
    [
      'a window without length',
      'bin-full',
      { windows: [{ from: '08:00', to: '08:00' }] },
      'windows[0]: begins when it ends'
    ],
    [
      'a scope nobody knows',
      'bin-full',
      { overrides: [{ scope: 'area:nowhere', set: { forMs: 0 } }] },
      'overrides[0].scope: there is no area nowhere'
    ],
    [
      'a class that does not exist',
      'bin-full',
      { overrides: [{ scope: 'toiletClass:4', set: { forMs: 0 } }] },
      'overrides[0].scope: toiletClass is one of 1, 2, 3'
    ],
    [
      'a scope twice',
      'bin-full',
      { overrides: [1, 2].map(() => ({ scope: 'area:street-1', set: { forMs: 0 } })) },
      'overrides[1].scope: area:street-1 is there twice'
    ],
    [
      'a parent that is not there',
      'lamp-out',
      { parents: [{ rule: 'cabinet-lost', via: 'cabinet' }] },
      'parents[0].rule: there is no rule cabinet-lost'
    ],
    [
      'a parent of the wrong kind',
      'lamp-out',
      { parents: [{ rule: 'bin-full', via: 'cabinet' }] },
      'parents[0].rule: bin-full is about bin'
    ],
    [
      'silence with something beside it',
      'device-silent',
      { when: { any: [{ silentIntervals: 3 }, { metric: 'batteryPct', below: 5 }] } },
      'when: device-silent is about silence: silentIntervals alone'
    ],
    [
      'a second rule of silence',
      'battery-low',
      { when: { silentIntervals: 9 } },
      'when: silence has its rule already: device-silent'
    ]
  ])('is refused for %s', (_, id, change, fault) => {
    expect(faultsOf(id, change)).toContainEqual(expect.stringContaining(fault))
  })

  it('may be a new one about a kind of facility or about devices, not about groups of lamps', () => {
    const lid = { ...named('bin-tilted'), id: 'bin-lid-open', version: 1 }
    const check = (rule: Rule) => ruleFaults(rule, { rules: DEFAULT_RULES, knows }).map(({ path }) => path)
    expect(check(lid)).toEqual([])
    expect(check({ ...lid, id: 'Bin lid' })).toEqual(['id'])
    expect(check({ ...named('lighting-rate'), id: 'rate-2' })).toEqual(['subject'])
  })
})

describe('what ends a rule', () => {
  const open: Condition = { metric: 'fillPct', atLeast: 90 }
  it.each<[string, Condition, Condition, boolean]>([
    ['the same threshold from both sides', open, { metric: 'fillPct', below: 90 }, true],
    ['one value in common', open, { metric: 'fillPct', atMost: 90 }, false],
    [
      'a range between',
      { all: [open, { metric: 'fillPct', atMost: 95 }] },
      { metric: 'fillPct', above: 95 },
      true
    ],
    [
      'one of several',
      { any: [open, { metric: 'tempC', above: 60 }] },
      { metric: 'tempC', above: 50 },
      false
    ],
    [
      'neither of several',
      { any: [open, { metric: 'tempC', above: 60 }] },
      { not: { any: [open, { metric: 'tempC', above: 60 }] } },
      true
    ],
    ['another metric', open, { metric: 'tiltDeg', below: 3 }, true],
    [
      'a state and not that state',
      { metric: 'state', is: 'fault' },
      { metric: 'state', isNot: 'fault' },
      true
    ],
    [
      'a state and another’s negation',
      { metric: 'state', is: 'fault' },
      { metric: 'state', isNot: 'idle' },
      false
    ]
  ])('%s', (_, when, clear, fine) => {
    expect(contradiction(when, clear) === undefined).toBe(fine)
  })

  it('is looked at only as far as anybody could read', () => {
    const many = (n: number): Condition => ({
      all: Array.from({ length: n }, (_, i) => ({
        any: [
          { metric: 'fillPct', atLeast: i },
          { metric: 'tempC', above: minutes(1) }
        ]
      }))
    })
    expect(contradiction(many(20), open)).toBeUndefined()
  })
})
