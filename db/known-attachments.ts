import { inArray } from 'drizzle-orm'
import type { Database } from './database.ts'
import { attachments } from './schema.ts'

/** Which of these photos were never taken in. */
export async function unknownAttachments(db: Database, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return []
  const rows = await db
    .select({ id: attachments.id })
    .from(attachments)
    .where(inArray(attachments.id, [...ids]))
  const known = new Set(rows.map(({ id }) => id))
  return ids.filter(id => !known.has(id))
}
