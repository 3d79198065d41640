import type { TicketDetail, TicketSummary } from '#model/api'
import { api } from '$lib/api.ts'

/** Tickets this page has read: where the signal ends, they are still there to work on. Gone with a reload. */
const seen = new Map<string, { ticket: TicketDetail; at: number }>()
const MOST = 60

export const lastSeen = (id: string) => seen.get(id)

/** `at`: the server's time when it said so. */
export function seenNow(ticket: TicketDetail, at: number): void {
  seen.delete(ticket.id)
  seen.set(ticket.id, { ticket, at })
  const [oldest] = seen.keys()
  if (seen.size > MOST && oldest !== undefined) seen.delete(oldest)
}

/** What of a ticket the list tells, to know whether it was read since it changed. */
export const stampOf = ({ id, state, dueAt, clearedAt, asked, severity }: TicketSummary): string =>
  [id, state, dueAt, clearedAt, asked, severity].join(' ')

/** Reads ahead what is not known yet, or changed, one after the other; what fails is read when it is opened. */
export async function readAhead(tickets: readonly TicketSummary[], now: () => number): Promise<void> {
  for (const summary of tickets.slice(0, MOST)) {
    const { id } = summary
    const known = seen.get(id)?.ticket
    if (known && stampOf(known) === stampOf(summary)) continue
    try {
      seenNow(await api<TicketDetail>(`/api/tickets/${encodeURIComponent(id)}`), now())
    } catch {
      return
    }
  }
}
