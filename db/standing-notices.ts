import { and, eq, inArray, isNull, lte, sql, type SQL } from 'drizzle-orm'
import { NOTIFICATION_KINDS, type NotificationKind } from '#model/tickets'
import type { Millis } from '#model/time'
import type { Database } from './database.ts'
import { notifications, tickets } from './schema.ts'

type TicketRow = typeof tickets.$inferSelect

export interface StandingNotice {
  ticket: TicketRow
  /** It waits for whoever was told. */
  asks: boolean
  /** The newest of each kind, newest first. */
  told: { kind: NotificationKind; at: Millis }[]
}

/** The crew it was sent to has it still: what was said to the one before is settled. */
const isTheirs = sql`${notifications.addressee} in ('crew:' || ${tickets.crew}, 'unit:' || ${tickets.unit})`
/** Nobody says it is done, no sensor says it is over, and nobody gave it more time. */
const isUndone = sql`${tickets.claimedAt} is null and ${tickets.clearedAt} is null and ${tickets.deferredUntil} is null`
const isSent = sql`${tickets.state} = 'dispatched'`
const hasNobody = sql`${tickets.crew} is null and ${tickets.unit} is null`

/** As long as which of an open ticket what was told is still so. A new kind does not compile without one. */
const STANDS: Record<Exclude<NotificationKind, 'recheck'>, SQL> = {
  dispatched: sql`${isSent} and ${isTheirs}`,
  transferred: sql`${isSent} and ${isTheirs}`,
  // Where it had no crew the operators were told.
  returned: sql`${isSent} and (${isTheirs} or (${hasNobody} and ${notifications.addressee} = 'role:operator'))`,
  refused: sql`${tickets.state} = 'new'`,
  'to-check': sql`${tickets.state} = 'new'`,
  nobody: sql`${tickets.clearedAt} is null and (${tickets.state} = 'new' or (${isSent} and ${hasNobody}))`,
  asked: sql`${tickets.asked} is not null`,
  answered: sql`true`,
  colour: isUndone,
  escalated: isUndone,
  'no-report': sql`${tickets.verification} = 'person'`,
  'to-verify': sql`${tickets.verification} = 'person'`,
  'claim-missing': sql`${tickets.clearedAt} is not null and ${tickets.claimedAt} is null`
}

const ofOpen = sql.join(
  Object.entries(STANDS).map(([kind, holds]) => sql`when ${kind} then ${holds}`),
  sql` `
)
/** Its first line is that of the index `tickets_waiting`: the cost is that of the tickets that wait, not of all that was ever told. */
const stands = sql`(${tickets.closedAt} is null or ${tickets.recheck} = 'due') and (
  (${tickets.closedAt} is null and case ${notifications.kind} ${ofOpen} else false end)
  or (${notifications.kind} = 'recheck' and ${tickets.recheck} = 'due'))`

const isStanding = (addressees: string[]) =>
  and(inArray(notifications.addressee, addressees), isNull(notifications.readAt), stands)

/**
 * What the addressees were told, nobody has read and is still so, by ticket: those that wait for whoever was told first, then
 * the newest. It is read off the tickets as they are now: what was settled meanwhile is not there, without anybody marking it;
 * what begins to be so again is. `tickets` is how many there are in all, `items` at most `limit` of them.
 */
export async function standingNotices(
  db: Database,
  { addressees, limit }: { addressees: string[]; limit: number }
): Promise<{ items: StandingNotice[]; tickets: number }> {
  const newest = sql<Date>`max(${notifications.at})`
  const asks = sql<boolean>`bool_or(${inArray(notifications.kind, ASKING)})`
  const found = await db
    .select({
      id: notifications.ticket,
      asks,
      told: sql<
        Record<string, string>
      >`jsonb_object_agg(${notifications.kind}, ${notifications.at} order by ${notifications.at})`,
      all: sql<number>`(count(*) over ())::int`
    })
    .from(notifications)
    .innerJoin(tickets, eq(tickets.id, notifications.ticket))
    .where(isStanding(addressees))
    .groupBy(notifications.ticket)
    .orderBy(sql`${asks} desc`, sql`${newest} desc`, notifications.ticket)
    .limit(limit)
  const ids = found.map(({ id }) => id)
  const rows = ids.length === 0 ? [] : await db.select().from(tickets).where(inArray(tickets.id, ids))
  const byId = new Map(rows.map(row => [row.id, row]))
  return {
    tickets: found[0]?.all ?? 0,
    items: found.flatMap(({ id, asks, told }) => {
      const ticket = byId.get(id)
      return ticket ? [{ ticket, asks, told: newestFirst(told) }] : []
    })
  }
}

/** Marks what stands and was told until then as read, of one ticket or of all, for everybody it is addressed to. */
export async function readStanding(
  db: Database,
  read: { addressees: string[]; until: Millis; ticket?: string | undefined; at: Millis }
): Promise<void> {
  const { addressees, until, ticket, at } = read
  await db
    .update(notifications)
    .set({ readAt: at })
    .from(tickets)
    .where(
      and(
        eq(tickets.id, notifications.ticket),
        isStanding(addressees),
        lte(notifications.at, until),
        ticket === undefined ? undefined : eq(notifications.ticket, ticket)
      )
    )
}

const ASKING = (Object.keys(NOTIFICATION_KINDS) as NotificationKind[]).filter(
  kind => NOTIFICATION_KINDS[kind].asks
)

/** Of several moments of one kind Postgres keeps the last, the newest. */
const newestFirst = (told: Record<string, string>): StandingNotice['told'] =>
  Object.entries(told)
    .map(([kind, at]) => ({ kind: kind as NotificationKind, at: Date.parse(at) }))
    .sort((a, b) => b.at - a.at)
