import { and, eq } from 'drizzle-orm'
import { isDeepStrictEqual } from 'node:util'
import type { Change, ChangeBody } from '#model/changes'
import { AppError } from '#model/errors'
import type { Millis } from '#model/time'
import type { Database } from './database.ts'
import { changes } from './schema.ts'

export interface ChangeRequest {
  subject: Change['subject']
  body: ChangeBody
  who: string
  why: string | null
  requestedAt: Millis
  /** The sender's own name for this request: repeated by the same person it is the same change. */
  idempotencyKey?: string | undefined
}

/** The change a person asked for under a key before, if any. */
export async function changeByKey(
  db: Database,
  { who, idempotencyKey }: { who: string; idempotencyKey: string }
): Promise<{ id: number; subject: string; body: ChangeBody } | undefined> {
  const [row] = await db
    .select({ id: changes.id, subject: changes.subject, body: changes.body })
    .from(changes)
    .where(and(eq(changes.who, who), eq(changes.idempotencyKey, idempotencyKey)))
  return row && { ...row, body: row.body as ChangeBody }
}

/**
 * Appends what a person asked for; the rules take it up from there. Returns its id, the same one again for a repeated
 * key. Rejects with `conflict` when the key was used for something else.
 */
export async function submitChange(db: Database, request: ChangeRequest): Promise<number> {
  const { subject, body, who, why, requestedAt, idempotencyKey } = request
  const [row] = await db
    .insert(changes)
    .values({
      kind: body.kind,
      subject,
      body,
      who,
      why,
      requestedAt,
      idempotencyKey: idempotencyKey ?? null
    })
    .onConflictDoNothing({ target: [changes.who, changes.idempotencyKey] })
    .returning({ id: changes.id })
  if (row) return row.id
  const before = await changeByKey(db, { who, idempotencyKey: idempotencyKey as string })
  if (before && before.subject === subject && isDeepStrictEqual(before.body, body)) return before.id
  throw new AppError('conflict', 'This Idempotency-Key was used for another request; take a new one.')
}
