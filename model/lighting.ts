import type { LightingGrade } from './kinds.ts'
import type { Label } from './label.ts'
import type { Condition } from './rules.ts'

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
export const LIGHTING_LEVEL_IDS = Object.keys(LIGHTING_LEVELS) as LightingLevel[]

/** What a lamp counts as now. `out`: announced work, a cabinet without power, or it need not be lit. */
export const LAMP_VIEWS = ['lit', 'dark', 'unknown', 'out'] as const
export type LampView = (typeof LAMP_VIEWS)[number]

/** Lamps of one place; lit + dark + unknown + out = lamps. */
export interface LampCounts {
  lamps: number
  /** Of those that should be lit now: lit, dark, and not heard of since they should be. */
  lit: number
  dark: number
  unknown: number
  /** Not in the count: announced work, a cabinet without power, or they need not be lit now. */
  out: number
}

/** Against what is asked: surely under it, nobody can tell while lamps are unknown, or surely not under it. */
export const LIGHTING_STANDINGS = ['under', 'unsure', 'met'] as const
export type LightingStanding = (typeof LIGHTING_STANDINGS)[number]

/** The lighting of one place now. Each lamp counts once in a place. */
export interface LightingRate extends LampCounts {
  level: LightingLevel
  /** Of the road or area; of a grade `{district}:{grade}`; of the city the root area's. */
  id: string
  /** Of a grade: its district's. */
  name: string
  /** Of a grade, and of a road that has one. */
  grade: LightingGrade | null
  /** Where it lies. */
  areaName: string | null
  /** Lit ÷ should be lit in percent, unknown lamps counted as dark and as lit; null: none should be lit. */
  ratePct: { min: number; max: number } | null
  /** What the rule asks of a road or grade; null where no ticket follows, and where dark lamps are counted. */
  targetPct: number | null
  /** So many may be dark on a small road that is judged by them; null: it is judged by its rate. */
  darkAllowed: number | null
  /** Null where nothing is asked, or no lamp should be lit. */
  standing: LightingStanding | null
  /** The open ticket of the rule, if there is one. */
  ticket: string | null
}

/** Roads of fewer lamps may be judged by how many are dark: so many are allowed from so many lamps on. */
const SMALL_ROAD_LAMPS = 200
const SMALL_ROADS = [
  { from: 150, allowed: 4 },
  { from: 100, allowed: 3 },
  { from: 0, allowed: 2 }
] as const

type LightingCondition = Extract<Condition, { lightingRate: unknown }>

/** What is asked of lamps judged together: so much of their light, or so few dark ones. */
export type LightingTarget = { pct: number } | { dark: number }

/** What a condition asks of a road or a district's grade. */
export function lightingTarget(
  { pct, roadPct, smallRoads }: LightingCondition,
  { isRoad, lamps }: { isRoad: boolean; lamps: number }
): LightingTarget {
  if (isRoad && smallRoads && lamps < SMALL_ROAD_LAMPS) {
    return { dark: (SMALL_ROADS.find(({ from }) => lamps >= from) ?? SMALL_ROADS[2]).allowed }
  }
  return { pct: isRoad ? (roadPct ?? pct) : pct }
}

/** In percent, unknown lamps counted as dark and as lit; undefined: no lamp should be lit. */
export function rateRange(counts: Omit<LampCounts, 'unknown'>): { min: number; max: number } | undefined {
  const { lamps, lit, dark, out } = counts
  const total = lamps - out
  return total > 0 ? { min: (100 * lit) / total, max: (100 * (total - dark)) / total } : undefined
}

/** Against a target, whatever the lamps do that nobody has heard of. Where none should be lit it is met. */
export function lightingStanding(
  target: LightingTarget,
  counts: Omit<LampCounts, 'unknown'>
): LightingStanding {
  if ('dark' in target) {
    const { lamps, lit, dark, out } = counts
    return dark > target.dark ? 'under' : lamps - out - lit <= target.dark ? 'met' : 'unsure'
  }
  const { min, max } = rateRange(counts) ?? { min: 100, max: 100 }
  return max < target.pct ? 'under' : min >= target.pct ? 'met' : 'unsure'
}
