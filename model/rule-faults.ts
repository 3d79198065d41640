import { CLEANING_GRADES, DEVICE_KINDS, EVERY_DEVICE, LIGHTING_GRADES, type FacilityKind } from './kinds.ts'
import { FACILITY_KINDS } from './kinds.ts'
import { METRIC_IDS, encodeValue, metricDefinition, type MetricId } from './metrics.ts'
import { contradiction } from './rule-logic.ts'
import { SCOPES, applyOverrides, type ScopeKind } from './rule-scopes.ts'
import { SEVERITY_IDS, type Condition, type ParentLink, type Rule, type RuleSubject } from './rules.ts'

/** What is wrong with a rule, and where in it: `when.any[1].atLeast`. */
export interface Fault {
  path: string
  message: string
  /** The same in Chinese, of what a person can run into on the page; without it the English is shown. */
  zh?: string
}

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
    return [
      {
        path: 'subject',
        message: `a rule cannot change what it is about: ${id} is about ${before.subject}`,
        zh: '规则的对象不可更改'
      }
    ]
  }
  const faults: Fault[] = []
  if (!new RegExp(RULE_ID_PATTERN).test(id)) {
    faults.push({
      path: 'id',
      message: 'a new rule has a name of small letters, digits and -, such as bin-lid-open',
      zh: '编号须以小写字母开头，由小写字母、数字和 - 组成，如 bin-lid-open'
    })
  }
  if (subject !== 'device' && !(subject in FACILITY_KINDS)) {
    const kinds = [...Object.keys(FACILITY_KINDS), 'device'].join(', ')
    faults.push({
      path: 'subject',
      message: `a new rule is about one of ${kinds}`,
      zh: `新规则的对象须为 ${kinds} 之一`
    })
  }
  return faults
}

/** What decides for one subject: the rule's own settings, or those of an override over them. */
function decidingFaults(rule: Rule, at: string): Fault[] {
  const { subject, when, clear, ladder } = rule
  const faults = [
    ...conditionFaults(when, { subject, path: `${at}when` }),
    ...conditionFaults(clear, { subject, path: `${at}clear` }),
    ...ladder.flatMap((rung, i) => conditionFaults(rung.when, { subject, path: `${at}ladder[${i}].when` })),
    ...ladderFaults(rule, at),
    ...windowFaults(rule, at)
  ]
  if (faults.length > 0) return faults
  const wrong = contradiction(when, clear)
  return wrong
    ? [{ path: `${at}clear`, message: wrong, zh: '恢复条件与立案条件重叠：同一数值会既立案又恢复' }]
    : []
}

/** Metrics the devices of a subject can report. */
export function metricsFor(subject: RuleSubject): readonly MetricId[] {
  if (subject === 'device') return METRIC_IDS
  if (subject === 'lamp-group') return []
  const fitting = Object.values(DEVICE_KINDS).filter(({ fitsTo }) =>
    (fitsTo as readonly FacilityKind[]).includes(subject)
  )
  return [...new Set([...fitting.flatMap(({ metrics }): readonly MetricId[] => metrics), ...EVERY_DEVICE])]
}

interface Place {
  subject: RuleSubject
  path: string
}

/** Conditions that make sense of some subjects only. */
const ONLY_OF: Record<string, { subjects: readonly RuleSubject[]; what: string }> = {
  lamp: { subjects: ['light'], what: 'whether a lamp is lit' },
  loaded: { subjects: ['compactor'], what: 'the weight of a container' },
  lampsGone: { subjects: ['cabinet'], what: 'the lamps of a cabinet' },
  lightingRate: { subjects: ['lamp-group'], what: 'the lighting rate' },
  serviceDue: { subjects: ['toilet'], what: 'services and visits' },
  odour: { subjects: ['toilet', 'compactor'], what: 'odour limits' },
  silentIntervals: { subjects: ['device'], what: 'silence' },
  reported: { subjects: ['device'], what: 'a report after silence' }
}

/** Whether a condition with this field can be asked of such subjects at all. */
export function canAsk(field: string, subject: RuleSubject): boolean {
  if (subject === 'lamp-group') return field === 'lightingRate'
  if (field === 'noEvent') return subject === 'bin' || subject === 'compactor'
  return ONLY_OF[field]?.subjects.includes(subject) ?? true
}

function conditionFaults(condition: Condition, { subject, path }: Place): Fault[] {
  const part = (one: Condition, at: string) => conditionFaults(one, { subject, path: `${path}.${at}` })
  if ('any' in condition) return condition.any.flatMap((one, i) => part(one, `any[${i}]`))
  if ('all' in condition) return condition.all.flatMap((one, i) => part(one, `all[${i}]`))
  if ('not' in condition) return part(condition.not, 'not')
  for (const [key, { subjects, what }] of Object.entries(ONLY_OF)) {
    if (key in condition && !subjects.includes(subject)) {
      return [
        {
          path,
          message: `${what} can be asked only of ${subjects.join(' or ')}, not of ${subject}`,
          zh: '此对象不适用该条件'
        }
      ]
    }
  }
  if (subject === 'lamp-group') {
    return 'lightingRate' in condition
      ? []
      : [{ path, message: 'a group of lamps is judged by lightingRate only', zh: '路灯组只能按亮灯率判定' }]
  }
  if ('noEvent' in condition) {
    const of = condition.noEvent === 'emptying' ? 'bin' : 'compactor'
    return subject === of
      ? []
      : [{ path, message: `no ${condition.noEvent} can be asked only of ${of}`, zh: '此对象不适用该条件' }]
  }
  return 'metric' in condition ? metricFaults(condition, { subject, path }) : []
}

type OfMetric = Extract<Condition, { metric: MetricId }>

function metricFaults(condition: OfMetric, { subject, path }: Place): Fault[] {
  const known = metricsFor(subject)
  const other =
    'atLeastMetric' in condition
      ? condition.atLeastMetric
      : 'belowMetric' in condition
        ? condition.belowMetric
        : undefined
  for (const metric of [condition.metric, ...(other ? [other] : [])]) {
    if (known.includes(metric)) continue
    const zh = `此对象的设备不上报 ${metric}`
    return [{ path, message: `no device of a ${subject} reports ${metric}; it has ${known.join(', ')}`, zh }]
  }
  const { metric } = condition
  const { kind, min, max, unit } = metricDefinition(metric)
  const discrete = kind === 'flag' || kind === 'state'
  if ('is' in condition || 'isNot' in condition) {
    const encoded = encodeValue(metric, 'is' in condition ? condition.is : condition.isNot)
    return 'expected' in encoded
      ? [{ path, message: `${metric} is ${encoded.expected}`, zh: `${metric} 不会取此值` }]
      : []
  }
  if ('unchanged' in condition) {
    return kind === 'counter'
      ? []
      : [{ path, message: `only a counter counts on; ${metric} is none`, zh: `${metric} 不是计数值` }]
  }
  if (discrete)
    return [
      { path, message: `${metric} is compared with is or isNot`, zh: `${metric} 只能用“等于”或“不等于”` }
    ]
  const limit =
    'atLeast' in condition
      ? condition.atLeast
      : 'atMost' in condition
        ? condition.atMost
        : 'above' in condition
          ? condition.above
          : 'below' in condition
            ? condition.below
            : undefined
  if (limit !== undefined && (limit < min || limit > max)) {
    return [
      {
        path,
        message: `${metric} lies between ${min} and ${max} ${unit}, so ${limit} decides nothing`,
        zh: `取值须在 ${min} 至 ${max} ${unit} 之间`
      }
    ]
  }
  if ('risesBy' in condition && condition.risesBy > max - min) {
    const zh = `升幅不会超过 ${max - min} ${unit}`
    return [{ path, message: `${metric} cannot rise by more than ${max - min} ${unit}`, zh }]
  }
  return []
}

function ladderFaults({ severity, ladder }: Rule, at: string): Fault[] {
  let last = SEVERITY_IDS.indexOf(severity)
  return ladder.flatMap((rung, i) => {
    const next = SEVERITY_IDS.indexOf(rung.severity)
    const before = SEVERITY_IDS[last]
    if (next >= last) {
      return [
        {
          path: `${at}ladder[${i}].severity`,
          message: `must be worse than ${before}, which it follows`,
          zh: '级别须高于前一级'
        }
      ]
    }
    last = next
    return []
  })
}

function windowFaults({ windows }: Rule, at: string): Fault[] {
  return windows.flatMap(({ from, to }, i) => {
    const path = `${at}windows[${i}]`
    if (from === to)
      return [
        {
          path,
          message: 'begins when it ends; for the whole day leave the windows out',
          zh: '起止时间相同；如需全天生效，请删除时段'
        }
      ]
    return from === '24:00'
      ? [{ path: `${path}.from`, message: 'a window begins before 24:00', zh: '起始时间须早于 24:00' }]
      : []
  })
}

const SUBJECTS_OF: Record<ParentLink['via'], { child: readonly RuleSubject[]; parent: RuleSubject }> = {
  cabinet: { child: ['light', 'device'], parent: 'cabinet' },
  gateway: { child: ['device'], parent: 'device' }
}

function parentFaults({ id, subject, parents }: Rule, rules: readonly Rule[]): Fault[] {
  return parents.flatMap(({ rule, via }, i): Fault[] => {
    const path = `parents[${i}]`
    const parent = rule === id ? { subject } : rules.find(one => one.id === rule)
    const { child, parent: wanted } = SUBJECTS_OF[via]
    if (!parent) return [{ path: `${path}.rule`, message: `there is no rule ${rule}` }]
    if (parents.findIndex(one => one.rule === rule && one.via === via) < i) {
      return [{ path, message: 'is there twice' }]
    }
    if (!child.includes(subject)) {
      return [{ path: `${path}.via`, message: `only a ${child.join(' or ')} has a ${via}, not a ${subject}` }]
    }
    if (parent.subject === wanted) return []
    return [{ path: `${path}.rule`, message: `${rule} is about ${parent.subject}, not about a ${wanted}` }]
  })
}

const CLASSES: Partial<Record<ScopeKind, readonly string[]>> = {
  toiletClass: ['1', '2', '3'],
  lightingGrade: LIGHTING_GRADES,
  cleaningGrade: CLEANING_GRADES
}

/** What is wrong with a scope, or undefined. */
export function scopeFault(scope: string, knows: RuleSurroundings['knows']): string | undefined {
  const colon = scope.indexOf(':')
  const kind = SCOPES.find(one => one === scope.slice(0, colon))
  const value = scope.slice(colon + 1)
  if (!kind) return `expected one of ${SCOPES.map(one => `${one}:…`).join(', ')}, came ${scope}`
  const values = CLASSES[kind]
  if (values) return values.includes(value) ? undefined : `${kind} is one of ${values.join(', ')}`
  return knows(kind as 'facility' | 'road' | 'area', value) ? undefined : `there is no ${kind} ${value}`
}

function overrideFaults(rule: Rule, knows: RuleSurroundings['knows']): Fault[] {
  const seen = new Set<string>()
  return rule.overrides.flatMap((override, i): Fault[] => {
    const path = `overrides[${i}]`
    const wrong = scopeFault(override.scope, knows)
    if (wrong !== undefined) return [{ path: `${path}.scope`, message: wrong }]
    if (seen.has(override.scope))
      return [{ path: `${path}.scope`, message: `${override.scope} is there twice` }]
    seen.add(override.scope)
    if (Object.keys(override.set).length === 0) return [{ path: `${path}.set`, message: 'changes nothing' }]
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
    const message = known
      ? `silence has its rule already: ${known.id}`
      : `${rule.id} is not about silence, and that stays`
    return [{ path: 'when', message, zh: '失联已有专门规则，不能另设' }]
  }
  if (all.some(({ when }) => !('silentIntervals' in when))) {
    const message = `${rule.id} is about silence: silentIntervals alone`
    return [{ path: 'when', message, zh: '失联规则只能按未上报的周期数判定' }]
  }
  return all.some(({ clear }) => !('reported' in clear))
    ? [
        {
          path: 'clear',
          message: 'silence ends with a report: {"reported": true}',
          zh: '失联须以收到上报为恢复条件'
        }
      ]
    : []
}
