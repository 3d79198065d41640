import type {
  Counts,
  Episode,
  FacilityDetail,
  FacilityQuery,
  FacilitySummary,
  SystemState,
  TicketQuery,
  TicketSummary
} from './api.ts'

/**
 * `/api/live`. The client says what it looks at; the server answers with a snapshot of it, then with changes,
 * conflated to at most four a second: a slow reader misses steps between, never the last one. Something arrives at
 * least every second, so silence means the link is dead.
 */
export type LiveView =
  | { view: 'facilities'; query: FacilityQuery }
  | { view: 'facility'; id: string }
  | { view: 'tickets'; query: TicketQuery }
  | { view: 'none' }

export interface ClientMessage {
  type: 'look'
  /** Echoed in the answers, so that a late change of the view before is known as such. */
  ask: number
  at: LiveView
}

/** Counts every page shows. */
export interface LiveTotals {
  counts: Counts
  openTickets: number
  overdueTickets: number
}

export interface FacilitiesPicture {
  view: 'facilities'
  /** How many match; `items` are the worst `limit` of them, worst first. */
  total: number
  items: FacilitySummary[]
}
export interface FacilityPicture {
  view: 'facility'
  /** Null: no such facility. */
  facility: FacilityDetail | null
  /** Newest first, at most 100. */
  episodes: Episode[]
  tickets: TicketSummary[]
}
export interface TicketsPicture {
  view: 'tickets'
  total: number
  items: TicketSummary[]
}

export type ServerMessage =
  | {
      type: 'snapshot'
      ask: number
      at: string
      system: SystemState
      totals: LiveTotals
      picture: FacilitiesPicture | FacilityPicture | TicketsPicture | { view: 'none' }
    }
  | {
      type: 'changes'
      ask: number
      at: string
      /** Only what differs from the picture before. */
      system?: SystemState
      totals?: LiveTotals
      total?: number
      /** New or changed items of a list view, whole. */
      upsert?: (FacilitySummary | TicketSummary)[]
      /** The list's ids in order, when it changed; ids not in it leave the page. */
      order?: string[]
      /** A facility page's picture is small: sent whole when anything in it changed. */
      facility?: Omit<FacilityPicture, 'view'>
    }
  | { type: 'alive'; at: string }
  | { type: 'refused'; ask: number; reason: string }

/** A client that hears nothing for this long says so on the page. */
export const LINK_DEAD_MS = 4000
export const ALIVE_EVERY_MS = 1000
/** Conflation: a view is sent at most this often. */
export const CONFLATE_MS = 250
