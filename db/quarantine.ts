import { and, desc, eq, sql } from 'drizzle-orm'
import type { QuarantineReason } from '#model/telemetry'
import type { QuarantineItem } from '#model/api'
import { AppError } from '#model/errors'
import type { Database } from './database.ts'
import { quarantine } from './schema.ts'

const SHOWN_BYTES = 4096

export interface QuarantineFilter {
  device?: string
  reason?: QuarantineReason
  limit?: number
  cursor?: string
}

/** Newest first. `cursor` is the one of the page before. */
export async function listQuarantine(
  db: Database,
  { device, reason, limit = 100, cursor }: QuarantineFilter
): Promise<{ items: QuarantineItem[]; nextCursor: string | null }> {
  const before = cursor === undefined ? undefined : placeOf(cursor)
  const rows = await db
    .select({
      seq: quarantine.seq,
      no: quarantine.no,
      receivedAt: quarantine.receivedAt,
      device: quarantine.device,
      reason: quarantine.reason,
      path: quarantine.path,
      detail: quarantine.detail,
      payload: sql<Buffer>`substring(${quarantine.payload} from 1 for ${sql.raw(String(SHOWN_BYTES))})`
    })
    .from(quarantine)
    .where(
      and(
        device === undefined ? undefined : eq(quarantine.device, device),
        reason === undefined ? undefined : eq(quarantine.reason, reason),
        before && sql`(${quarantine.seq}, ${quarantine.no}) < (${before.seq}, ${before.no})`
      )
    )
    .orderBy(desc(quarantine.seq), desc(quarantine.no))
    .limit(limit + 1)
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return {
    items: page.map(({ seq, no, receivedAt, reason, payload, ...rest }) => ({
      id: `${seq}-${no}`,
      receivedAt: new Date(receivedAt).toISOString(),
      reason: reason as QuarantineReason,
      payload: payload.toString('utf8'),
      ...rest
    })),
    nextCursor: rows.length > limit && last ? `${last.seq}-${last.no}` : null
  }
}

function placeOf(cursor: string): { seq: number; no: number } {
  const [, seq, no] = /^(\d{1,15})-(\d{1,9})$/.exec(cursor) ?? []
  if (seq === undefined) throw new AppError('bad-request', 'cursor: not one of this list')
  return { seq: Number(seq), no: Number(no) }
}
