import { metricDefinition } from '#model/metrics'
import type { Fault } from '#model/rule-fault-texts'
import { applyOverrides, type Override, type Scope } from '#model/rule-scopes'
import { CONDITIONS, SETTING_IDS } from '#model/rule-shapes'
import type { Condition, Rule, RuleSettings } from '#model/rules'
import { hours, minutes } from '#model/time'
import { opposite } from './rule-conditions.ts'

export type Path = readonly (string | number)[]

/** A number in a condition that a person may change. */
export interface ConditionNumber {
  path: Path
  /** The field it is in: `atLeast`, `pct`, `withinMs` … */
  field: string
  /** The plain condition it stands in. */
  leaf: Condition
  value: number
  unit: string
  /** What one of the shown unit is of the stored: shares are shown in percent, times in minutes. */
  scale: number
  /** Least and most, in the shown unit. */
  limits: readonly [number, number]
}

const OF_METRIC = ['atLeast', 'atMost', 'above', 'below', 'risesBy', 'is', 'isNot']
const PLAIN: Record<string, { unit: string; scale: number }> = {
  withinMs: { unit: '', scale: minutes(1) },
  days: { unit: '', scale: 1 },
  visits: { unit: '', scale: 1 },
  openMs: { unit: '', scale: hours(1) },
  aboveShare: { unit: '%', scale: 0.01 },
  atMostShare: { unit: '%', scale: 0.01 },
  pct: { unit: '%', scale: 1 },
  roadPct: { unit: '%', scale: 1 },
  silentIntervals: { unit: '×', scale: 1 }
}

interface Limited {
  minimum?: number
  maximum?: number
  properties?: Record<string, Limited>
}
export const rangeOf = ({ minimum = 0, maximum = 1e9 }: Limited, scale: number): [number, number] => [
  minimum / scale,
  maximum / scale
]

function limitsOf(leaf: Condition, field: string, scale: number): readonly [number, number] {
  if ('metric' in leaf && OF_METRIC.includes(field)) {
    const { min, max } = metricDefinition(leaf.metric)
    return field === 'risesBy' ? [0.001, max - min] : [min, max]
  }
  for (const [kind, fields] of Object.entries(CONDITIONS)) {
    if (!(kind in leaf)) continue
    const schema = (fields[field] ?? fields[`${field}?`]) as Limited | undefined
    const inside = (fields[kind] as Limited).properties?.[field]
    return rangeOf(inside ?? schema ?? {}, scale)
  }
  return rangeOf({}, scale)
}

export function numbersOf(condition: Condition, path: Path = []): ConditionNumber[] {
  if ('any' in condition) return condition.any.flatMap((one, i) => numbersOf(one, [...path, 'any', i]))
  if ('all' in condition) return condition.all.flatMap((one, i) => numbersOf(one, [...path, 'all', i]))
  if ('not' in condition) return numbersOf(condition.not, [...path, 'not'])
  const found: ConditionNumber[] = []
  const look = (holder: object, at: Path): void => {
    for (const [field, value] of Object.entries(holder) as [string, unknown][]) {
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) look(value, [...at, field])
      if (typeof value !== 'number') continue
      const unit =
        'metric' in condition && OF_METRIC.includes(field)
          ? metricDefinition(condition.metric).unit
          : undefined
      const how = unit !== undefined ? { unit, scale: 1 } : PLAIN[field]
      if (how) {
        const limits = limitsOf(condition, field, how.scale)
        found.push({ path: [...at, field], field, leaf: condition, value, limits, ...how })
      }
    }
  }
  look(condition, path)
  return found
}

function withValue<T>(holder: T, [first, ...rest]: Path, value: unknown): T {
  if (first === undefined) return value as T
  if (Array.isArray(holder)) {
    return holder.map((one: unknown, i) => (i === first ? withValue(one, rest, value) : one)) as T
  }
  const key = first as keyof T
  return { ...holder, [key]: withValue(holder[key], rest, value) }
}

/** The database keeps the fields of a condition in an order of its own. */
const inOrder = (_: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a, inOrder) === JSON.stringify(b, inOrder)

/** What ends a rule often says the same as what begins it, turned round: it follows. */
function follow(condition: Condition, from: Condition, to: Condition): Condition {
  if (same(condition, from)) return to
  if ('any' in condition) return { any: condition.any.map(one => follow(one, from, to)) }
  if ('all' in condition) return { all: condition.all.map(one => follow(one, from, to)) }
  return 'not' in condition ? { not: follow(condition.not, from, to) } : condition
}

/** The plain conditions in a condition, in order. */
function leavesOf(condition: Condition): Condition[] {
  if ('any' in condition) return condition.any.flatMap(leavesOf)
  if ('all' in condition) return condition.all.flatMap(leavesOf)
  return 'not' in condition ? leavesOf(condition.not) : [condition]
}

/** Settings under another condition: what ends it says the same of what was changed in what begins it. */
export function withWhen(
  { when, clear }: Pick<RuleSettings, 'when' | 'clear'>,
  next: Condition
): Partial<RuleSettings> {
  const [before, after] = [leavesOf(when), leavesOf(next)]
  const pairs: [Condition, Condition][] =
    before.length === after.length ? before.map((one, i) => [one, after[i] as Condition]) : []
  const followed = [[when, next] as const, ...pairs]
    .filter(([from, to]) => !same(from, to))
    .reduce((at, [from, to]) => follow(follow(at, from, to), opposite(from), opposite(to)), clear)
  return { when: next, ...(!same(followed, clear) && { clear: followed }) }
}

/** The condition with one of its numbers changed. */
export const withNumber = (condition: Condition, { path }: ConditionNumber, value: number): Condition =>
  withValue(condition, path, value)

/** The rule with some settings changed: for everybody, or for one scope. */
export function withSettings(rule: Rule, scope: Scope | undefined, set: Partial<RuleSettings>): Rule {
  if (scope === undefined) return { ...rule, ...set }
  const known = rule.overrides.some(one => one.scope === scope)
  const overrides: readonly Override[] = known
    ? rule.overrides.map(one => (one.scope === scope ? { scope, set: { ...one.set, ...set } } : one))
    : [...rule.overrides, { scope, set }]
  return { ...rule, overrides }
}

/** Back to the rule's own setting for a scope; the last one takes the override with it. */
export function withoutSetting(rule: Rule, scope: Scope, field: keyof RuleSettings): Rule {
  const overrides = rule.overrides.flatMap(one => {
    if (one.scope !== scope) return [one]
    const { [field]: _, ...set } = one.set
    return Object.keys(set).length > 0 ? [{ scope, set }] : []
  })
  return { ...rule, overrides }
}

/** What counts for a scope alone: the rule under that one override. */
export function settingsFor(rule: Rule, scope: Scope | undefined): Rule {
  const override = rule.overrides.find(one => one.scope === scope)
  return override ? applyOverrides(rule, [override]).rule : rule
}

/** What a rule has beside its settings, and a person can change. */
export const TEXT_FIELDS = ['label', 'why', 'ticket', 'parents'] as const
export type RuleField = keyof RuleSettings | (typeof TEXT_FIELDS)[number]

/** What is wrong with the settings of a scope, each by its place in them: `when.any[1]`. */
export function faultsUnder(faults: readonly Fault[], rule: Rule, scope: Scope | undefined): Fault[] {
  const before = scope ? `overrides[${rule.overrides.findIndex(one => one.scope === scope)}].set.` : ''
  return faults
    .filter(({ path }) => path.startsWith(before))
    .map(fault => ({ ...fault, path: fault.path.slice(before.length) }))
}

export interface FieldChange {
  scope: Scope | undefined
  field: RuleField
  /** Undefined: it was not, or is no longer, set for the scope. */
  from: Rule[RuleField] | undefined
  to: Rule[RuleField] | undefined
}

/** What is different between two versions, the rule's own settings first. */
export function changesBetween(before: Rule, after: Rule): FieldChange[] {
  const differing = (
    scope: Scope | undefined,
    a: Partial<Rule>,
    b: Partial<Rule>,
    fields: readonly RuleField[] = SETTING_IDS
  ): FieldChange[] =>
    fields
      .filter(field => !same(a[field], b[field]))
      .map(field => ({
        scope,
        field,
        from: a[field],
        to: b[field]
      }))
  const scopes = [...new Set([...before.overrides, ...after.overrides].map(({ scope }) => scope))]
  const setOf = ({ overrides }: Rule, scope: Scope) => overrides.find(one => one.scope === scope)?.set ?? {}
  return [
    ...differing(undefined, before, after, [...TEXT_FIELDS, ...SETTING_IDS]),
    ...scopes.flatMap(scope => differing(scope, setOf(before, scope), setOf(after, scope)))
  ]
}

/** What is sent: the rule without what the server gives it. */
export function draftBody(rule: Rule): object {
  const { label, why, subject, parents, ticket, overrides } = rule
  const settings = Object.fromEntries(SETTING_IDS.map(field => [field, rule[field]]))
  return { label, why, subject, parents, ticket, overrides, ...settings }
}
