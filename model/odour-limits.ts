import type { FacilityKind } from './kinds.ts'
import type { MetricId } from './metrics.ts'

/** ppm = mg/m³ × 24.45 ÷ molar mass, at 25 °C and 1 atm. */
const MOLAR_MASS = { nh3Ppm: 17.03, h2sPpm: 34.08 } as const
export type OdourMetric = keyof typeof MOLAR_MASS
export const toPpm = (metric: OdourMetric, mgPerM3: number): number => (mgPerM3 * 24.45) / MOLAR_MASS[metric]

/** mg/m³ by class 1, 2, 3: public toilets by CJJ 14, station boundaries by GB 14554. Dated presets come with contracts. */
const LIMITS_MG_M3 = {
  toilet: { nh3Ppm: [0.3, 1, 3], h2sPpm: [0.01, 0.01, 0.01] },
  compactor: { nh3Ppm: [1, 1.5, 4], h2sPpm: [0.03, 0.06, 0.32] }
} as const satisfies Partial<Record<FacilityKind, Record<OdourMetric, readonly [number, number, number]>>>

/** The limit in ppm for a facility's class (2 when it names none), or undefined where no standard applies. */
export function odourLimitPpm(kind: FacilityKind, metric: MetricId, facilityClass: 1 | 2 | 3 = 2) {
  if (metric !== 'nh3Ppm' && metric !== 'h2sPpm') return undefined
  if (kind !== 'toilet' && kind !== 'compactor') return undefined
  return toPpm(metric, LIMITS_MG_M3[kind][metric][facilityClass - 1] as number)
}
