import { describe, expect, it } from 'vitest'
import { DEFAULT_RULES } from '#model/default-rules'
import type { LightingGrade } from '#model/kinds'
import { ruleFaults } from '#model/rule-faults'
import { RULE_PRESETS, presetsOf, withPreset } from '#model/rule-presets'
import { draftFaults } from '#model/rule-shapes'
import type { Override } from '#model/rule-scopes'
import type { Rule } from '#model/rules'
import { hours } from '#model/time'
import { area, device, facility, road } from '#test/fixtures/registry-records'
import { NOON, ruleWorld } from '#test/fixtures/rule-world'

const named = (id: string): Rule => DEFAULT_RULES.find(one => one.id === id)!
const LIGHTING = named('lighting-rate')
const preset = (id: string) => presetsOf('lighting-rate').find(one => one.id === id)!
const under = (id: string, overrides: Override[] = []): Rule =>
  withPreset({ ...LIGHTING, overrides }, preset(id))

/** Which groups have a ticket half an hour after dark lamps were seen: roads, and grades of the district. */
function opened(rule: Rule, roads: { id: string; grade?: LightingGrade; lamps: number; dark: number }[]) {
  const world = ruleWorld({
    start: NOON + hours(6.5),
    rules: [rule],
    records: [
      area('city', { kind: 'city', lat: 32.06, lon: 118.78 }),
      ...roads.flatMap(({ id, grade, lamps }, n) => [
        area(`d-${n}`, { kind: 'district', parent: 'city' }),
        road(id, { parent: `d-${n}`, attributes: grade ? { lightingGrade: grade } : {} }),
        ...Array.from({ length: lamps }, (_, i) => [
          facility(`${id}-${i}`, { kind: 'light', parent: `d-${n}`, attributes: { road: id } }),
          device(`${id}-c${i}`, { kind: 'lamp-controller', facility: `${id}-${i}` })
        ]).flat()
      ])
    ]
  })
  for (let at = 0; at <= 15; at += 5)
    for (const { id, lamps, dark } of roads)
      for (let i = 0; i < lamps; i++)
        world.say({
          device: `${id}-c${i}`,
          at,
          values: i < dark ? { powerState: 'off', activePowerW: 0 } : { powerState: 'on', activePowerW: 90 }
        })
  return world
    .open()
    .map(({ subject }) => subject)
    .sort()
}

describe('a preset', () => {
  it('makes a rule that nothing is wrong with', () => {
    for (const one of RULE_PRESETS) {
      const rule = withPreset({ ...named(one.rule), version: 2 }, one)
      const { id: _, version: __, ...draft } = rule
      expect([one.id, draftFaults(draft)]).toEqual([one.id, []])
      expect([one.id, ruleFaults(rule, { rules: DEFAULT_RULES, knows: () => true })]).toEqual([one.id, []])
    }
  })

  it('ends what it begins, for everybody and in each of its exceptions', () => {
    for (const { set, overrides } of RULE_PRESETS)
      for (const { when, clear } of [set, ...overrides.map(one => one.set)])
        expect(clear).toEqual({ ...when, lightingRate: 'atLeast' })
  })

  it('goes back to what was shipped, and leaves what it does not set', () => {
    const due: Override = { scope: 'area:d-0', set: { due: hours(8) } }
    const target: Override = {
      scope: 'road:r-1',
      set: { when: { lightingRate: 'below', pct: 90 }, clear: { lightingRate: 'atLeast', pct: 90 } }
    }
    const graded = under('graded', [due, target, { scope: 'lightingGrade:main', set: { due: hours(4) } }])
    expect(graded.overrides.map(({ scope, set }) => [scope, Object.keys(set)])).toEqual([
      ['area:d-0', ['due']],
      ['lightingGrade:main', ['due', 'when', 'clear']]
    ])
    const back = withPreset(graded, preset('same-everywhere'))
    expect(back).toEqual({
      ...LIGHTING,
      overrides: [due, { scope: 'lightingGrade:main', set: { due: hours(4) } }]
    })
    expect(under('same-everywhere')).toEqual(LIGHTING)
  })
})

describe('the lighting target by grade', () => {
  it('is 98 and 97 for main roads, 96 and 95 for others', () => {
    // 97.5 %: a main road may, its district may not; others may both.
    const some = [
      { id: 'main', grade: 'main', lamps: 40, dark: 1 },
      { id: 'branch', grade: 'branch', lamps: 40, dark: 1 },
      { id: 'none', lamps: 40, dark: 1 }
    ] as const
    expect(opened(LIGHTING, [...some])).toEqual([
      'area:d-0:main',
      'area:d-1:branch',
      'road:branch',
      'road:main',
      'road:none'
    ])
    expect(opened(under('graded'), [...some])).toEqual(['area:d-0:main'])
    // 95 %: of others the district may not.
    expect(
      opened(
        under('graded'),
        some.map(one => ({ ...one, dark: 2 }))
      )
    ).toEqual(['area:d-0:main', 'area:d-1:branch', 'road:main'])
  })
})

describe('small roads by dark lamps', () => {
  it.each([
    [199, 4, 5],
    [150, 4, 5],
    [149, 3, 4],
    [100, 3, 4],
    [99, 2, 3],
    [10, 2, 3]
  ])('may have of %i lamps %i dark ones, and not %i', (lamps, allowed, tooMany) => {
    const rule = under('small-roads')
    expect(opened(rule, [{ id: 'r', lamps, dark: allowed }])).toEqual([])
    expect(opened(rule, [{ id: 'r', lamps, dark: tooMany }])).toEqual(['road:r'])
  })

  it('judges a road of 200 lamps by its rate', () => {
    expect(opened(under('small-roads'), [{ id: 'r', lamps: 200, dark: 4 }])).toEqual([])
    expect(opened(under('small-roads'), [{ id: 'r', lamps: 200, dark: 5 }])).toEqual(['road:r'])
  })
})

describe('a target that does not end what it begins', () => {
  const faults = (change: Partial<Rule>) =>
    ruleFaults({ ...LIGHTING, ...change }, { rules: DEFAULT_RULES, knows: () => true }).map(
      ({ path, code }) => `${path} ${code}`
    )

  it('is refused for single roads too, and where only one half counts dark lamps', () => {
    expect(faults({ clear: { lightingRate: 'atLeast', pct: 98, roadPct: 95 } })).toEqual([
      'clear ends-while-it-begins'
    ])
    expect(faults({ when: { lightingRate: 'below', pct: 98, smallRoads: true } })).toEqual([
      'clear small-roads-apart'
    ])
    expect(faults({ verify: { lightingRate: 'atLeast', pct: 97 } })).toEqual([
      'verify verified-while-it-begins'
    ])
    expect(faults({ verify: { lightingRate: 'atLeast', pct: 99 } })).toEqual([])
  })
})
