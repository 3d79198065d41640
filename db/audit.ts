import { desc, lt } from 'drizzle-orm'
import type { AuditAction, AuditItem } from '#model/people'
import type { Millis } from '#model/time'
import type { Database } from './database.ts'
import { audit } from './schema.ts'

export interface AuditEntry {
  at: Millis
  who: string
  action: AuditAction
  /** The account it was done to. */
  subject: string
  /** Never a secret. */
  detail?: Record<string, unknown>
  why?: string | null | undefined
}

/** Where the reason lies in `detail`; no field of an account is called so. */
const WHY = 'why'

/** Writes down what was done, in the transaction that does it. */
export async function note(
  db: Pick<Database, 'insert'>,
  { detail = {}, why, ...entry }: AuditEntry
): Promise<void> {
  await db.insert(audit).values({ ...entry, detail: { ...detail, ...(why && { [WHY]: why }) } })
}

/** Newest first; `cursor` is the one of the page before. */
export async function listAudit(
  db: Database,
  { limit = 100, cursor }: { limit?: number | undefined; cursor?: string | undefined }
): Promise<{ items: AuditItem[]; nextCursor: string | null }> {
  const before = cursor === undefined ? Infinity : Number(cursor)
  const rows = await db
    .select()
    .from(audit)
    .where(Number.isSafeInteger(before) ? lt(audit.id, before) : undefined)
    .orderBy(desc(audit.id))
    .limit(limit + 1)
  const items = rows.slice(0, limit).map(({ id, at, who, action, subject, detail }) => ({
    id: String(id),
    at: new Date(at).toISOString(),
    who,
    action: action as AuditAction,
    subject,
    why: typeof detail[WHY] === 'string' ? detail[WHY] : null,
    detail: Object.fromEntries(Object.entries(detail).filter(([field]) => field !== WHY))
  }))
  return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
}
