import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { ATTACHMENTS, attachmentPath } from '#db/attachments'
import type { Journal, JournalRecord, Seq } from '#db/journal'
import { encodeBatch } from '#db/journal/batch-codec'
import { newestMigration } from '#db/migrate'
import { postgresOffsetKeeper } from '#db/telemetry/offset-keeper'
import type { InfluxAddress } from '#db/telemetry/influx/requests'
import { AppError } from '#model/errors'
import { packed, type Section } from './format.ts'
import { listOf, tablesOf, telemetryDays } from './tables.ts'

export interface BackupSource {
  pool: pg.Pool
  journal: Journal
  dataDir: string
  /** Of Mingjie. */
  version: string
  /** Undefined when Postgres keeps telemetry. Its token goes nowhere. */
  influx: InfluxAddress | undefined
  /** Without secrets. */
  settings: unknown
}

/** Files of DATA_DIR that are neither database nor journal. */
const FILES = ['demo.json']
const READ_BYTES = 1024 * 1024

/**
 * Everything a new start elsewhere needs, as one stream of bytes, while the system runs: the database as it is at one
 * instant, and the journal from what its consumers had confirmed before that instant to what was acknowledged after it.
 * So the rules and the store go on from their offsets, nothing acknowledged before the call is missing and nothing is
 * counted twice. Of readings in InfluxDB it names only the place and the offset. The journal is not trimmed meanwhile. Rejects with `config-invalid` when there is no database yet.
 */
export const backup = (source: BackupSource): AsyncGenerator<Buffer, void> => packed(sections(source))

async function* sections(source: BackupSource): AsyncGenerator<Section> {
  const { pool, journal, dataDir, version, influx, settings } = source
  const letGo = journal.keep()
  let client: pg.PoolClient | undefined
  let whole = false
  try {
    const { confirmed } = journal.health()
    client = await pool.connect()
    await client.query('begin isolation level repeatable read, read only')
    await client.query('set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0')
    const migration = await newestMigration(client)
    if (migration === 0)
      throw new AppError('config-invalid', 'There is nothing to back up: the database is empty.')
    const tables = await tablesOf(client)
    // After the database's instant: what it has seen is in the journal up to here.
    const head = journal.head()
    const manifest = {
      takenAt: new Date().toISOString(),
      version,
      migration,
      telemetryDays: await telemetryDays(client),
      ...(influx && {
        influx: {
          url: influx.url,
          bucket: influx.bucket,
          ...(influx.org && { org: influx.org }),
          offset: await postgresOffsetKeeper(client).get()
        }
      }),
      journal: { head, confirmed },
      settings
    }
    yield { header: { manifest }, chunks: [] }
    // First: the sooner it is read, the sooner what lies on disk could be trimmed again.
    yield { header: { journal: true }, chunks: journalBatches({ journal, head, confirmed }) }
    for (const { name, columns } of tables) {
      const rows = `select ${listOf(columns)} from ${pg.escapeIdentifier(name)}`
      yield { header: { table: name, columns }, chunks: client.query(copyTo(`copy (${rows}) to stdout`)) }
    }
    for (const file of FILES.filter(name => existsSync(join(dataDir, name)))) {
      yield { header: { file }, chunks: [await readFile(join(dataDir, file))] }
    }
    yield* photos(client, join(dataDir, ATTACHMENTS))
    await client.query('commit')
    whole = true
  } finally {
    letGo()
    // A copy that nobody read to its end leaves the connection in the middle of it.
    client?.release(!whole)
  }
}

/** The files behind the rows that are in the backup; one that was tidied away meanwhile was nobody's. */
async function* photos(client: pg.PoolClient, dir: string): AsyncGenerator<Section> {
  const { rows: tables } = await client.query(`select from pg_class where oid = to_regclass('attachments')`)
  if (tables.length === 0) return
  const { rows } = await client.query<{ id: string }>('select id from attachments order by id')
  for (const { id } of rows) {
    const bytes = await readFile(attachmentPath(dir, id)).catch(() => undefined)
    if (bytes) yield { header: { attachment: id }, chunks: [bytes] }
  }
}

/** At least the newest record: it holds the journal's place and its clock. */
async function* journalBatches(options: {
  journal: Journal
  head: Seq
  confirmed: Record<'store' | 'state', Seq>
}): AsyncGenerator<Buffer> {
  const { journal, head, confirmed } = options
  if (head === 0) return
  const after = Math.min(confirmed.store, confirmed.state, head - 1)
  const done = new AbortController()
  for await (const records of journal.read(after, { maxBytes: READ_BYTES, signal: done.signal })) {
    const wanted = records.filter(({ seq }) => seq <= head)
    for (const batch of byStamp(wanted)) {
      const [{ seq, receivedAt }] = batch
      const key = Buffer.alloc(8)
      key.writeDoubleBE(seq)
      yield Buffer.concat([key, encodeBatch(batch, { receivedAt, confirmed })])
    }
    if ((records.at(-1)?.seq ?? 0) >= head) break
  }
  done.abort()
}

function* byStamp(records: JournalRecord[]): Generator<[JournalRecord, ...JournalRecord[]]> {
  let start = 0
  for (let i = 1; i <= records.length; i++) {
    if (records[i]?.receivedAt === records[start]?.receivedAt) continue
    yield records.slice(start, i) as [JournalRecord]
    start = i
  }
}
