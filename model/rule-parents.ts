import type { Label } from './label.ts'
import { fault, type Fault } from './rule-fault-texts.ts'
import type { ParentLink, Rule, RuleSubject } from './rules.ts'

/** The ways from a subject to what may explain it. */
export const PARENT_VIAS: Record<
  ParentLink['via'],
  { label: Label; child: readonly RuleSubject[]; parent: RuleSubject }
> = {
  cabinet: {
    label: { en: 'its cabinet', zh: '所属配电柜' },
    child: ['light', 'device'],
    parent: 'cabinet'
  },
  gateway: { label: { en: 'its gateway', zh: '所属网关' }, child: ['device'], parent: 'device' }
}
const PARENT_VIA_IDS = Object.keys(PARENT_VIAS) as ParentLink['via'][]

/** The links a rule about such a subject may have: through what, to which of the rules. */
export const parentChoices = (subject: RuleSubject, rules: readonly Rule[]): ParentLink[] =>
  PARENT_VIA_IDS.filter(via => PARENT_VIAS[via].child.includes(subject)).flatMap(via =>
    rules.filter(rule => rule.subject === PARENT_VIAS[via].parent).map(({ id }) => ({ rule: id, via }))
  )

/** What is wrong with what explains a rule. */
export function parentFaults(rule: Rule, rules: readonly Rule[]): Fault[] {
  const { id, subject, parents } = rule
  const faults = parents.flatMap(({ rule: of, via }, i): Fault[] => {
    const path = `parents[${i}]`
    const parent = of === id ? { subject } : rules.find(one => one.id === of)
    const { child, parent: wanted, label } = PARENT_VIAS[via]
    if (!parent) return [fault(`${path}.rule`, 'no-such-rule', { rule: of })]
    if (parents.findIndex(one => one.rule === of && one.via === via) < i) return [fault(path, 'twice')]
    if (!child.includes(subject)) {
      const children = child.join(' or ')
      return [fault(`${path}.via`, 'no-way-to-parent', { children, via, viaZh: label.zh, subject })]
    }
    if (parent.subject === wanted) return []
    return [fault(`${path}.rule`, 'parent-of-other', { rule: of, subject: parent.subject, wanted })]
  })
  return faults.length > 0 ? faults : circleFaults(rule, rules)
}

/**
 * No rule explains what explains it. A rule may name itself: what is silent behind a silent gateway waits for the gateway's
 * own silence, and that for nothing.
 */
function circleFaults(rule: Rule, rules: readonly Rule[]): Fault[] {
  const parentsOf = (id: string): string[] => {
    const { parents = [] } = id === rule.id ? rule : (rules.find(one => one.id === id) ?? {})
    return parents.map(link => link.rule).filter(one => one !== id)
  }
  const wayTo = (id: string, seen: readonly string[]): string[] | undefined => {
    if (id === rule.id) return [...seen, id]
    if (seen.includes(id)) return undefined
    for (const parent of parentsOf(id)) {
      const way = wayTo(parent, [...seen, id])
      if (way) return way
    }
    return undefined
  }
  return rule.parents.flatMap(({ rule: of }, i): Fault[] => {
    const way = of === rule.id ? undefined : wayTo(of, [rule.id])
    return way ? [fault(`parents[${i}].rule`, 'parent-circle', { way: way.join(' → ') })] : []
  })
}
