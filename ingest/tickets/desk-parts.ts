import type { EvidenceRow } from '#db/schema'
import type { TicketActionBody, TicketRatingBody, TicketReportBody, ChangeBody } from '#model/changes'
import type { FacilityKind } from '#model/kinds'
import type { Plan } from '#model/plans'
import type { Facility } from '#model/registry'
import type { Rule } from '#model/rules'
import type { TicketPolicy } from '#model/ticket-policy'
import type { Millis } from '#model/time'
import type { EpisodeRow, TicketRow } from '../effects.ts'
import type { Timed } from '../rules/timers.ts'

/** A ticket in memory: its row, how many events it has, and what it waits for beyond that. Saved whole as JSON. */
export interface OpenTicket {
  row: TicketRow
  events: number
  /** The episode that is going on, if one is. */
  episode?: EpisodeRow | undefined
  /** When a crew is looked for; null: nobody looks. */
  dispatchAt: Millis | null
  /** When an operator is asked because nobody claimed what is clear. */
  askAt: Millis | null
  /** Its rule names what verifies a claim: that the episode is over is not enough. */
  needsProof?: boolean
  /** When a report last met that, nothing having met what begins the rule since. */
  provenAt?: Millis | null
  /** Nobody was on shift when a crew was looked for, and that was told. */
  unmanned?: boolean
  /** Reporters who may follow it: the names of their reports. */
  followers?: Follower[]
}

export interface Follower {
  report: string
  /** Rated it already. */
  rated: boolean
}

export interface Fired {
  /** As it counts for this subject. */
  rule: Rule
  /** Of each overridden field the scope it comes from. */
  sources?: Record<string, string>
  subject: string
  startedAt: Millis
  firedAt: Millis
  /** Journal time: deadlines run from here. */
  openedAt: Millis
  /** Names the ticket where one of the same episode was merged before; else `startedAt` does. */
  idFrom?: Millis
  evidence: EvidenceRow[]
  facility: Facility | undefined
  area: string | null
  /** By when it must be resolved, in journal time, if its clocks never stand still. */
  dueAt: Millis
}

/** Every change that tickets take. */
export type TicketChange =
  | TicketActionBody
  | TicketReportBody
  | TicketRatingBody
  | Extract<ChangeBody, { kind: 'ticket-policy' | 'plan' | 'service' }>

/** What came of a change. `quiet`: its person ended an episode that still goes on; nothing may begin before `until`. */
export type Outcome =
  | { refused: string }
  | {
      refused?: undefined
      facility: string | null
      quiet?: { rule: string; subject: string; until: Millis }
    }

/** What happened that rules must know. */
export type Fact =
  /** The facility was cleaned. */
  | { kind: 'service'; facility: string; at: Millis }
  | { kind: 'closed'; rule: string; subject: string; ticket: string; at: Millis }

/** A timer of a ticket or a plan in the heap of the rules. */
export interface TicketTimer extends Timed {
  readonly what: 'ticket'
  /** A ticket's id, or `plan:` and a plan's. */
  readonly key: string
}

/** Who is told and sent, by area, as data says at that moment. */
export interface Addressees {
  crewFor(place: { area: string; kind: FacilityKind | null; at: Millis }): { id: string } | undefined
  /** Whether there is any crew at all; absent: there is. Without one nobody is missed on shift. */
  anybody?(): boolean
  /** 街长: 1 is the highest, 3 the nearest. */
  chiefOf(area: string, level: 1 | 2 | 3): { username: string | null; name: string } | undefined
  unitOf(area: string): string | undefined
  /** Whether somebody works in a crew; absent: whoever asked has seen to it. */
  isOf?(username: string, crew: string): boolean
}

/** A plan with the window it waits for, and who has done it in that. */
export interface PlanState {
  plan: Plan
  from: Millis
  until: Millis
  doneAt: Millis | null
  doneBy: string | null
}

/** What is remembered longest of a ticket that was done: whether the next one is rework. */
export interface DoneTicket {
  /** Rule and subject. */
  key: string
  id: string
  at: Millis
  reworkWithinMs: Millis
}

/** One item of what a checkpoint keeps of the desk. */
export type SavedItem =
  | OpenTicket
  /** Over: kept for a while, or for its second look. */
  | { ended: OpenTicket; kept: boolean; recheck: boolean }
  /** Over so long that only its reporters may still say something of it. */
  | { rateable: OpenTicket }
  | { done: DoneTicket }
  | { bare: EpisodeRow }
  | { plan: PlanState }
  | { policy: TicketPolicy; now: Millis }
