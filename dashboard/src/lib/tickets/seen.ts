import type { TicketDetail } from '#model/api'
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

/** Reads ahead what is not known yet, one after the other; what fails is read when it is opened. */
export async function readAhead(ids: readonly string[], now: () => number): Promise<void> {
  for (const id of ids.slice(0, MOST)) {
    if (seen.has(id)) continue
    try {
      seenNow(await api<TicketDetail>(`/api/tickets/${encodeURIComponent(id)}`), now())
    } catch {
      return
    }
  }
}
