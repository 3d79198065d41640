import { CLEANING_GRADES, FACILITY_KINDS, LIGHTING_GRADES } from './kinds.ts'
import { senseFaults } from './rule-condition-faults.ts'
import { fault, type Fault } from './rule-fault-texts.ts'
import { contradiction, judgesSmallRoads } from './rule-logic.ts'
import { parentFaults } from './rule-parents.ts'
import { SCOPES, applyOverrides, type ScopeKind } from './rule-scopes.ts'
import { SEVERITY_IDS, type Rule } from './rules.ts'

/** What a rule is checked against. */
export interface RuleSurroundings {
  /** The rules in force. */
  rules: readonly Rule[]
  /** Whether such a facility, road or area is registered. */
  knows(type: 'facility' | 'road' | 'area', id: string): boolean
}

/** New rules have short plain names. */
export const RULE_ID_PATTERN = '^[a-z][a-z0-9-]{1,39}$'

/** What is wrong with a rule of the right shape; none: it can be put into force. Pure: the page asks it too. */
export function ruleFaults(rule: Rule, { rules, knows }: RuleSurroundings): Fault[] {
  const before = rules.find(({ id }) => id === rule.id)
  return [
    ...subjectFaults(rule, before),
    ...decidingFaults(rule, ''),
    ...parentFaults(rule, rules),
    ...overrideFaults(rule, knows),
    ...silenceFaults(rule, before, rules)
  ]
}

function subjectFaults({ id, subject }: Rule, before: Rule | undefined): Fault[] {
  if (before) {
    if (before.subject === subject) return []
    return [fault('subject', 'other-subject', { id, subject: before.subject })]
  }
  const known = [...Object.keys(FACILITY_KINDS), 'device'].join(', ')
  return [
    ...(new RegExp(RULE_ID_PATTERN).test(id) ? [] : [fault('id', 'bad-id')]),
    ...(subject === 'device' || subject in FACILITY_KINDS
      ? []
      : [fault('subject', 'no-such-subject', { known })])
  ]
}

/** What decides for one subject: the rule's own settings, or those of an override over them. */
function decidingFaults(rule: Rule, at: string): Fault[] {
  const { subject, when, clear, verify, ladder } = rule
  const faults = [
    ...senseFaults(when, { subject, path: `${at}when` }),
    ...senseFaults(clear, { subject, path: `${at}clear` }),
    ...(verify === null ? [] : senseFaults(verify, { subject, path: `${at}verify` })),
    ...ladder.flatMap((rung, i) => senseFaults(rung.when, { subject, path: `${at}ladder[${i}].when` })),
    ...ladderFaults(rule, at),
    ...windowFaults(rule, at)
  ]
  if (faults.length > 0) return faults
  const ends = contradiction(when, clear)
  if (ends !== undefined) return [fault(`${at}clear`, 'ends-while-it-begins', { at: ends })]
  if (judgesSmallRoads(when) !== judgesSmallRoads(clear)) {
    return [fault(`${at}clear`, 'small-roads-apart', { fields: 'when, clear' })]
  }
  return verifyFaults(rule, `${at}verify`)
}

/** What confirms a claim must not be so while what it is about goes on. */
function verifyFaults({ when, verify }: Rule, path: string): Fault[] {
  if (verify === null) return []
  const asked = JSON.stringify([when, verify])
  if (asked.includes('"serviceDue"')) return [fault(path, 'verified-by-person')]
  if (asked.includes('"silentIntervals"') || asked.includes('"reported"'))
    return [fault(path, 'verified-by-report')]
  const at = contradiction(when, verify)
  if (at !== undefined) return [fault(path, 'verified-while-it-begins', { at })]
  return judgesSmallRoads(when) === judgesSmallRoads(verify)
    ? []
    : [fault(path, 'small-roads-apart', { fields: 'when, verify' })]
}

function ladderFaults({ severity, ladder }: Rule, at: string): Fault[] {
  let last = SEVERITY_IDS.indexOf(severity)
  return ladder.flatMap((rung, i) => {
    const next = SEVERITY_IDS.indexOf(rung.severity)
    const before = SEVERITY_IDS[last] ?? severity
    if (next >= last) return [fault(`${at}ladder[${i}].severity`, 'not-worse', { before })]
    last = next
    return []
  })
}

function windowFaults({ windows }: Rule, at: string): Fault[] {
  return windows.flatMap(({ from, to }, i) => {
    const path = `${at}windows[${i}]`
    if (from === to) return [fault(path, 'empty-window')]
    return from === '24:00' ? [fault(`${path}.from`, 'window-begins-late')] : []
  })
}

const CLASSES: Partial<Record<ScopeKind, readonly string[]>> = {
  toiletClass: ['1', '2', '3'],
  lightingGrade: LIGHTING_GRADES,
  cleaningGrade: CLEANING_GRADES
}

/** What is wrong with a scope, or undefined. */
function scopeFault(scope: string, path: string, knows: RuleSurroundings['knows']): Fault | undefined {
  const colon = scope.indexOf(':')
  const kind = SCOPES.find(one => one === scope.slice(0, colon))
  const id = scope.slice(colon + 1)
  if (!kind) return fault(path, 'not-a-scope', { known: SCOPES.map(one => `${one}:…`).join(', '), scope })
  const values = CLASSES[kind]
  if (values) {
    const isOne = values.includes(id)
    return isOne ? undefined : fault(path, 'no-such-class', { kind, values: values.join(', ') })
  }
  const isThere = knows(kind as 'facility' | 'road' | 'area', id)
  return isThere ? undefined : fault(path, 'no-such-place', { kind, id })
}

function overrideFaults(rule: Rule, knows: RuleSurroundings['knows']): Fault[] {
  const seen = new Set<string>()
  return rule.overrides.flatMap((override, i): Fault[] => {
    const path = `overrides[${i}]`
    const { scope, set } = override
    const wrong = scopeFault(scope, `${path}.scope`, knows)
    if (wrong) return [wrong]
    if (seen.has(scope)) return [fault(`${path}.scope`, 'scope-twice', { scope })]
    seen.add(scope)
    if (Object.keys(set).length === 0) return [fault(`${path}.set`, 'changes-nothing')]
    return decidingFaults(applyOverrides(rule, [override]).rule, `${path}.set.`)
  })
}

const asksSilence = ({ when }: Pick<Rule, 'when'>): boolean =>
  JSON.stringify(when).includes('"silentIntervals"')
const asksReport = ({ clear }: Pick<Rule, 'clear'>): boolean => JSON.stringify(clear).includes('"reported"')

/** Silence has one rule, a clock of its own, and no other condition beside it. */
function silenceFaults(rule: Rule, before: Rule | undefined, rules: readonly Rule[]): Fault[] {
  if (rule.subject !== 'device') return []
  const wasSilence = before !== undefined && asksSilence(before)
  const all = [rule, ...rule.overrides.map(({ set }) => ({ when: rule.when, clear: rule.clear, ...set }))]
  if (!wasSilence && !all.some(asksSilence) && !all.some(asksReport)) return []
  if (!wasSilence) {
    const known = rules.find(asksSilence)
    return [
      known
        ? fault('when', 'silence-has-its-rule', { rule: known.id })
        : fault('when', 'not-about-silence', { rule: rule.id })
    ]
  }
  if (all.some(({ when }) => !('silentIntervals' in when))) {
    return [fault('when', 'silence-alone', { rule: rule.id })]
  }
  return all.some(({ clear }) => !('reported' in clear)) ? [fault('clear', 'silence-ends')] : []
}
