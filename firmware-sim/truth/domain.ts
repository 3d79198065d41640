import type { FacilityKind } from '#model/kinds'
import { hours, minutes, type Millis } from '#model/time'

/**
 * The numbers of the specification, written down a second time on purpose: the ground truth must not come from the rules
 * it is there to judge. A number changed in `model/default-rules.ts` is changed here too, or `npm run truth` says so.
 */
export const HOLD_MS = {
  'bin-full': minutes(10),
  'bin-fire': 0,
  'bin-tilted': minutes(5),
  'bin-not-emptied': 0,
  'compactor-full': minutes(10),
  'compactor-fault': minutes(1),
  'station-not-hauled': 0,
  'toilet-odour': minutes(10),
  'station-odour': minutes(10),
  'toilet-crowded': minutes(15),
  'toilet-clean-due': 0,
  'toilet-supplies': minutes(5),
  'toilet-leak': minutes(30),
  'lamp-out': minutes(10),
  'lamp-day-burn': minutes(30),
  'cabinet-dead': minutes(1),
  'lighting-rate': minutes(10),
  'device-silent': 0,
  'battery-low': hours(1)
} as const satisfies Record<string, Millis>
export type RuleId = keyof typeof HOLD_MS
export const RULE_IDS = Object.keys(HOLD_MS) as RuleId[]

/** How long what ends an episode must hold; that it holds is in `sensing.ts`. */
export const CLEAR_FOR_MS: Record<RuleId, Millis> = {
  'bin-full': minutes(2),
  'bin-fire': minutes(10),
  'bin-tilted': 0,
  'bin-not-emptied': 0,
  'compactor-full': 0,
  'compactor-fault': minutes(5),
  'station-not-hauled': 0,
  'toilet-odour': minutes(10),
  'station-odour': minutes(10),
  'toilet-crowded': minutes(5),
  'toilet-clean-due': 0,
  'toilet-supplies': 0,
  'toilet-leak': 0,
  'lamp-out': minutes(5),
  'lamp-day-burn': 0,
  'cabinet-dead': minutes(5),
  'lighting-rate': minutes(10),
  'device-silent': 0,
  'battery-low': 0
}
/** A claim waits for a report at least so long, and at least two expected intervals. */
export const verifyWithinMs = (rule: RuleId): Millis => VERIFY_WITHIN_MS[rule] ?? minutes(30)
const VERIFY_WITHIN_MS: Partial<Record<RuleId, Millis>> = {
  'lamp-out': hours(1),
  'lighting-rate': hours(1),
  'battery-low': hours(2)
}
export const VERIFY_INTERVALS = 2
/** A value says nothing any more after so many expected intervals. */
export const STALE_INTERVALS = 3
/** A clock that is ahead by no more than this is shifted back; more is refused. */
export const AHEAD_MS = minutes(15)
/** An emptying or a haul: a fall of so many points, to so much or less. Of a container full at so many kilograms. */
export const EMPTYING = { fallPct: 30, toPct: 30 } as const
export const FULL_CONTAINER_KG = 10_000
/** Over this share of the limit of odour a ticket is critical, after its hold; up and down. */
export const STENCH = { share: 3, holdMs: minutes(10) } as const

/** A bin is full from here on, unless a road has another threshold. */
export const FULL_PCT = 90
/** How long a rule with a parent waits for it, after its own hold. */
export const PARENT_WAIT_MS = minutes(5)
/** A device is silent after so many expected intervals without a report. */
export const SILENT_INTERVALS = 3
/** A lamp not heard for so many intervals counts as gone with its cabinet. */
export const GONE_INTERVALS = 2
/** After dusk and after dawn nothing is judged for so long, and only samples from after that count. */
export const SUN_GRACE_MS = minutes(15)
/** Lit ÷ should be lit. */
export const LIGHTING_TARGET = 0.98
/** Time since the last service that a toilet may be open without one, and when it is open, in local hours. */
export const CLEAN_EVERY_MS = hours(4)
export const OPENING_HOURS = [6, 22] as const

/** mg/m³ of ammonia by class 1, 2, 3, at 25 °C: ppm = mg/m³ × 24.45 ÷ 17.03. */
const NH3_MG_M3 = { toilet: [0.3, 1, 3], compactor: [1, 1.5, 4] } as const
/** The limit of ammonia in ppm where the facility is; of another place as of a toilet. */
export const nh3LimitPpm = (kind: FacilityKind, placeClass: 1 | 2 | 3 = 2): number =>
  ((NH3_MG_M3[kind === 'compactor' ? 'compactor' : 'toilet'][placeClass - 1] as number) * 24.45) / 17.03
