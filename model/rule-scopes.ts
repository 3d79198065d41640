import type { Rule, RuleSettings } from './rules.ts'

/** What an override can be for, most particular first: the first that sets a field counts. */
export const SCOPES = ['facility', 'road', 'toiletClass', 'lightingGrade', 'cleaningGrade', 'area'] as const
export type ScopeKind = (typeof SCOPES)[number]
export type Scope = `${ScopeKind}:${string}`

/** Other settings of a rule for part of the city. */
export interface Override {
  scope: Scope
  set: Partial<RuleSettings>
}

/** Where a subject stands: the values that scopes name. */
export interface Standing {
  facility?: string | undefined
  road?: string | undefined
  toiletClass?: string | undefined
  lightingGrade?: string | undefined
  cleaningGrade?: string | undefined
  /** Its area and those above it, the nearest first. */
  areas: readonly string[]
}

/** The settings that count for one subject, and of each overridden one the scope it comes from. */
export interface Resolved {
  rule: Rule
  sources: Partial<Record<keyof RuleSettings, Scope>>
}

/** The overrides that apply, most particular first: facility > road > class or grade > nearest area. */
export function overridesFor({ overrides }: Pick<Rule, 'overrides'>, at: Standing): Override[] {
  if (overrides.length === 0) return []
  const scopes = SCOPES.flatMap(kind =>
    kind === 'area' ? at.areas.map(id => `area:${id}`) : at[kind] === undefined ? [] : [`${kind}:${at[kind]}`]
  )
  return scopes.flatMap(scope => overrides.filter(one => one.scope === scope))
}

/** The rule as it counts under these overrides, most particular first. */
export function applyOverrides(rule: Rule, overrides: readonly Override[]): Resolved {
  if (overrides.length === 0) return { rule, sources: {} }
  const settings: Partial<RuleSettings> = {}
  const sources: Resolved['sources'] = {}
  for (const { scope, set } of overrides) {
    for (const field of Object.keys(set) as (keyof RuleSettings)[]) {
      if (field in settings) continue
      Object.assign(settings, { [field]: set[field] })
      sources[field] = scope
    }
  }
  return { rule: { ...rule, ...settings }, sources }
}
