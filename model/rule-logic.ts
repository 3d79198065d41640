import { encodeValue, metricDefinition, type MetricId } from './metrics.ts'
import type { Condition } from './rules.ts'

/** Values of one variable for which a plain condition is true: `from`, `to` and whether they belong to it. */
interface Stretch {
  from: number
  to: number
  withFrom: boolean
  withTo: boolean
}
const EVERYTHING: Stretch = { from: -Infinity, to: Infinity, withFrom: true, withTo: true }
const atLeast = (from: number): Stretch => ({ ...EVERYTHING, from })
const atMost = (to: number): Stretch => ({ ...EVERYTHING, to })
const above = (from: number): Stretch => ({ ...EVERYTHING, from, withFrom: false })
const below = (to: number): Stretch => ({ ...EVERYTHING, to, withTo: false })
const only = (value: number): Stretch => ({ from: value, to: value, withFrom: true, withTo: true })

/** By variable, the values for which all of a conjunction is true. */
type Box = Map<string, Stretch[]>

/** Beyond so many alternatives nothing is said: a rule like that is judged by its author. */
const MOST_BOXES = 200

/** Whose lighting rate is judged: each may have a target of its own. */
const LIT_PLACES = ['district', 'road', 'small road'] as const
type LitPlace = (typeof LIT_PLACES)[number]

/** Whether a condition judges small roads by how many lamps are dark; what ends a rule has to do as what begins it. */
export const judgesSmallRoads = (condition: Condition): boolean =>
  JSON.stringify(condition).includes('"smallRoads":true')

/**
 * At which values `clear` makes no sense beside `when`, as `fillPct ≥ 90`, or undefined: what ends it must not be true of values
 * that begin it. Looks at each alternative of one with each of the other, by the variables they share.
 */
export function contradiction(when: Condition, clear: Condition): string | undefined {
  const places = JSON.stringify(when).includes('"lightingRate"') ? LIT_PLACES : (['district'] as const)
  for (const place of places) {
    const found = overlap(when, clear, place)
    if (found !== undefined) return found
  }
  return undefined
}

function overlap(when: Condition, clear: Condition, place: LitPlace): string | undefined {
  const [begins, ends] = [boxesOf(when, true, place), boxesOf(clear, true, place)]
  if (!begins || !ends) return undefined
  for (const begin of begins) {
    for (const end of ends) {
      const shared = [...begin.keys()].filter(variable => end.has(variable))
      const overlaps = shared.map(variable =>
        intersect(begin.get(variable) as Stretch[], end.get(variable) as Stretch[])
      )
      if (shared.length === 0 || overlaps.some(overlap => overlap.length === 0)) continue
      const [variable, overlap] = [shared[0] as string, overlaps[0]?.[0] as Stretch]
      return `${nameOf(variable)} ${textOf(overlap)}`
    }
  }
  return undefined
}

const nameOf = (variable: string): string => variable.replace(/^[a-z]+\|/, '')
const textOf = ({ from, to, withFrom, withTo }: Stretch): string => {
  if (from === to) return `= ${from}`
  const low = from === -Infinity ? '' : `${withFrom ? '≥' : '>'} ${from}`
  const high = to === Infinity ? '' : `${withTo ? '≤' : '<'} ${to}`
  return [low, high].filter(Boolean).join(' and ') || '(any value)'
}

/** The alternatives for which a condition is `holds`; undefined: too many. */
function boxesOf(condition: Condition, holds: boolean, place: LitPlace): Box[] | undefined {
  if ('not' in condition) return boxesOf(condition.not, !holds, place)
  const parts = 'any' in condition ? condition.any : 'all' in condition ? condition.all : undefined
  if (!parts) {
    const [variable, stretches] = plain(condition, place)
    return [new Map([[variable, holds ? stretches : complement(stretches)]])]
  }
  const of = parts.map(part => boxesOf(part, holds, place))
  if (of.some(one => one === undefined)) return undefined
  const alternatives = of as Box[][]
  // Not any of them is all of them not.
  if ('any' in condition === holds) {
    const all = alternatives.flat()
    return all.length > MOST_BOXES ? undefined : all
  }
  let boxes: Box[] = [new Map<string, Stretch[]>()]
  for (const part of alternatives) {
    if (boxes.length * part.length > MOST_BOXES) return undefined
    boxes = boxes.flatMap(box => part.map(other => both(box, other)))
  }
  return boxes
}

function both(a: Box, b: Box): Box {
  const joined: Box = new Map(a)
  for (const [variable, stretches] of b) {
    const known = joined.get(variable)
    joined.set(variable, known ? intersect(known, stretches) : stretches)
  }
  return joined
}

const LAMP_STATES = { dark: 0, lit: 1, burning: 2, off: 3 } as const

/** A condition without parts as values of one variable; yes and no are 1 and 0. */
function plain(condition: Condition, place: LitPlace): [string, Stretch[]] {
  const yes: Stretch[] = [only(1)]
  if ('atLeastMetric' in condition)
    return [`pair|${condition.metric} − ${condition.atLeastMetric}`, [atLeast(0)]]
  if ('belowMetric' in condition) return [`pair|${condition.metric} − ${condition.belowMetric}`, [below(0)]]
  if ('risesBy' in condition) return [`rise|${condition.metric} rising`, [atLeast(condition.risesBy)]]
  if ('unchanged' in condition) return [`still|${condition.metric} standing still`, yes]
  if ('metric' in condition) return [`metric|${condition.metric}`, ofMetric(condition)]
  if ('noEvent' in condition) return [`event|days without ${condition.noEvent}`, [atLeast(condition.days)]]
  if ('serviceDue' in condition) {
    const { visits, openMs } = condition.serviceDue
    return [`service|service due after ${visits} visits or ${openMs} ms`, yes]
  }
  if ('aboveShare' in condition) return ['odour|share of the odour limit', [above(condition.aboveShare)]]
  if ('atMostShare' in condition) return ['odour|share of the odour limit', [atMost(condition.atMostShare)]]
  if ('lamp' in condition) return ['lamp|lamp', [only(LAMP_STATES[condition.lamp])]]
  if ('loaded' in condition) {
    return [
      'load|weight in percent of the capacity',
      [condition.loaded === 'below' ? below(condition.pct) : atLeast(condition.pct)]
    ]
  }
  if ('lampsGone' in condition) {
    return [
      'gone|lamps gone',
      [condition.lampsGone === 'below' ? below(condition.pct) : atLeast(condition.pct)]
    ]
  }
  if ('lightingRate' in condition) {
    const { lightingRate, pct, roadPct = pct, smallRoads } = condition
    if (smallRoads && place === 'small road')
      return ['dark|dark lamps', [only(lightingRate === 'below' ? 1 : 0)]]
    const [name, target] =
      place === 'district' ? ['lighting rate', pct] : ['lighting rate of a road', roadPct]
    return [`rate|${name}`, [lightingRate === 'below' ? below(target) : atLeast(target)]]
  }
  return 'silentIntervals' in condition ? ['heard|silence', [only(0)]] : ['heard|silence', yes]
}

function ofMetric(condition: Extract<Condition, { metric: MetricId }>): Stretch[] {
  const { metric } = condition
  if ('atLeast' in condition) return [atLeast(condition.atLeast)]
  if ('atMost' in condition) return [atMost(condition.atMost)]
  if ('above' in condition) return [above(condition.above)]
  if ('below' in condition) return [below(condition.below)]
  const raw = 'is' in condition ? condition.is : 'isNot' in condition ? condition.isNot : 0
  const encoded = encodeValue(metric, raw)
  const stretches = 'value' in encoded ? [only(encoded.value)] : []
  const { kind, min, max } = metricDefinition(metric)
  if ('is' in condition) return stretches
  const others = complement(stretches)
  return kind === 'flag' || kind === 'state'
    ? intersect(others, [{ ...EVERYTHING, from: min, to: max }])
    : others
}

const isEmpty = ({ from, to, withFrom, withTo }: Stretch): boolean =>
  from > to || (from === to && !(withFrom && withTo))

function intersect(a: Stretch[], b: Stretch[]): Stretch[] {
  return a.flatMap(one =>
    b.flatMap(other => {
      const low = one.from > other.from || (one.from === other.from && !one.withFrom) ? one : other
      const high = one.to < other.to || (one.to === other.to && !one.withTo) ? one : other
      const joined = { from: low.from, withFrom: low.withFrom, to: high.to, withTo: high.withTo }
      return isEmpty(joined) ? [] : [joined]
    })
  )
}

function complement(stretches: Stretch[]): Stretch[] {
  return stretches.reduce<Stretch[]>(
    (rest, { from, to, withFrom, withTo }) =>
      intersect(rest, [
        { ...EVERYTHING, to: from, withTo: !withFrom },
        { ...EVERYTHING, from: to, withFrom: !withTo }
      ]),
    [EVERYTHING]
  )
}
