import type { TicketSummary } from '#model/api'
import type { CrewItem } from '#model/crews'
import { forget, recall, remember } from '$lib/memory.ts'

/** The list of one's own tickets as this phone last had it, and the crews it was of. */
export interface Mine {
  who: string
  /** The server's time of it. */
  at: number
  crews: Pick<CrewItem, 'id' | 'name'>[]
  tickets: TicketSummary[]
}
const NAME = 'mine'
const MOST = 60

export const keepMine = (mine: Mine): void =>
  remember(NAME, JSON.stringify({ ...mine, tickets: mine.tickets.slice(0, MOST) }))

export function lastMine(who: string): Mine | undefined {
  try {
    const mine = JSON.parse(recall(NAME) ?? 'null') as Mine | null
    return mine?.who === who && Array.isArray(mine.tickets) ? mine : undefined
  } catch {
    return undefined
  }
}

export const forgetMine = (): void => forget(NAME)
