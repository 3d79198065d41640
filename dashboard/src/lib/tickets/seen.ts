import type { TicketDetail, TicketSummary } from '#model/api'
import { api } from '$lib/api.ts'
import { clearShelf, putAway, takeAll, throwAway } from './phone.ts'

/** Tickets as they were last read: where the signal ends, they are still there to work on, also after a reload. */
interface Seen {
  ticket: TicketDetail
  /** The server's time when it said so. */
  at: number
  who: string
}
const seen = new Map<string, Seen>()
const MOST = 60
let whose = ''

export const lastSeen = (id: string) => seen.get(id)

/** Takes what this phone has of `who`; what is of somebody else goes. */
export async function recallSeen(who: string): Promise<void> {
  if (whose === who) return
  whose = who
  seen.clear()
  try {
    const all = (await takeAll('seen')) as Seen[]
    if (all.some(one => one.who !== who)) return await clearShelf('seen')
    for (const one of all.toSorted((a, b) => a.at - b.at)) seen.set(one.ticket.id, one)
  } catch {
    // A browser that keeps nothing: it begins with what is read now.
  }
}

/** Nothing of it is left in this browser. */
export async function forgetSeen(): Promise<void> {
  whose = ''
  seen.clear()
  await clearShelf('seen').catch(() => undefined)
}

/** `at`: the server's time when it said so. */
export function seenNow(ticket: TicketDetail, at: number): void {
  const one = { ticket, at, who: whose }
  seen.delete(ticket.id)
  seen.set(ticket.id, one)
  const [oldest] = seen.keys()
  const tooMany = seen.size > MOST && oldest !== undefined ? [oldest] : []
  tooMany.forEach(id => seen.delete(id))
  void putAway('seen', ticket.id, one)
    .then(() => (tooMany.length > 0 ? throwAway('seen', tooMany) : undefined))
    .catch(() => undefined)
}

/** What of a ticket the list tells, to know whether it was read since it changed. */
export const stampOf = ({ id, state, dueAt, clearedAt, asked, severity }: TicketSummary): string =>
  [id, state, dueAt, clearedAt, asked, severity].join(' ')

let reading: Promise<void> = Promise.resolve()
/**
 * Reads ahead what is not known yet, or changed, one after the other; what fails is read when it is opened. One call after
 * the other too: an answer that is long on its way must not take the place of a newer one.
 */
export const readAhead = (tickets: readonly TicketSummary[], now: () => number): Promise<void> =>
  (reading = reading.then(() => readAll(tickets, now)).catch(() => undefined))

async function readAll(tickets: readonly TicketSummary[], now: () => number): Promise<void> {
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
