import type { AnsweredChecklist } from './checklists.ts'
import type { AreaDuty, Crew } from './crews.ts'
import type { RegistryRecord } from './registry.ts'
import type { Subject } from './ids.ts'
import type { MaintenanceWindow } from './maintenance.ts'
import type { OdourLimits } from './odour-limits.ts'
import type { Rule } from './rules.ts'
import type { Plan } from './plans.ts'
import type { TicketKind } from './ticket-kinds.ts'
import type { TicketPolicy } from './ticket-policy.ts'
import type { Role, TicketAction, TicketSource } from './tickets.ts'
import type { Millis } from './time.ts'

/** What a person does to a ticket. */
export interface TicketActionBody {
  kind: 'ticket-action'
  ticket: string
  action: TicketAction
  note: string | null
  /** When the phone says it happened. */
  claimedAt: Millis | null
  quietUntil: Millis | null
  /** Whose it was when they did it; changes from before this was written have none. */
  role?: Role
  /** Of a deferral. */
  until?: Millis
  /** Of an extension. */
  extendMs?: Millis
  /** Who is sent; of a transfer a crew or a unit. */
  crew?: string
  unit?: string
  /** The ticket that this one is the same as. */
  into?: string
  /** Ids of attachments. */
  photos?: string[]
  /** What was looked at on the spot. */
  checklist?: AnsweredChecklist
}

/** What a person saw. `report` names it, and the ticket too unless it joins one. */
export interface TicketReportBody {
  kind: 'ticket-report'
  report: string
  what: TicketKind
  source: TicketSource
  subject: Subject
  lat: number | null
  lon: number | null
  note: string | null
  photos: string[]
  /** Found and put right on the spot. */
  oneStep: boolean
  /** Whose it was; somebody without an account has none. */
  role?: Role
  /** SHA-256 of the code by which the reporter follows it, in hex. */
  codeHash?: string
}

/** What a reporter says of how it ended. */
export interface TicketRatingBody {
  kind: 'ticket-rating'
  ticket: string
  report: string
  /** 1 to 5. */
  stars: number
  comment: string | null
}

/** Everything that can alter a decision, as appended to `changes`. */
export type ChangeBody =
  | { kind: 'registry'; record: RegistryRecord }
  | TicketActionBody
  | TicketReportBody
  | TicketRatingBody
  | { kind: 'ticket-policy'; policy: TicketPolicy }
  | { kind: 'plan'; plan: Plan }
  | { kind: 'crew'; crew: Crew }
  /** Who answers for an area. */
  | { kind: 'chief'; duty: AreaDuty }
  | { kind: 'rule'; rule: Rule }
  /** All of the odour limits, the earliest first. */
  | { kind: 'odour-limits'; version: number; items: readonly OdourLimits[] }
  | { kind: 'maintenance'; window: MaintenanceWindow }
  /** The clock that days, shifts and opening hours are told by: an IANA name. */
  | { kind: 'city'; timeZone: string }
  /** A crew was there and did what is due; proved by the code on the wall. */
  | { kind: 'service'; facility: string; by: 'scan' }

/** A change as the state consumer meets it. */
export interface Change {
  id: number
  subject:
    Subject | `${'ticket' | 'crew' | 'plan' | 'policy'}:${string}` | `rule:${string}` | `city:${string}`
  body: ChangeBody
  who: string
  why: string | null
  requestedAt: Millis
  /** Set once applied: it took effect before this record, as the `no`-th of all changes, or was refused with this reason. */
  applied: { beforeSeq: number; no: number; at: Millis; refused: string | null } | null
}
