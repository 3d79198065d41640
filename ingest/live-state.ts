import type {
  DeviceQuery,
  DeviceState,
  FacilityDetail,
  FacilityQuery,
  FacilitySummary,
  SystemState,
  TicketDetail,
  TicketQuery,
  TicketsNow,
  TicketSummary
} from '#model/api'
import type { Sight } from '#db/ticket-sight'
import type { LiveTotals } from '#model/live'
import type { Area } from '#model/registry'
import type { Millis } from '#model/time'
import type { TicketPolicy } from '#model/ticket-policy'
import type { TicketRow } from './effects.ts'
import type { PlanState } from './tickets/desk.ts'

export interface ListPage<T> {
  items: T[]
  nextCursor: string | null
  /** How many match in all. */
  total: number
}

/** The live picture, from memory: nothing here waits for a disk. */
export interface LiveState {
  /** Worst first, then by id; `cursor` is the one of the page before. */
  facilities(query: FacilityQuery): ListPage<FacilitySummary>
  facility(id: string): FacilityDetail | undefined
  /** Open tickets only, most urgent first; of them what `sight` may see. */
  openTickets(query: TicketQuery, sight?: Sight): ListPage<TicketSummary>
  /** The first few of what waits, of what is due next and of what came last. */
  ticketsNow(sight?: Sight): TicketsNow
  /** Whether the rules have it open. It may be a moment before the database has it, and longer while that is away. */
  hasOpenTicket(id: string): boolean
  devices(query: DeviceQuery): ListPage<DeviceState>
  areas(): Area[]
  /** A stored ticket in words: names as they are now. */
  describeTicket(row: TicketRow): TicketSummary
  /** Both clocks of a ticket as of now. */
  clocksOf(row: TicketRow): TicketDetail['clocks']
  plans(): PlanState[]
  ticketPolicy(): TicketPolicy
  /** Dated bindings of a facility, for reading its history. */
  devicesOf(facility: string): { device: string; from: Millis; to?: Millis }[]
  totals(): LiveTotals
  system(): SystemState
  /** Journal time the rules have reached, or the clock when nothing was received yet. */
  now(): Millis
  /** Grows with every change of anything above; cheap to compare. */
  version(): number
  /** Of one facility: grows when its detail, its tickets or its episodes change; 0 when there is none. */
  facilityVersion(id: string): number
}

/** Handing a change to the rules and hearing what became of it. */
export interface ChangeDesk {
  /**
   * Call after the change row is committed. Resolves once the rules have applied and committed it; `refused` says
   * why it no longer made sense when its turn came. Rejects with `not-applied-yet` after `timeoutMs` (10 s): the
   * change stays in line and will be applied.
   */
  applied(changeId: number, timeoutMs?: number): Promise<{ refused: string | null }>
}
