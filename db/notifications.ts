import { and, desc, eq, inArray, isNull, sql } from 'drizzle-orm'
import type { NotificationItem } from '#model/api'
import { AppError } from '#model/errors'
import { NOTIFICATION_KINDS, type NotificationKind } from '#model/tickets'
import type { Millis } from '#model/time'
import type { Database } from './database.ts'
import { notifications } from './schema.ts'

/** What the addressees were told, newest first. `cursor` is the one of the page before. */
export async function listNotifications(
  db: Database,
  query: { addressees: string[]; unread?: boolean | undefined; limit?: number; cursor?: string | undefined }
): Promise<{ items: NotificationItem[]; nextCursor: string | null }> {
  const { addressees, unread, limit = 100, cursor } = query
  const rows = await db
    .select()
    .from(notifications)
    .where(
      and(
        inArray(notifications.addressee, addressees),
        unread ? isNull(notifications.readAt) : undefined,
        cursor === undefined ? undefined : isBefore(cursor)
      )
    )
    .orderBy(desc(notifications.at), desc(notifications.id))
    .limit(limit + 1)
  const items = rows.slice(0, limit).map(itemOf)
  const last = rows[limit - 1]
  return { items, nextCursor: rows.length > limit && last ? `${last.at}.${last.id}` : null }
}

/** Marks one as read, for everybody it is addressed to. False when none of the addressees was told that. */
export async function readNotification(
  db: Database,
  { id, addressees, at }: { id: string; addressees: string[]; at: Millis }
): Promise<boolean> {
  const { rowCount } = await db
    .update(notifications)
    .set({ readAt: sql`coalesce(${notifications.readAt}, ${new Date(at).toISOString()}::timestamptz)` })
    .where(and(eq(notifications.id, id), inArray(notifications.addressee, addressees)))
  return rowCount === 1
}

function isBefore(cursor: string) {
  const [, at, id] = /^(\d{1,14})\.(.+)$/.exec(cursor) ?? []
  if (at === undefined || id === undefined) throw new AppError('bad-request', 'cursor: not one of this list')
  const instant = new Date(Number(at)).toISOString()
  return sql`(${notifications.at}, ${notifications.id}) < (${instant}::timestamptz, ${id})`
}

const itemOf = ({
  id,
  addressee,
  kind,
  ticket,
  at,
  readAt
}: typeof notifications.$inferSelect): NotificationItem => ({
  id,
  addressee,
  kind: kind as NotificationKind,
  label: NOTIFICATION_KINDS[kind as NotificationKind].label,
  ticket,
  at: new Date(at).toISOString(),
  readAt: readAt === null ? null : new Date(readAt).toISOString()
})
