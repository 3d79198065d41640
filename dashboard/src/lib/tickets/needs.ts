import type { TicketSummary } from '#model/api'
import { TICKET_SOURCES } from '#model/tickets'

/** What an open ticket waits for, as somebody at the desk sorts them. */
export const NEEDS_OF = {
  check: ({ state, source }) => state === 'new' && TICKET_SOURCES[source].personMade,
  answer: ({ asked }) => asked !== null,
  verify: ({ verification }) => verification === 'person',
  report: ({ verification }) => verification === 'report',
  suspected: ({ suspectedFalse }) => suspectedFalse,
  paused: ({ paused }) => paused !== null
} as const satisfies Record<string, (ticket: TicketSummary) => boolean>
export type TicketNeed = keyof typeof NEEDS_OF
export const NEED_IDS = Object.keys(NEEDS_OF) as TicketNeed[]
