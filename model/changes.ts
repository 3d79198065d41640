import type { AreaDuty, Crew } from './crews.ts'
import type { RegistryRecord } from './registry.ts'
import type { Subject } from './ids.ts'
import type { TicketAction } from './tickets.ts'
import type { Millis } from './time.ts'

/** Everything that can alter a decision, as appended to `changes`. */
export type ChangeBody =
  | { kind: 'registry'; record: RegistryRecord }
  | {
      kind: 'ticket-action'
      ticket: string
      action: TicketAction
      note: string | null
      claimedAt: Millis | null
      quietUntil: Millis | null
    }
  | { kind: 'crew'; crew: Crew }
  /** Who answers for an area. */
  | { kind: 'chief'; duty: AreaDuty }
  /** A crew was there and did what is due; proved by the code on the wall. */
  | { kind: 'service'; facility: string; by: 'scan' }

/** A change as the state consumer meets it. */
export interface Change {
  id: number
  subject: Subject | `ticket:${string}` | `crew:${string}`
  body: ChangeBody
  who: string
  why: string | null
  requestedAt: Millis
  /** Set once applied: the change took effect before this record, as the `appliedNo`-th of all changes. */
  applied: { beforeSeq: number; no: number; at: Millis } | null
}
