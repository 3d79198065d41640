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
  /** Fields of the body that were found out here and not asked for: they may be others when the request is repeated. */
  found?: readonly string[]
}

export interface SubmittedChange {
  id: number
  subject: string
  body: ChangeBody
  requestedAt: Millis
  /** The rules have committed it. */
  applied: boolean
  /** Why it was refused when its turn came. */
  refused: string | null
}

/**
 * Appends what a person asked for; the rules take it up from there. A repeated key answers with the change of the first
 * time. Rejects with `conflict` when the key was used for something else.
 */
export async function submitChange(db: Database, request: ChangeRequest): Promise<SubmittedChange> {
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
  if (row) return { id: row.id, subject, body, requestedAt, applied: false, refused: null }
  const before = await repeatedChange(db, request)
  if (!before) throw new Error('a change was neither new nor there')
  return before
}

/** What the same person asked for under the same key before. Rejects with `conflict` when that was something else. */
export async function repeatedChange(
  db: Database,
  request: Pick<ChangeRequest, 'who' | 'idempotencyKey' | 'subject' | 'body' | 'found'>
): Promise<SubmittedChange | undefined> {
  const { who, idempotencyKey, subject, body, found = [] } = request
  if (idempotencyKey === undefined) return undefined
  const [row] = await db
    .select()
    .from(changes)
    .where(and(eq(changes.who, who), eq(changes.idempotencyKey, idempotencyKey)))
  if (!row) return undefined
  const asked = (one: unknown) =>
    Object.fromEntries(Object.entries(one as object).filter(([field]) => !found.includes(field)))
  if (row.subject !== subject || !isDeepStrictEqual(asked(row.body), asked(body))) {
    throw new AppError('conflict', 'This Idempotency-Key was used for another request; take a new one.')
  }
  const { id, requestedAt, appliedNo, refused } = row
  return { id, subject, body, requestedAt, applied: appliedNo !== null, refused }
}
