import { existsSync } from 'node:fs'
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

/** Runs a command; what its caller can mend is told in a line, a fault of ours with its stack. */
export async function command(run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    const theirs =
      error instanceof AppError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')
    console.error(theirs ? (error as Error).message : error)
    process.exitCode = 1
  }
}

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
