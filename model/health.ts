import type { Label } from './label.ts'

/** Worst first. A facility shows the worst that applies; all that apply are listed with their reasons. */
export const HEALTHS = {
  fault: { label: { en: 'Fault', zh: '故障' } },
  warning: { label: { en: 'Warning', zh: '预警' } },
  silent: { label: { en: 'Silent', zh: '失联' } },
  undecidable: { label: { en: 'Undecidable', zh: '无法判定' } },
  maintenance: { label: { en: 'Maintenance', zh: '检修' } },
  ok: { label: { en: 'OK', zh: '正常' } },
  unknown: { label: { en: 'No data yet', zh: '暂无数据' } }
} as const satisfies Record<string, { label: Label }>

export type Health = keyof typeof HEALTHS
/** In order, worst first: the index is the rank. */
export const HEALTH_IDS = Object.keys(HEALTHS) as Health[]

const RANK = new Map(HEALTH_IDS.map((health, rank) => [health, rank]))
export const healthRank = (health: Health): number => RANK.get(health) ?? HEALTH_IDS.length

/** The worst of what applies; `ok` when nothing does. */
export const worstHealth = (healths: Iterable<Health>): Health =>
  [...healths].reduce<Health>((worst, next) => (healthRank(next) < healthRank(worst) ? next : worst), 'ok')
