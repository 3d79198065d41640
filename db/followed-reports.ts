import { and, asc, eq, inArray, sql } from 'drizzle-orm'
import type { Millis } from '#model/time'
import type { Database } from './database.ts'
import { ratings, reports, ticketEvents, tickets } from './schema.ts'

/** A report with the case it has become part of, for who follows it. */
export interface FollowedCase {
  report: typeof reports.$inferSelect
  ticket: typeof tickets.$inferSelect
  /** The states it went through since it was reported, oldest first; of every ticket it was part of, while it was. */
  moves: { at: Millis; to: string }[]
  rating: { stars: number; comment: string | null; at: Millis } | undefined
}

/** A case was merged or opened again so often at most. */
const TICKETS_AT_MOST = 20

/** The case of the report whose code has this hash. Undefined when there is none. */
export async function followedCase(db: Database, codeHash: string): Promise<FollowedCase | undefined> {
  const [report] = await db.select().from(reports).where(eq(reports.codeHash, codeHash))
  if (!report) return undefined
  const moves: FollowedCase['moves'] = []
  let id = report.ticket
  let since = report.at
  for (let i = 0; i < TICKETS_AT_MOST; i++) {
    const [ticket] = await db.select().from(tickets).where(eq(tickets.id, id))
    if (!ticket) return undefined
    const events = await db
      .select()
      .from(ticketEvents)
      .where(eq(ticketEvents.ticket, id))
      .orderBy(asc(ticketEvents.no))
    const again = events.findLast(({ action }) => action === 'reopen' || action === 'recheck-failed')
    const next = ticket.mergedInto ?? again?.data?.['ticket']
    // A merge ends nothing for who waits.
    const its = events.flatMap(({ at, to, action }) =>
      to === null || action === 'merge' ? [] : [{ at, to }]
    )
    const asItStood = its.findLast(({ at }) => at <= since)
    if (asItStood) moves.push({ ...asItStood, at: since })
    moves.push(...its.filter(({ at }) => at > since))
    if (typeof next === 'string') {
      id = next
      since = (ticket.mergedInto === null ? again?.at : ticket.closedAt) ?? since
      continue
    }
    const [rating] = await db
      .select()
      .from(ratings)
      .where(and(eq(ratings.ticket, id), eq(ratings.report, report.id)))
    return { report, ticket, moves, rating }
  }
  return undefined
}

/**
 * Of each of these tickets the reports by whose code it may be followed: its own, and those of the tickets that went into it or that
 * it opened again. Oldest first; without any a ticket is left out.
 */
export async function followersOf(
  db: Database,
  ids: readonly string[]
): Promise<Map<string, readonly string[]>> {
  if (ids.length === 0) return new Map()
  const { rows } = await db.execute<{ whole: string; followers: string[] }>(sql`
    with recursive part(whole, ticket) as (
      select id, id from ${tickets} where ${inArray(tickets.id, [...ids])}
      union
      select part.whole, before.id from part cross join lateral (
        select id from ${tickets} where merged_into = part.ticket
        union
        select coalesce(data ->> 'ticket', data ->> 'reworkOf') from ${ticketEvents}
        where ticket = part.ticket and action in ('joined', 'open')
      ) as before(id) where before.id is not null
    )
    select part.whole, array_agg(said.id order by said.at, said.id) as followers
    from part join ${reports} as said on said.ticket = part.ticket
    where said.code_hash is not null group by part.whole`)
  return new Map(rows.map(({ whole, followers }) => [whole, followers]))
}

/** What reporters said of these tickets, oldest first. */
export const ratingsOf = (db: Database, ids: readonly string[]): Promise<(typeof ratings.$inferSelect)[]> =>
  db
    .select()
    .from(ratings)
    .where(inArray(ratings.ticket, [...ids]))
    .orderBy(asc(ratings.at), asc(ratings.report))
