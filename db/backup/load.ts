import { mkdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { ATTACHMENTS, attachmentPath } from '#db/attachments'
import { batchStore } from '#db/journal/batch-store'
import { knownMigration, migrateDatabase } from '#db/migrate'
import { dayPartitions } from '#db/telemetry/day-partitions'
import { ensureSchema } from '#db/telemetry/postgres-schema'
import { AppError } from '#model/errors'
import { days } from '#model/time'
import { unpacked, verifyBackup, type Manifest, type Section } from './format.ts'
import { listOf, tablesOf } from './tables.ts'

/** What a verified backup says of itself. Rejects with `config-invalid` when it is damaged or made by a newer version. */
export async function readManifest(file: string): Promise<Manifest> {
  await verifyBackup(file)
  for await (const { header } of unpacked(file)) {
    if (!('manifest' in header)) break
    const { manifest } = header
    if (manifest.migration <= knownMigration()) return manifest
    throw new AppError(
      'config-invalid',
      `The backup was made by a newer Mingjie (${manifest.version}): restore it with that version.`
    )
  }
  throw new AppError('config-invalid', `${file} does not begin as a backup does.`)
}

/**
 * Puts a backup into an empty database and an empty folder, and brings the database to the newest schema. The database
 * has all of it or nothing. Rejects with `conflict` when the database is not empty.
 */
export async function restoreBackup(options: {
  file: string
  pool: pg.Pool
  dataDir: string
  onSection?: (name: string) => void
}): Promise<Manifest> {
  const { file, pool, dataDir, onSection = () => {} } = options
  const manifest = await readManifest(file)
  await refuseUsed(pool)
  await migrateDatabase(pool, { upTo: manifest.migration })
  if (manifest.telemetryDays) {
    await ensureSchema(pool)
    const partitions = dayPartitions(pool)
    for (const day of manifest.telemetryDays) await partitions.ensure(day, day + days(1))
  }
  const client = await pool.connect()
  let whole = false
  try {
    await client.query('begin')
    await client.query('set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0')
    const tables = await tablesOf(client)
    await client.query(`truncate ${listOf(tables.map(({ name }) => name))}`)
    for await (const { header, chunks } of unpacked(file)) {
      if ('table' in header) {
        onSection(header.table)
        const copy = `copy ${pg.escapeIdentifier(header.table)} (${listOf(header.columns)}) from stdin`
        await pipeline(Readable.from(chunks), client.query(copyFrom(copy)))
      } else if ('journal' in header) {
        onSection('journal')
        await writeJournal(join(dataDir, 'journal'), chunks)
      } else if ('file' in header) {
        await writeFile(join(dataDir, basename(header.file)), chunks, { mode: 0o600 })
      } else if ('attachment' in header) {
        await writePhoto(join(dataDir, ATTACHMENTS), header.attachment, chunks)
      } else for await (const _ of chunks);
    }
    for (const table of tables) await countOn(client, table)
    await client.query('commit')
    whole = true
  } finally {
    client.release(!whole)
  }
  await migrateDatabase(pool)
  return manifest
}

/** Rejects with `conflict` unless the database is empty. */
export async function refuseUsed(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query('select from pg_tables where schemaname = current_schema() limit 1')
  if (rows.length === 0) return
  throw new AppError('conflict', 'The database is not empty: make a new one and name it in DATABASE_URL.')
}

async function writePhoto(dir: string, id: string, chunks: Section['chunks']): Promise<void> {
  if (!/^[0-9a-f]{64}$/.test(id)) throw new AppError('config-invalid', `The backup has a photo named ${id}.`)
  const path = attachmentPath(dir, id)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(path, chunks, { mode: 0o600 })
}

async function writeJournal(dir: string, values: Section['chunks']): Promise<void> {
  const store = await batchStore({ dir, maxBytes: undefined })
  await store.open()
  try {
    for await (const value of values) await store.put([value.readDoubleBE(0), value.subarray(8)])
  } finally {
    await store.close()
  }
}

/** Numbers that the database gives go on after those that are there. */
async function countOn(client: pg.ClientBase, { name, columns }: { name: string; columns: string[] }) {
  const table = pg.escapeIdentifier(name)
  for (const column of columns) {
    const sequence = `pg_get_serial_sequence(${pg.escapeLiteral(table)}, ${pg.escapeLiteral(column)})`
    const { rows } = await client.query<{ sequence: string | null }>(`select ${sequence} as sequence`)
    if (!rows[0]?.sequence) continue
    const next = `(select coalesce(max(${pg.escapeIdentifier(column)}), 0) + 1 from ${table})`
    await client.query(`select setval(${sequence}, ${next}, false)`)
  }
}
