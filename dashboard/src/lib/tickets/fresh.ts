import type { TicketSummary } from '#model/api'
import { minutes, type Millis } from '#model/time'

/** So long it catches the eye. */
const FRESH_MS = minutes(3)

/** An open ticket that just came. */
export const isFresh = ({ openedAt, closedAt }: TicketSummary, now: Millis): boolean =>
  closedAt === null && now - Date.parse(openedAt) < FRESH_MS
