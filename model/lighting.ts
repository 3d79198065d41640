import type { Label } from './label.ts'

/** Where lighting rates (亮灯率) are counted; tickets follow only from roads and from grades of a district. */
export const LIGHTING_LEVELS = {
  city: { label: { en: 'City', zh: '全市' } },
  district: { label: { en: 'District', zh: '区' } },
  grade: { label: { en: 'District and grade', zh: '区·道路等级' } },
  street: { label: { en: 'Street', zh: '街道' } },
  grid: { label: { en: 'Grid', zh: '网格' } },
  road: { label: { en: 'Road', zh: '道路' } }
} as const satisfies Record<string, { label: Label }>
export type LightingLevel = keyof typeof LIGHTING_LEVELS

/** The lighting of one place now. Each lamp counts once in a place: lit + dark + unknown + out = lamps. */
export interface LightingRate {
  level: LightingLevel
  /** Of the road or area; of a grade `{district}:{grade}`; of the city the root area's. */
  id: string
  name: string
  lamps: number
  /** Of those that should be lit now: lit, dark, and not heard of since they should be. */
  lit: number
  dark: number
  unknown: number
  /** Not in the count: announced work, a cabinet without power, or they need not be lit now. */
  out: number
  /** Lit ÷ should be lit in percent, unknown lamps counted as dark and as lit; null: none should be lit. */
  ratePct: { min: number; max: number } | null
  /** What the rule asks of a road or grade; null where no ticket follows. */
  targetPct: number | null
  /** The open ticket of the rule, if there is one. */
  ticket: string | null
}
