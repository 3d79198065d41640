import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import type pg from 'pg'
import { AppError } from '#model/errors'
import { withoutTimeLimit } from './postgres/connect.ts'

const MIGRATIONS = fileURLToPath(new URL('./migrations', import.meta.url))
/** Any fixed number: two processes that start at once take turns. */
const MIGRATION_LOCK = 7_340_401

/** The table is drizzle-kit's, so that its tools know the database too. */
const HISTORY = `
  create schema if not exists drizzle;
  create table if not exists drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`

/**
 * Brings the database to the newest schema, or leaves it as it was. Rejects with `config-invalid` when a newer version
 * has already been there: its tables may mean something this code does not know.
 */
export async function migrateDatabase(
  pool: pg.Pool,
  options: {
    folder?: string
    /** No further than this migration. */
    upTo?: number
    /** Before a database that is in use gets its first new migration, of this name; when it rejects, nothing is done. */
    beforeUpgrade?: (migration: string) => Promise<void>
  } = {}
): Promise<void> {
  const { folder = MIGRATIONS, upTo = Infinity, beforeUpgrade } = options
  const client = await pool.connect()
  try {
    // A migration may take its time, and so may waiting for another process that runs it.
    await withoutTimeLimit(client)
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK])
    const newest = await newestMigration(client)
    if (newest > knownMigration(folder)) throw madeByNewer()
    const coming = readMigrationFiles({ migrationsFolder: folder }).filter(
      ({ folderMillis }) => folderMillis > newest && folderMillis <= upTo
    )
    const [first] = coming
    if (!first) return
    if (newest > 0) await beforeUpgrade?.(nameOf(first.folderMillis, folder))
    await client.query('begin')
    await client.query(HISTORY)
    for (const { sql, hash, folderMillis } of coming) {
      for (const statement of sql) await client.query(statement)
      await client.query('insert into drizzle.__drizzle_migrations (hash, created_at) values ($1, $2)', [
        hash,
        folderMillis
      ])
    }
    await client.query('commit')
  } finally {
    // Closed, not returned: the lock and the settings go with the connection, and what was not committed.
    client.release(true)
  }
}

/** The newest migration this code has. */
export const knownMigration = (folder = MIGRATIONS): number =>
  readMigrationFiles({ migrationsFolder: folder }).at(-1)?.folderMillis ?? 0

/** The newest migration the database had; 0 when it had none. */
export async function newestMigration(client: pg.ClientBase): Promise<number> {
  const { rows: tables } = await client.query<{ there: boolean }>(
    `select to_regclass('drizzle.__drizzle_migrations') is not null as there`
  )
  if (!tables[0]?.there) return 0
  const { rows } = await client.query<{ newest: string | null }>(
    'select max(created_at) as newest from drizzle.__drizzle_migrations'
  )
  return Number(rows[0]?.newest ?? 0)
}

function nameOf(migration: number, folder: string): string {
  const { entries } = JSON.parse(readFileSync(join(folder, 'meta/_journal.json'), 'utf8')) as {
    entries: { when: number; tag: string }[]
  }
  return entries.find(({ when }) => when === migration)?.tag ?? String(migration)
}

const madeByNewer = (): AppError =>
  new AppError(
    'config-invalid',
    'The database was made by a newer version of Mingjie. Start that version, or restore a backup made by this one.'
  )
