import type { episodes, notifications, planRuns, ratings, reports, ticketEvents, tickets } from '#db/schema'

export type TicketRow = typeof tickets.$inferSelect
export type EpisodeRow = typeof episodes.$inferSelect
export type TicketEventRow = typeof ticketEvents.$inferSelect
export type NotificationRow = typeof notifications.$inferSelect
export type ReportRow = typeof reports.$inferSelect
export type RatingRow = typeof ratings.$inferSelect
export type PlanRunRow = typeof planRuns.$inferSelect

/** What the rules did to the database since the last commit: whole rows, newest state, nothing twice. */
export interface Effects {
  tickets: Map<string, TicketRow>
  episodes: Map<string, EpisodeRow>
  events: TicketEventRow[]
  notifications: NotificationRow[]
  reports: ReportRow[]
  ratings: RatingRow[]
  planRuns: PlanRunRow[]
}

export const noEffects = (): Effects => ({
  tickets: new Map(),
  episodes: new Map(),
  events: [],
  notifications: [],
  reports: [],
  ratings: [],
  planRuns: []
})

export const isIdle = (effects: Effects): boolean =>
  effects.tickets.size +
    effects.episodes.size +
    effects.events.length +
    effects.notifications.length +
    effects.reports.length +
    effects.ratings.length +
    effects.planRuns.length ===
  0

/** As a commit takes them. */
export const rowsOf = (effects: Effects) => ({
  ...effects,
  tickets: [...effects.tickets.values()],
  episodes: [...effects.episodes.values()]
})
