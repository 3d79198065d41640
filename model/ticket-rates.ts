import type { Millis } from './time.ts'
import type { CloseReason } from './tickets.ts'

/** What of a ticket the rates are made of. */
export interface RatedTicket {
  firstDueAt: Millis
  dueAt: Millis
  deferred: boolean
  closedAt: Millis | null
  resolvedAt: Millis | null
  closeReason: CloseReason | null
  returns: number
  rework: boolean
  bornCleared: boolean
  oneStep: boolean
}

export interface Rates {
  due: number
  deferred: number
  closed: number
  onTime: number
  returned: number
  oneStep: number
  closingPct: number | null
  onTimePct: number | null
  reworkPct: number | null
}

/** Percent to two digits, as such rates are written; null when there is nothing to divide by. */
export const pct = (part: number, whole: number): number | null =>
  whole === 0 ? null : Math.round((part / whole) * 10_000) / 100

/** 结案率 = closed ÷ due; 按期结案率 = closed on time ÷ (due − deferred); 返工率 = returned ÷ closed. */
export const ratesOf = (counts: Omit<Rates, 'closingPct' | 'onTimePct' | 'reworkPct'>): Rates => ({
  ...counts,
  closingPct: pct(counts.closed, counts.due),
  onTimePct: pct(counts.onTime, counts.due - counts.deferred),
  reworkPct: pct(counts.returned, counts.closed)
})

/** What of a period is counted; a ticket stands in several of them. */
export const CASE_COUNT_IDS = ['due', 'deferred', 'closed', 'onTime', 'returned', 'oneStep'] as const
export type CaseCount = (typeof CASE_COUNT_IDS)[number]

/**
 * As what a ticket counts whose time, as opened, was up before `to`. Deferred: an approved deferral moved it to `to` or later, and
 * it is still open then. Closed counts only until `to`, so that a past period never changes. Born cleared, merged and void are no cases; one-step
 * cases are counted apart. The definition; db/ticket-rates.ts says it in SQL.
 */
export function countedAs(ticket: RatedTicket, to: Millis): readonly CaseCount[] {
  const { closeReason, closedAt, resolvedAt } = ticket
  if (ticket.bornCleared || closeReason === 'void' || closeReason === 'merged') return []
  if (ticket.oneStep) return ['oneStep']
  const closed = closedAt !== null && closedAt < to
  if (!closed) return ticket.deferred && ticket.dueAt >= to ? ['due', 'deferred'] : ['due']
  const as: CaseCount[] = ['due', 'closed']
  if ((resolvedAt ?? closedAt) <= ticket.dueAt) as.push('onTime')
  if (ticket.returns > 0 || ticket.rework) as.push('returned')
  return as
}

/** The rates of cases whose time, as opened, was up before `to`. */
export function countRates(tickets: Iterable<RatedTicket>, to: Millis): Rates {
  const counts = { due: 0, deferred: 0, closed: 0, onTime: 0, returned: 0, oneStep: 0 }
  for (const ticket of tickets) for (const as of countedAs(ticket, to)) counts[as]++
  return ratesOf(counts)
}
