import { createHash, randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { and, eq, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import type { RegistryRecord, RegistryType } from '#model/registry'
import type { Millis } from '#model/time'
import type { Database } from './database.ts'
import { inTransaction } from './postgres/transaction.ts'
import { registry } from './schema.ts'

export interface Imported {
  outcome: 'created' | 'updated' | 'unchanged'
  /** Of the change it became; absent when there was nothing to change. */
  changeId?: number
  /** A new device's password; nobody can read it again. */
  secret?: string
}

/** Records of one transaction: few enough for one statement's parameters and a short lock. */
export const IMPORT_CHUNK = 500
/** Any fixed number: imports take turns, so that change ids are committed in their order. */
const IMPORT_LOCK = 7_340_402

export interface RecordKey {
  type: RegistryType
  id: string
}
export const keyOf = ({ type, id }: RecordKey): string => `${type}:${id}`

/** What is registered under these keys, by `type:id`. */
export async function findRecords(
  db: Pick<Database, 'select'>,
  keys: RecordKey[]
): Promise<Map<string, RegistryRecord>> {
  const found = new Map<string, RegistryRecord>()
  for (const type of new Set(keys.map(key => key.type))) {
    const ids = [...new Set(keys.filter(key => key.type === type).map(key => key.id))]
    for (let i = 0; i < ids.length; i += IMPORT_CHUNK * 4) {
      const rows = await db
        .select({ body: registry.body })
        .from(registry)
        .where(
          and(
            eq(registry.type, type),
            sql`${registry.id} = any(${sql.param(ids.slice(i, i + IMPORT_CHUNK * 4))})`
          )
        )
      for (const { body } of rows) found.set(keyOf(body), body)
    }
  }
  return found
}

/**
 * Takes over what is new or differs, as changes for the rules to pick up, all or nothing; one outcome per record, in
 * their order. At most `IMPORT_CHUNK` records, each key once; sort them so that what is referred to comes first.
 */
export async function importRecords(
  db: Database,
  { records, who, at }: { records: RegistryRecord[]; who: string; at: Millis }
): Promise<Imported[]> {
  return inTransaction(db.$client, async client => {
    const tx = drizzle(client)
    await tx.execute(sql`select pg_advisory_xact_lock(${IMPORT_LOCK})`)
    const before = await findRecords(tx, records)
    const differing = records.filter(
      record => !isDeepStrictEqual(before.get(keyOf(record)), asStored(record))
    )
    if (differing.length === 0) return records.map(() => ({ outcome: 'unchanged' }))

    // One statement of one parameter: built row by row it would cost more than the database does.
    const { rows } = await tx.execute<{ key: string; change_id: string }>(sql`
      with added as (
        insert into changes (kind, subject, body, who, why, requested_at)
        select 'registry', concat_ws(':', record->>'type', record->>'id'),
          jsonb_build_object('kind', 'registry', 'record', record), ${who}, 'import', ${new Date(at).toISOString()}
        from jsonb_array_elements(${JSON.stringify(differing)}::jsonb) with ordinality as list (record, n)
        order by n
        returning id, body->'record' as record
      )
      insert into registry (type, id, body, change_id)
      select record->>'type', record->>'id', record, id from added
      on conflict (type, id) do update set body = excluded.body, change_id = excluded.change_id
      returning concat_ws(':', type, id) as key, change_id`)
    const changeIds = new Map(rows.map(row => [row.key, Number(row.change_id)]))

    const devices = differing.filter(record => record.type === 'device' && !before.has(keyOf(record)))
    const secrets = new Map(devices.map(({ id }) => [id, randomBytes(24).toString('base64url')]))
    const hashes = [...secrets.values()].map(secret => hashOfSecret(secret).toString('hex'))
    await tx.execute(sql`
      insert into device_secrets (device, secret_hash)
      select * from unnest(${sql.param([...secrets.keys()])}::text[], ${sql.param(hashes)}::text[])`)

    return records.map(record => {
      const changeId = changeIds.get(keyOf(record))
      if (changeId === undefined) return { outcome: 'unchanged' }
      const secret = record.type === 'device' ? secrets.get(record.id) : undefined
      const outcome = before.has(keyOf(record)) ? 'updated' : 'created'
      return secret === undefined ? { outcome, changeId } : { outcome, changeId, secret }
    })
  })
}

export const hashOfSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest()

/** As it comes back from the database: without what is undefined. */
const asStored = (record: RegistryRecord): unknown => JSON.parse(JSON.stringify(record))
