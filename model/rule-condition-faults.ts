import { DEVICE_KINDS, EVERY_DEVICE, type FacilityKind } from './kinds.ts'
import type { Label } from './label.ts'
import { METRIC_IDS, encodeValue, metricDefinition, type MetricId } from './metrics.ts'
import { fault, type Fault } from './rule-fault-texts.ts'
import type { Condition, RuleSubject } from './rules.ts'

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
const ONLY_OF: Record<string, { subjects: readonly RuleSubject[]; what: Label }> = {
  lamp: { subjects: ['light'], what: { en: 'whether a lamp is lit', zh: '路灯亮灭' } },
  loaded: { subjects: ['compactor'], what: { en: 'the weight of a container', zh: '箱体重量' } },
  lampsGone: { subjects: ['cabinet'], what: { en: 'the lamps of a cabinet', zh: '配电柜所供路灯' } },
  lightingRate: { subjects: ['lamp-group'], what: { en: 'the lighting rate', zh: '亮灯率' } },
  serviceDue: { subjects: ['toilet'], what: { en: 'services and visits', zh: '保洁与人次' } },
  odour: { subjects: ['toilet', 'compactor'], what: { en: 'odour limits', zh: '臭气限值' } },
  silentIntervals: { subjects: ['device'], what: { en: 'silence', zh: '失联' } },
  reported: { subjects: ['device'], what: { en: 'a report after silence', zh: '失联后的上报' } }
}

/** Whether a condition with this field can be asked of such subjects at all. */
export function canAsk(field: string, subject: RuleSubject): boolean {
  if (subject === 'lamp-group') return field === 'lightingRate'
  if (field === 'noEvent') return subject === 'bin' || subject === 'compactor'
  return ONLY_OF[field]?.subjects.includes(subject) ?? true
}

/** What makes no sense in a condition of the right shape, asked of such subjects. */
export function senseFaults(condition: Condition, { subject, path }: Place): Fault[] {
  const part = (one: Condition, at: string) => senseFaults(one, { subject, path: `${path}.${at}` })
  if ('any' in condition) return condition.any.flatMap((one, i) => part(one, `any[${i}]`))
  if ('all' in condition) return condition.all.flatMap((one, i) => part(one, `all[${i}]`))
  if ('not' in condition) return part(condition.not, 'not')
  for (const [key, { subjects, what }] of Object.entries(ONLY_OF)) {
    if (key in condition && !subjects.includes(subject)) {
      return [fault(path, 'not-of-subject', { what, subjects: subjects.join(' or '), subject })]
    }
  }
  if (subject === 'lamp-group') {
    return 'lightingRate' in condition ? [] : [fault(path, 'only-lighting-rate')]
  }
  if ('noEvent' in condition) {
    const of = condition.noEvent === 'emptying' ? 'bin' : 'compactor'
    return subject === of ? [] : [fault(path, 'no-event-of', { event: condition.noEvent, subject: of })]
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
    return [fault(path, 'not-reported', { subject, metric, known: known.join(', ') })]
  }
  const { metric } = condition
  const { kind, min, max, unit } = metricDefinition(metric)
  const discrete = kind === 'flag' || kind === 'state'
  if ('is' in condition || 'isNot' in condition) {
    const encoded = encodeValue(metric, 'is' in condition ? condition.is : condition.isNot)
    return 'expected' in encoded ? [fault(path, 'not-a-value', { metric, expected: encoded.expected })] : []
  }
  if ('unchanged' in condition) return kind === 'counter' ? [] : [fault(path, 'no-counter', { metric })]
  if (discrete) return [fault(path, 'not-a-level', { metric })]
  const limit = limitOf(condition)
  if (limit !== undefined && (limit < min || limit > max)) {
    return [fault(path, 'outside-range', { metric, min, max, unit, limit })]
  }
  if ('risesBy' in condition && condition.risesBy > max - min) {
    return [fault(path, 'rises-too-far', { metric, most: max - min, unit })]
  }
  return []
}

function limitOf(condition: OfMetric): number | undefined {
  if ('atLeast' in condition) return condition.atLeast
  if ('atMost' in condition) return condition.atMost
  if ('above' in condition) return condition.above
  return 'below' in condition ? condition.below : undefined
}
