import type { FacilityKind } from '#model/kinds'
import type { MetricId } from '#model/metrics'
import { applyOverrides, overridesFor, type Standing } from '#model/rule-scopes'
import { completeRule, type Condition, type Rule } from '#model/rules'
import type { Millis } from '#model/time'
import { compileRule, metricsOf, windowsOf, type CompiledRule } from './condition.ts'
import { isObserved } from './observed.ts'

/** The rules in force, each compiled once for every set of overrides that somebody stands under. */
export interface RuleBook {
  all(): readonly Rule[]
  get(id: string): Rule | undefined
  /** A new rule, or another version of one. */
  set(rule: Rule): void
  /** Rules of one facility's readings. The same array for all who stand under the same overrides. */
  forFacility(kind: FacilityKind, at: Standing): readonly CompiledRule[]
  /** Rules of one device's readings, wherever it is fitted. */
  forDevice(at: Standing): readonly CompiledRule[]
  silence(at: Standing): CompiledRule | undefined
  lampGroup(at: Standing): CompiledRule | undefined
  /** Whether other rules wait for what this one says. */
  isParent(rule: string): boolean
  /** The rules that wait for this one. */
  childrenOf(rule: string): readonly Rule[]
  /** The metrics some rule asks more of than their newest value. */
  readonly watched: ReadonlyMap<MetricId, Watch>
}

/** What has to be remembered of a metric. */
export interface Watch {
  /** How far back some rule looks at its values, in ms; 0: at none. */
  lookBackMs: Millis
  /** An emptying, a haul or a count is seen by it. */
  observed: boolean
}

const mentions = (rule: Rule, key: string): boolean => JSON.stringify(rule.when).includes(`"${key}"`)

export function createRuleBook(rules: readonly Rule[]): RuleBook {
  const byId = new Map(rules.map(rule => [rule.id, completeRule(rule)]))
  const compiled = new Map<string, CompiledRule>()
  const lists = new Map<string, readonly CompiledRule[]>()
  const watched = new Map<MetricId, Watch>()

  function compiledFor(rule: Rule, at: Standing): CompiledRule {
    const overrides = overridesFor(rule, at)
    const key = [rule.id, ...overrides.map(({ scope }) => scope)].join('|')
    let one = compiled.get(key)
    if (!one) compiled.set(key, (one = compileRule(applyOverrides(rule, overrides))))
    return one
  }

  function listFor(wanted: (rule: Rule) => boolean, at: Standing): readonly CompiledRule[] {
    const list = [...byId.values()].filter(wanted).map(rule => compiledFor(rule, at))
    const key = list.map(({ rule, sources }) => `${rule.id}:${Object.values(sources).join()}`).join('|')
    const known = lists.get(key)
    if (known) return known
    lists.set(key, list)
    return list
  }

  const first = (wanted: (rule: Rule) => boolean, at: Standing): CompiledRule | undefined => {
    const rule = [...byId.values()].find(wanted)
    return rule && compiledFor(rule, at)
  }

  function conditionsOf(rule: Rule): Condition[] {
    const all = [rule, ...rule.overrides.map(({ set }) => set)]
    return all.flatMap(({ when, clear, verify, ladder }) => [
      ...(when ? [when] : []),
      ...(clear ? [clear] : []),
      ...(verify ? [verify] : []),
      ...(ladder ?? []).map(rung => rung.when)
    ])
  }

  function lookAtMetrics(): void {
    watched.clear()
    for (const condition of [...byId.values()].flatMap(conditionsOf)) {
      const lookBack = windowsOf(condition)
      for (const metric of metricsOf(condition)) {
        const lookBackMs = Math.max(watched.get(metric)?.lookBackMs ?? 0, lookBack[metric] ?? 0)
        const observed = isObserved(metric)
        if (lookBackMs > 0 || observed) watched.set(metric, { lookBackMs, observed })
      }
    }
  }
  lookAtMetrics()

  return {
    all: () => [...byId.values()],
    get: id => byId.get(id),
    set(rule) {
      byId.set(rule.id, completeRule(rule))
      for (const key of compiled.keys()) if (key.split('|')[0] === rule.id) compiled.delete(key)
      lists.clear()
      lookAtMetrics()
    },
    forFacility: (kind, at) => listFor(rule => rule.subject === kind, at),
    forDevice: at => listFor(rule => rule.subject === 'device' && !mentions(rule, 'silentIntervals'), at),
    silence: at => first(rule => rule.subject === 'device' && mentions(rule, 'silentIntervals'), at),
    lampGroup: at => first(rule => rule.subject === 'lamp-group', at),
    isParent: id => [...byId.values()].some(({ parents }) => parents.some(({ rule }) => rule === id)),
    childrenOf: id => [...byId.values()].filter(({ parents }) => parents.some(({ rule }) => rule === id)),
    watched
  }
}
