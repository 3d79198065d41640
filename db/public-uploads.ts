import { createHash, randomBytes } from 'node:crypto'
import { and, count, eq, gt, inArray, isNull, lt, or, sum } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { AppError } from '#model/errors'
import { REPORTER } from '#model/report-follow'
import type { PublicUpload } from '#model/report-follow-shapes'
import { days, hours, type Clock, type Millis } from '#model/time'
import type { Attachments } from './attachments.ts'
import type { Database } from './database.ts'
import type { Photo } from './photo.ts'
import { inTransaction } from './postgres/transaction.ts'
import { attachments as photos, publicUploads } from './schema.ts'

/** Photos of people without an account: kept like all others, but few, and under a name that is of use once. */
export interface PublicUploads {
  /** Rejects with `too-many-requests` or `attachments-full` before a photo is read. */
  refuseOver(): Promise<void>
  keep(photo: Photo): Promise<PublicUpload>
  /**
   * The attachments behind these names, from now on those of `report`: asked again for the same report they are the same.
   * Rejects with `bad-request` when one is unknown, too old or of another report; then none is taken.
   */
  take(ids: readonly string[], report: string): Promise<string[]>
}

/** An office can look at so many; a photo takes about half a megabyte. */
const A_DAY = 1000
/** Of the room for photos: the rest is the crews'. */
const SHARE_OF_ROOM = 0.25
const LIFE_MS = hours(1)
/** A report is repeated within a day, if at all. */
const KEPT_MS = days(7)

const hashOf = (id: string): string => createHash('sha256').update(id).digest('hex')

export function publicUploadsOf(options: {
  db: Database
  attachments: Attachments
  clock: Clock
  aDay?: number
}): PublicUploads {
  const { db, attachments, clock, aDay = A_DAY } = options

  async function bytesOfReporters(): Promise<number> {
    const [row] = await db
      .select({ bytes: sum(photos.bytes) })
      .from(photos)
      .where(eq(photos.who, REPORTER))
    return Number(row?.bytes ?? 0)
  }

  const free = (now: Millis) => and(isNull(publicUploads.report), gt(publicUploads.at, now - LIFE_MS))

  return {
    async refuseOver() {
      const today = gt(publicUploads.at, clock.now() - days(1))
      const [row] = await db.select({ n: count() }).from(publicUploads).where(today)
      if ((row?.n ?? 0) >= aDay)
        throw new AppError('too-many-requests', 'No more photos today. The report can be sent without one.')
      if ((await bytesOfReporters()) >= attachments.usage().maxBytes * SHARE_OF_ROOM)
        throw new AppError(
          'attachments-full',
          'There is no room for photos. The report can be sent without one.'
        )
    },

    async keep(photo) {
      const at = clock.now()
      const { id: attachment } = await attachments.keep(photo, { who: REPORTER, at })
      const id = randomBytes(16).toString('base64url')
      await db.delete(publicUploads).where(lt(publicUploads.at, at - KEPT_MS))
      await db.insert(publicUploads).values({ hash: hashOf(id), attachment, at })
      return { id, expiresAt: new Date(at + LIFE_MS).toISOString() }
    },

    async take(ids, report) {
      if (ids.length === 0) return []
      const hashes = ids.map(hashOf)
      const mine = or(eq(publicUploads.report, report), free(clock.now()))
      const rows = await inTransaction(db.$client, async client => {
        const taken = await drizzle(client)
          .update(publicUploads)
          .set({ report })
          .where(and(inArray(publicUploads.hash, hashes), mine))
          .returning({ hash: publicUploads.hash, attachment: publicUploads.attachment })
        if (taken.length === hashes.length) return taken
        throw new AppError('bad-request', 'body/photos: a photo is not known any more, take it again')
      })
      const found = new Map(rows.map(({ hash, attachment }) => [hash, attachment]))
      // The same photo twice is one.
      return [...new Set(hashes.flatMap(hash => found.get(hash) ?? []))]
    }
  }
}
