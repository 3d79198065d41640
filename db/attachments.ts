import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, existsSync, type ReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { and, eq, getTableColumns, inArray, lt, sql } from 'drizzle-orm'
import type { AttachmentItem } from '#model/attachment-shapes'
import { AppError } from '#model/errors'
import { days, hours, type Clock, type Millis } from '#model/time'
import type { Database } from './database.ts'
import type { Photo } from './photo.ts'
import { attachments } from './schema.ts'

export interface Attachments {
  /**
   * Keeps a photo: its file is on disk before its row is there. The same photo again is the same attachment, with whoever
   * came first. Rejects with `attachments-full`.
   */
  keep(photo: Photo, from: { who: string; at: Millis }): Promise<AttachmentItem>
  /** Rejects with `not-found`. */
  open(id: string): Promise<{ item: AttachmentItem; bytes: ReadStream }>
  /** Disk taken, and how much may be. */
  usage(): { bytes: number; maxBytes: number }
  /** Takes away what nothing refers to; runs by itself every hour. Answers how many files went. */
  tidy(): Promise<number>
  close(): Promise<void>
}

/** About 40 000 photos. */
const MAX_BYTES = 20_000_000_000
/** The journal and the database need some of the disk, whatever photos would like. */
const LEAVE_FREE_BYTES = 1_000_000_000
/** A file without a row is one that is coming in, or what a crash left. */
const UNKNOWN_AFTER_MS = hours(1)
/** Attached to nothing by then, it never will be. */
const UNNAMED_AFTER_MS = days(7)
const TIDY_EVERY_MS = hours(1)
const FILE = /^([0-9a-f]{64})\.jpg$/

/** The folder of photos in DATA_DIR. */
export const ATTACHMENTS = 'attachments'

export const attachmentPath = (dir: string, id: string): string => join(dir, id.slice(0, 2), `${id}.jpg`)

/** Photos as files in `dir`, named by the SHA-256 of what is in them, with a row each in Postgres. */
export async function fileAttachments(options: {
  db: Database
  dir: string
  clock: Clock
  maxBytes?: number
  /** Stands between file and row; tests end the process here. */
  beforeRow?: () => Promise<void>
  onError?: (error: unknown) => void
}): Promise<Attachments> {
  const { db, dir, clock, maxBytes = MAX_BYTES, beforeRow, onError = () => {} } = options
  await mkdir(dir, { recursive: true, mode: 0o700 })
  let used = await sumOf(db)
  /** What is being written and counts already. */
  let coming = 0
  let last: Promise<unknown> = Promise.resolve()

  /** A file and its row come or go together: one at a time. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = last.then(work)
    last = turn.catch(() => {})
    return turn
  }

  async function refuseFull(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(dir)
    if (used + coming + bytes <= maxBytes && bavail * bsize - coming - bytes >= LEAVE_FREE_BYTES) return
    throw new AppError(
      'attachments-full',
      'There is no room for photos: an administrator must free disk space. The ticket can be sent without one.'
    )
  }

  async function insert(
    id: string,
    photo: Photo,
    { who, at }: { who: string; at: Millis }
  ): Promise<AttachmentItem> {
    const { type, width, height } = photo
    const bytes = photo.bytes.length
    const [row] = await db
      .insert(attachments)
      .values({ id, who, at, type, bytes, width, height })
      // Sent again it is wanted again: its week begins anew.
      .onConflictDoUpdate({ target: attachments.id, set: { at: sql`greatest(attachments.at, excluded.at)` } })
      .returning({ ...getTableColumns(attachments), fresh: sql<boolean>`xmax = 0` })
    if (!row) throw missing(id)
    if (row.fresh) used += bytes
    return itemOf(row)
  }

  async function rowOf(id: string): Promise<Row> {
    const [row] = await db.select().from(attachments).where(eq(attachments.id, id))
    if (!row) throw missing(id)
    return row
  }

  /** Rows that are old and that no change named so far: those that one does name are marked, the others go. */
  async function tidyRows(): Promise<number> {
    const old = clock.now() - UNNAMED_AFTER_MS
    const rows = await db
      .select({ id: attachments.id, bytes: attachments.bytes })
      .from(attachments)
      .where(and(eq(attachments.named, false), lt(attachments.at, old)))
    if (rows.length === 0) return 0
    const { rows: found } = await db.execute<{ id: string }>(sql`
      select distinct (regexp_matches(body::text, '[0-9a-f]{64}', 'g'))[1] as id
      from changes where kind <> 'registry' and body::text ~ '[0-9a-f]{64}'`)
    const named = new Set(found.map(({ id }) => id))
    const [keep, drop] = [rows.filter(({ id }) => named.has(id)), rows.filter(({ id }) => !named.has(id))]
    if (keep.length > 0) {
      const ids = keep.map(({ id }) => id)
      await db.update(attachments).set({ named: true }).where(inArray(attachments.id, ids))
    }
    for (const { id, bytes } of drop) {
      await inTurn(async () => {
        await db.delete(attachments).where(eq(attachments.id, id))
        used -= bytes
        await rm(attachmentPath(dir, id), { force: true })
      })
    }
    return drop.length
  }

  /** Files that no row knows and that are no longer coming in, whole or not. */
  async function tidyFiles(): Promise<number> {
    let gone = 0
    for (const folder of await readdir(dir)) {
      const paths = (await readdir(join(dir, folder)).catch(() => [])).map(name => join(dir, folder, name))
      const old: string[] = []
      for (const path of paths) {
        const found = await stat(path).catch(() => undefined)
        // By the machine's clock, as the file's own time is.
        if (found && Date.now() - found.mtimeMs > UNKNOWN_AFTER_MS) old.push(path)
      }
      const ids = old.map(path => idOf(path)).filter(id => id !== undefined)
      const rows =
        ids.length > 0
          ? await db.select({ id: attachments.id }).from(attachments).where(inArray(attachments.id, ids))
          : []
      const known = new Set(rows.map(({ id }) => id))
      for (const path of old) {
        const id = idOf(path)
        if (id !== undefined && known.has(id)) continue
        await rm(path, { force: true })
        gone++
      }
    }
    return gone
  }

  const tidy = async (): Promise<number> => (await tidyRows()) + (await inTurn(tidyFiles))
  const quietly = () => void tidy().catch(onError)
  const timer = setInterval(quietly, TIDY_EVERY_MS)
  timer.unref()

  return {
    usage: () => ({ bytes: used, maxBytes }),
    tidy,

    async keep(photo, from) {
      const id = createHash('sha256').update(photo.bytes).digest('hex')
      const size = photo.bytes.length
      await refuseFull(size)
      coming += size
      try {
        return await inTurn(async () => {
          await writeSynced(attachmentPath(dir, id), photo.bytes)
          await beforeRow?.()
          return insert(id, photo, from)
        })
      } catch (error) {
        throw isFull(error)
          ? new AppError('attachments-full', 'The disk for photos is full.', { cause: error })
          : error
      } finally {
        coming -= size
      }
    },

    async open(id) {
      const item = itemOf(await rowOf(id))
      const path = attachmentPath(dir, id)
      if (!existsSync(path)) throw missing(id)
      return { item, bytes: createReadStream(path) }
    },

    async close() {
      clearInterval(timer)
      await last
    }
  }
}

/** Whole under its name or not there: written beside, synced, renamed, and the folder synced. */
async function writeSynced(path: string, bytes: Buffer): Promise<void> {
  const folder = dirname(path)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const part = join(folder, `${randomUUID()}.part`)
  try {
    const handle = await open(part, 'wx', 0o600)
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(part, path)
    await syncFolder(folder)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

async function syncFolder(folder: string): Promise<void> {
  // Windows opens no folders and keeps names without it.
  if (process.platform === 'win32') return
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

type Row = typeof attachments.$inferSelect

async function sumOf(db: Database): Promise<number> {
  const [row] = await db
    .select({ sum: sql<string>`coalesce(sum(${attachments.bytes}), 0)` })
    .from(attachments)
  return Number(row?.sum ?? 0)
}

const itemOf = ({ id, who, at, type, bytes, width, height }: Row): AttachmentItem => ({
  id,
  who,
  at: new Date(at).toISOString(),
  type,
  bytes,
  width,
  height
})

const idOf = (path: string): string | undefined => FILE.exec(path.slice(-68))?.[1]
const missing = (id: string): AppError => new AppError('not-found', `There is no attachment ${id}.`)
const isFull = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT'].includes((error as { code?: string }).code ?? '')
