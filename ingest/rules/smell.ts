import type { OdourAnswer, OdourReading } from '#model/checklists'
import type { OdourMetric } from '#model/odour-limits'
import type { Condition } from '#model/rules'
import type { Millis } from '#model/time'
import type { OdourBook } from './odour-book.ts'
import { isFresh, isOfHere, type DevicePicture, type FacilityPicture } from './picture.ts'

type Odour = Extract<Condition, { odour: unknown }>
const METRICS: readonly OdourMetric[] = ['nh3Ppm', 'h2sPpm']

/**
 * Whether it smells at a facility at journal time `at`, as its odour sensors say: smell where a reading is over its limit, also
 * one of several; none when all that can be decided is fresh and not over it; else nobody can tell, with the reason. An episode that
 * is still open does not count: it ends ten clean minutes later, and the list is about what is found now.
 */
export function smellAt(facility: FacilityPicture | undefined, at: Millis, odour: OdourBook): OdourAnswer {
  const share = facility ? shareOf(facility) : 1
  const heard = (facility?.devices ?? []).flatMap(device => readingsOf(device, { share, at, odour }))
  const readings = heard.flatMap(({ reading, state }) => (state === 'fresh' && reading ? [reading] : []))
  if (readings.some(({ value, limit }) => value > limit)) return { ok: false, readings }
  if (heard.some(({ state }) => state === 'stale')) return { ok: null, why: 'stale', readings }
  if (readings.length > 0) return { ok: true, readings }
  return { ok: null, why: heard.length > 0 ? 'undecidable' : 'no-sensor', readings }
}

interface Heard {
  state: 'fresh' | 'stale' | 'undecidable'
  reading?: OdourReading
}

function readingsOf(
  device: DevicePicture,
  { share, at, odour }: { share: number; at: Millis; odour: OdourBook }
): Heard[] {
  return METRICS.flatMap((metric): Heard[] => {
    const level = device.levels.get(metric)
    if (!isOfHere(device, level)) return []
    const limit = odour.decidablePpm(device, metric, level.measuredAt)
    if (limit === undefined) return [{ state: 'undecidable' }]
    if (!isFresh(device, level, at)) return [{ state: 'stale' }]
    const { value, measuredAt } = level
    const read = { device: device.device.id, metric, value, limit: limit * share }
    return [{ state: 'fresh', reading: { ...read, at: new Date(measuredAt).toISOString() } }]
  })
}

/** Which part of the limit counts here: the strictest of the rules it stands under, the limit itself without one. */
function shareOf({ rules }: FacilityPicture): number {
  const shares = rules
    .flatMap(({ rule }) => odourOf(rule.when))
    .flatMap(condition => ('aboveShare' in condition ? [condition.aboveShare] : []))
  return shares.length > 0 ? Math.min(...shares) : 1
}

function odourOf(condition: Condition): Odour[] {
  if ('any' in condition) return condition.any.flatMap(odourOf)
  if ('all' in condition) return condition.all.flatMap(odourOf)
  if ('not' in condition) return []
  return 'odour' in condition ? [condition] : []
}
