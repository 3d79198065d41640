import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { leveldbJournal } from '#db/journal-leveldb'
import type { Journal } from '#db/journal'
import { connectPostgres } from '#db/postgres/connect'
import { startEmbeddedPostgres } from '#db/postgres/embedded'
import { AppError } from '#model/errors'
import { systemClock } from '#model/time'
import type { Config } from '../config.ts'
import { silentLog } from '../log.ts'

/** The database of a Mingjie that does not run, its own or the one of `DATABASE_URL`. */
export async function openDatabase(config: Config): Promise<{ pool: pg.Pool; close(): Promise<void> }> {
  const embedded = config.databaseUrl
    ? undefined
    : await startEmbeddedPostgres({ dataDir: config.dataDir, log: silentLog })
  const pool = connectPostgres(embedded ? { embedded } : { databaseUrl: config.databaseUrl as string })
  return {
    pool,
    async close() {
      await pool.end()
      await embedded?.close()
    }
  }
}

/** Its journal; undefined while Mingjie runs, which holds it. Rejects with `not-found` when there is none. */
export async function openJournal({ dataDir }: Config): Promise<Journal | undefined> {
  const dir = join(dataDir, 'journal')
  if (!existsSync(dir)) throw new AppError('not-found', `There is no data of Mingjie in ${dataDir}.`)
  try {
    return await leveldbJournal({ dir, clock: systemClock })
  } catch (error) {
    if (error instanceof AppError && error.code === 'journal-locked') return undefined
    throw error
  }
}

/**
 * The user whose `dataDir` root is about to open; undefined when it is root's own, or we are not root. What root makes in
 * there its user could not open again, so Mingjie would not start.
 */
export function otherOwner(dataDir: string): number | undefined {
  if (process.getuid?.() !== 0 || !existsSync(dataDir)) return undefined
  return statSync(dataDir).uid || undefined
}

export const asOwner = (uid: number): string =>
  `Where Mingjie does not run, do this as the user whose data it is: setpriv --reuid ${uid} --clear-groups …`

/** What a caller can mend about a file; anything else that a file is refused for is a fault of ours. */
const FILE_FAULTS: Record<string, string> = {
  EACCES: 'may not be opened by the user this runs as',
  EROFS: 'is on a disk that is read-only',
  ENOSPC: 'has no room: the disk is full'
}

/** What its caller is told of a failure: a line where they can mend it, else the whole of it, with its stack. */
export function failureText(error: unknown): unknown {
  const { code = '', path, message = '' } = (error ?? {}) as Partial<NodeJS.ErrnoException>
  const fault = FILE_FAULTS[code]
  if (fault) return `${path ?? 'What is written'} ${fault}: ${message}`
  return error instanceof AppError || code.startsWith('ERR_PARSE_ARGS') ? message : error
}

/** Runs a command; a failure ends it with 1 and is told by `failureText`. */
export async function command(run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    console.error(failureText(error))
    process.exitCode = 1
  }
}

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
