import type { Label } from './label.ts'
import type { Override } from './rule-scopes.ts'
import type { Condition, Rule, RuleSettings } from './rules.ts'

/** Settings of a rule that belong together, as data: chosen on its page they fill the editor, and nothing is in force yet. */
export interface RulePreset {
  id: string
  /** The rule it is for. */
  rule: string
  label: Label
  why: Label
  /** For everybody. They take the place of the same settings in every exception. */
  set: Partial<RuleSettings>
  overrides: readonly Override[]
}

type Target = Omit<Extract<Condition, { lightingRate: unknown }>, 'lightingRate'>

/** A target ends what it begins, and verifies it: one without the other would open what it never closes. */
const lit = (target: Target): Pick<RuleSettings, 'when' | 'clear' | 'verify'> => ({
  when: { lightingRate: 'below', ...target },
  clear: { lightingRate: 'atLeast', ...target },
  verify: null
})

/** Main roads against others; in each, districts against a single road. Figures of the specification. */
const MAIN = { pct: 98, roadPct: 97 } as const
const OTHERS = { pct: 96, roadPct: 95 } as const

const graded = (more: Pick<Target, 'smallRoads'>): Pick<RulePreset, 'set' | 'overrides'> => {
  const { when, clear } = lit({ ...MAIN, ...more })
  return {
    set: lit({ ...OTHERS, ...more }),
    overrides: [{ scope: 'lightingGrade:main', set: { when, clear } }]
  }
}

export const RULE_PRESETS: readonly RulePreset[] = [
  {
    id: 'same-everywhere',
    rule: 'lighting-rate',
    label: { en: '98 % everywhere', zh: '统一 98%' },
    why: {
      en: 'The contract’s figure, for every road and every grade of a district. As it was shipped.',
      zh: '合同约定值，适用于各条道路和各区各等级。出厂设置。'
    },
    set: lit({ pct: 98 }),
    overrides: []
  },
  {
    id: 'graded',
    rule: 'lighting-rate',
    label: { en: 'By grade', zh: '分级' },
    why: {
      en: 'Main roads of a district 98 %, all others 96 %; a single main road 97 %, any other 95 %. A road without a grade is one of the others.',
      zh: '主干路 98%，其他道路 96%；单条主干路 97%，其他单条道路 95%。未定等级的道路按其他道路计。'
    },
    ...graded({})
  },
  {
    id: 'small-roads',
    rule: 'lighting-rate',
    label: { en: 'Small roads by dark lamps', zh: '小路按暗灯数' },
    why: {
      en: 'A road of under 200 lamps may have so many dark ones: 4 of 150 to 199, 3 of 100 to 149, 2 of fewer. All else 98 %.',
      zh: '200 盏以下的道路按暗灯数判定：150–199 盏不超过 4 盏，100–149 盏不超过 3 盏，99 盏及以下不超过 2 盏；其余 98%。'
    },
    set: lit({ pct: 98, smallRoads: true }),
    overrides: []
  },
  {
    id: 'graded-small-roads',
    rule: 'lighting-rate',
    label: { en: 'By grade, small roads by dark lamps', zh: '分级，小路按暗灯数' },
    why: {
      en: 'Districts and roads of 200 lamps or more by grade, smaller roads by how many lamps are dark.',
      zh: '各区及 200 盏以上的道路分级判定，较小的道路按暗灯数判定。'
    },
    ...graded({ smallRoads: true })
  }
]

export const presetsOf = (rule: string): readonly RulePreset[] =>
  RULE_PRESETS.filter(preset => preset.rule === rule)

/**
 * A rule under a preset. What the preset sets counts for everybody but where the preset itself says otherwise; all else, also in
 * exceptions, stays.
 */
export function withPreset<R extends Rule>(rule: R, { set, overrides }: RulePreset): R {
  const kept = rule.overrides.map(({ scope, set: own }) => ({
    scope,
    set: Object.fromEntries(Object.entries(own).filter(([field]) => !(field in set)))
  }))
  for (const { scope, set: own } of overrides) {
    const at = kept.findIndex(one => one.scope === scope)
    if (at < 0) kept.push({ scope, set: own })
    else kept[at] = { scope, set: { ...kept[at]?.set, ...own } }
  }
  return { ...rule, ...set, overrides: kept.filter(one => Object.keys(one.set).length > 0) }
}
