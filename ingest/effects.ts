import type { episodes, ticketEvents, tickets } from '#db/schema'

export type TicketRow = typeof tickets.$inferSelect
export type EpisodeRow = typeof episodes.$inferSelect
export type TicketEventRow = typeof ticketEvents.$inferSelect

/** What the rules did to the database since the last commit: whole rows, newest state, nothing twice. */
export interface Effects {
  tickets: Map<string, TicketRow>
  episodes: Map<string, EpisodeRow>
  events: TicketEventRow[]
}

export const noEffects = (): Effects => ({ tickets: new Map(), episodes: new Map(), events: [] })
