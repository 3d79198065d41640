import type { FacilityKind } from './kinds.ts'
import type { Label } from './label.ts'
import type { MetricId } from './metrics.ts'

/** ppm = mg/m³ × 24.45 ÷ molar mass, at 25 °C and 1 atm. */
const MOLAR_MASS = { nh3Ppm: 17.03, h2sPpm: 34.08 } as const
export type OdourMetric = keyof typeof MOLAR_MASS
export const ODOUR_METRICS = Object.keys(MOLAR_MASS) as OdourMetric[]
export const toPpm = (metric: OdourMetric, mgPerM3: number): number => (mgPerM3 * 24.45) / MOLAR_MASS[metric]

/** Where a standard gives limits. */
export const ODOUR_KINDS = ['toilet', 'compactor'] as const satisfies readonly FacilityKind[]
export type OdourKind = (typeof ODOUR_KINDS)[number]
export type ClassLimits = readonly [number, number, number]
export type OdourTable = Record<OdourKind, Record<OdourMetric, ClassLimits>>

/** Limits as a standard or a contract gives them, from a day on. */
export interface OdourLimits {
  /** The day of the city from which on they count, `2026-01-31`. */
  from: string
  name: Label
  /** mg/m³ by class 1, 2, 3. */
  limits: OdourTable
}

/**
 * What is shipped: public toilets by CJJ 14 (edition of 2016, in force from that December on), station boundaries by GB 14554.
 * Before the first day of a list its first entry counts.
 */
export const SHIPPED_ODOUR_LIMITS: readonly OdourLimits[] = [
  {
    from: '2016-12-01',
    name: { en: 'CJJ/T 14 and GB 14554', zh: 'CJJ/T 14、GB 14554' },
    limits: {
      toilet: { nh3Ppm: [0.3, 1, 3], h2sPpm: [0.01, 0.01, 0.01] },
      compactor: { nh3Ppm: [1, 1.5, 4], h2sPpm: [0.03, 0.06, 0.32] }
    }
  }
]

/** The limit in ppm for a facility's class (2 when it names none), or undefined where no standard applies. */
export function odourLimitPpm(
  { kind, facilityClass = 2 }: { kind: FacilityKind; facilityClass?: 1 | 2 | 3 | undefined },
  metric: MetricId,
  limits: OdourTable
): number | undefined {
  if (metric !== 'nh3Ppm' && metric !== 'h2sPpm') return undefined
  if (kind !== 'toilet' && kind !== 'compactor') return undefined
  return toPpm(metric, limits[kind][metric][facilityClass - 1] as number)
}
