import { FACILITY_KIND_IDS } from '#model/kinds'
import { metricDefinition, type MetricId } from '#model/metrics'
import { canAsk, metricsFor } from '#model/rule-condition-faults'
import { CONDITIONS } from '#model/rule-shapes'
import { defineRule, type Condition, type Rule, type RuleSubject } from '#model/rules'
import { hours, minutes } from '#model/time'

/** Conditions as a person puts them together: what is looked at, how it is compared, with what. */

/** A metric, or the field that names a condition only some subjects have: `odour`, `lamp`, `noEvent` … */
export type Topic = string
/** A field of `CONDITIONS`, with the choice it makes behind a colon, and `not ` before what is turned round. */
export type Comparison = string

type Plain = Record<string, unknown>
const JOINED = ['any', 'all', 'not']
const KINDS = Object.keys(CONDITIONS).filter(kind => !JOINED.includes(kind))
const OF_METRIC = KINDS.filter(kind => 'metric' in (CONDITIONS[kind] ?? {}))
/** What comes true by itself can only be waited for: its opposite is that it came. */
const TURNED_ROUND = ['noEvent', 'serviceDue']
const TOGETHER: Record<string, Topic> = {
  aboveShare: 'odour',
  atMostShare: 'odour',
  silentIntervals: 'silence',
  reported: 'silence'
}
const topicOfKind = (kind: string): Topic => TOGETHER[kind] ?? kind

/** What a condition without parts is about; undefined: it has parts of its own. */
export function kindOf(condition: Condition): { kind: string; leaf: Plain; negated: boolean } | undefined {
  const negated = 'not' in condition
  const leaf = (negated ? condition.not : condition) as Plain
  const kind = KINDS.find(one => one in leaf)
  return kind && (!negated || TURNED_ROUND.includes(kind)) ? { kind, leaf, negated } : undefined
}

export function topicOf(condition: Condition): Topic | undefined {
  const found = kindOf(condition)
  return found && ('metric' in found.leaf ? (found.leaf['metric'] as MetricId) : topicOfKind(found.kind))
}

export function comparisonOf(condition: Condition): Comparison | undefined {
  const found = kindOf(condition)
  if (!found) return undefined
  const { kind, leaf, negated } = found
  return `${negated ? 'not ' : ''}${kind}${choicesOf(kind).length ? `:${String(leaf[kind])}` : ''}`
}

/** The values of a condition's own field, where it has a closed set of them. */
const choicesOf = (kind: string): readonly string[] =>
  OF_METRIC.includes(kind) ? [] : ((CONDITIONS[kind]?.[kind] as { enum?: readonly string[] }).enum ?? [])

/** What can be asked of such subjects. Silence has a rule of its own and is asked nowhere else. */
export function topicsFor(subject: RuleSubject, present?: Topic): Topic[] {
  const special = KINDS.filter(kind => !OF_METRIC.includes(kind))
    .filter(kind => canAsk(topicOfKind(kind) === 'odour' ? 'odour' : kind, subject))
    .map(topicOfKind)
    .filter(topic => topic !== 'silence' || present === 'silence')
  return [...new Set([...metricsFor(subject), ...special, ...(present ? [present] : [])])]
}

/** How a topic can be compared, for such subjects. */
export function comparisonsOf(topic: Topic, subject: RuleSubject): Comparison[] {
  const metrics = metricsFor(subject)
  if (!(metrics as readonly string[]).includes(topic)) {
    return KINDS.filter(kind => !OF_METRIC.includes(kind) && topicOfKind(kind) === topic).flatMap(kind => {
      const event = kind === 'noEvent' ? (subject === 'bin' ? 'emptying' : 'haul') : undefined
      const choices = choicesOf(kind).filter(choice => event === undefined || choice === event)
      const plain = choices.length ? choices.map(choice => `${kind}:${choice}`) : [kind]
      return TURNED_ROUND.includes(kind) ? [...plain, ...plain.map(one => `not ${one}`)] : plain
    })
  }
  const { kind: metricKind } = metricDefinition(topic as MetricId)
  return OF_METRIC.filter(kind => {
    if (metricKind === 'flag' || metricKind === 'state') return kind === 'is' || kind === 'isNot'
    if (kind === 'unchanged') return metricKind === 'counter'
    return !kind.endsWith('Metric') || othersOf(topic as MetricId, subject).length > 0
  })
}

/** Metrics one can be compared with: numbers in the same unit. */
export function othersOf(metric: MetricId, subject: RuleSubject): MetricId[] {
  const { unit } = metricDefinition(metric)
  return metricsFor(subject).filter(other => {
    const definition = metricDefinition(other)
    const number = definition.kind === 'level' || definition.kind === 'counter'
    return other !== metric && number && definition.unit === unit
  })
}

const FIRST: Plain = {
  withinMs: minutes(5),
  days: 1,
  aboveShare: 1,
  atMostShare: 0.8,
  pct: 80,
  silentIntervals: 3,
  unchanged: true,
  reported: true,
  odour: ['nh3Ppm', 'h2sPpm'],
  serviceDue: { visits: 300, openMs: hours(4) }
}

/** A condition on a topic; what `before` said of the same fields stays where it still makes sense. */
export function conditionOf(
  topic: Topic,
  comparison: Comparison,
  subject: RuleSubject,
  before?: Condition
): Condition {
  const negated = comparison.startsWith('not ')
  const [kind = '', choice] = comparison.replace('not ', '').split(':')
  const old: Plain = before ? (kindOf(before)?.leaf ?? {}) : {}
  const made: Plain = {}
  for (const field of Object.keys(CONDITIONS[kind] ?? {})) {
    if (field.endsWith('?')) continue
    if (field === 'metric') made[field] = topic
    else if (field === kind && choice !== undefined) made[field] = choice
    else if (kind.endsWith('Metric') && field === kind) made[field] = othersOf(topic as MetricId, subject)[0]
    else if (OF_METRIC.includes(kind) && field === kind) made[field] = valueFor(topic as MetricId, kind, old)
    else made[field] = old[field] ?? FIRST[field]
  }
  return (negated ? { not: made } : made) as Condition
}

function valueFor(metric: MetricId, kind: string, old: Plain): unknown {
  const { kind: metricKind, values, min, max, unit } = metricDefinition(metric)
  if (kind === 'unchanged') return true
  if (metricKind === 'flag') return true
  if (values) return values[0]
  const said = Object.entries(old).find(
    ([field, value]) => OF_METRIC.includes(field) && typeof value === 'number'
  )
  const first = unit === '%' ? 50 : 0
  const value = said && old['metric'] === metric ? (said[1] as number) : first
  return kind === 'risesBy' ? Math.max(1, Math.min(max - min, value)) : Math.max(min, Math.min(max, value))
}

/** What is true when a condition is not, said in the same words where there are any. */
export function opposite(condition: Condition): Condition {
  if ('any' in condition) return { all: condition.any.map(opposite) }
  if ('all' in condition) return { any: condition.all.map(opposite) }
  if ('not' in condition) return condition.not
  if ('atLeast' in condition) return { metric: condition.metric, below: condition.atLeast }
  if ('below' in condition) return { metric: condition.metric, atLeast: condition.below }
  if ('above' in condition) return { metric: condition.metric, atMost: condition.above }
  if ('atMost' in condition) return { metric: condition.metric, above: condition.atMost }
  if ('is' in condition) return { metric: condition.metric, isNot: condition.is }
  if ('isNot' in condition) return { metric: condition.metric, is: condition.isNot }
  if ('atLeastMetric' in condition) {
    return { metric: condition.metric, belowMetric: condition.atLeastMetric }
  }
  if ('belowMetric' in condition) return { metric: condition.metric, atLeastMetric: condition.belowMetric }
  if ('loaded' in condition) {
    return { ...condition, loaded: condition.loaded === 'below' ? 'atLeast' : 'below' }
  }
  if ('lampsGone' in condition) {
    return { ...condition, lampsGone: condition.lampsGone === 'below' ? 'atLeast' : 'below' }
  }
  if ('lightingRate' in condition) {
    return { ...condition, lightingRate: condition.lightingRate === 'below' ? 'atLeast' : 'below' }
  }
  if ('aboveShare' in condition) return { odour: condition.odour, atMostShare: condition.aboveShare }
  if ('atMostShare' in condition) return { odour: condition.odour, aboveShare: condition.atMostShare }
  if ('silentIntervals' in condition) return { reported: true }
  if ('lamp' in condition && condition.lamp !== 'off') {
    return { lamp: { dark: 'lit', lit: 'dark', burning: 'off' }[condition.lamp] as 'lit' | 'dark' | 'off' }
  }
  return { not: condition }
}

export interface Parts {
  join: 'any' | 'all'
  parts: readonly Condition[]
}

/** A condition as plain ones joined by one word; undefined: it goes deeper. */
export function partsOf(condition: Condition): Parts | undefined {
  if (kindOf(condition)) return { join: 'any', parts: [condition] }
  const join = 'any' in condition ? 'any' : 'all' in condition ? 'all' : undefined
  const parts = 'any' in condition ? condition.any : 'all' in condition ? condition.all : []
  return join && parts.every(part => kindOf(part)) ? { join, parts } : undefined
}

export const joined = ({ join, parts }: Parts): Condition => {
  const [only] = parts
  if (parts.length === 1 && only) return only
  return join === 'any' ? { any: parts } : { all: parts }
}

/** A new rule may be about these; groups of lamps have theirs. */
export const NEW_SUBJECTS: readonly RuleSubject[] = [...FACILITY_KIND_IDS, 'device']

const FIRST_METRIC: Partial<Record<RuleSubject, MetricId>> = {
  bin: 'fillPct',
  compactor: 'containerFillPct',
  toilet: 'paperPct',
  light: 'activePowerW',
  cabinet: 'supplyVoltageV',
  device: 'batteryPct'
}

/** A rule somebody begins with: switched off until it is right would hide it from the back-test, so it is on. */
export function emptyRule(subject: RuleSubject): Rule {
  const metric = FIRST_METRIC[subject] ?? 'batteryPct'
  const when = conditionOf(metric, 'atLeast', subject)
  return defineRule({
    id: '',
    version: 0,
    label: { en: '', zh: '' },
    why: { en: '', zh: '' },
    subject,
    severity: 'minor',
    when,
    forMs: minutes(10),
    clear: opposite(when),
    clearForMs: 0,
    due: hours(4),
    ticket: { title: { en: '', zh: '' } }
  })
}

/** Another rule like this one, under a name that is free. */
export const copyOf = (rule: Rule): Rule => ({
  ...rule,
  id: '',
  version: 0,
  label: { en: `${rule.label.en} (2)`, zh: `${rule.label.zh}（2）` }
})

/** Groups of lamps and silence have their rules; a second one would say the same. */
export const mayCopy = ({ subject, when }: Rule): boolean =>
  subject !== 'lamp-group' && !('silentIntervals' in when)
