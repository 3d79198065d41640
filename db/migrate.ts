import { fileURLToPath } from 'node:url'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import type pg from 'pg'
import { AppError } from '#model/errors'

const MIGRATIONS = fileURLToPath(new URL('./migrations', import.meta.url))
/** Any fixed number: two processes that start at once take turns. */
const MIGRATION_LOCK = 7_340_401

/**
 * Brings the database to the newest schema, or leaves it as it was. Rejects with `config-invalid` when a newer version
 * has already been there: its tables may mean something this code does not know.
 */
export async function migrateDatabase(pool: pg.Pool, folder = MIGRATIONS): Promise<void> {
  const client = await pool.connect()
  try {
    // A migration may take its time, and so may waiting for another process that runs it.
    await client.query('set statement_timeout = 0; set lock_timeout = 0')
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK])
    await refuseNewer(client, folder)
    await migrate(drizzle(client), { migrationsFolder: folder })
  } finally {
    // Closed, not returned: the lock and the settings go with the connection.
    client.release(true)
  }
}

async function refuseNewer(client: pg.PoolClient, folder: string): Promise<void> {
  const known = readMigrationFiles({ migrationsFolder: folder }).at(-1)?.folderMillis ?? 0
  const { rows: tables } = await client.query<{ there: boolean }>(
    `select to_regclass('drizzle.__drizzle_migrations') is not null as there`
  )
  if (!tables[0]?.there) return
  const { rows } = await client.query<{ newest: string | null }>(
    'select max(created_at) as newest from drizzle.__drizzle_migrations'
  )
  if (Number(rows[0]?.newest ?? 0) <= known) return
  throw new AppError(
    'config-invalid',
    'The database was made by a newer version of Mingjie. Start that version, or restore a backup made by this one.'
  )
}
