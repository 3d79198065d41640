import { AppError } from '#model/errors'
import { RAW_RETENTION_MS } from '#model/telemetry'
import { days, hours, type Millis } from '#model/time'
import { identifier } from './readings.ts'
import type { InfluxAddress, InfluxRequests } from './requests.ts'

/** Of the databases we make. Nothing in another policy is ever dropped. */
const POLICY = 'mingjie_raw'

/** 1.x: makes the database. Of one that is there its operator has decided how long it keeps what. */
export async function ensureDatabase(requests: InfluxRequests, bucket: string): Promise<void> {
  const [databases] = await requests.query('SHOW DATABASES')
  if (databases?.values?.some(([name]) => name === bucket)) return
  // A day more, as days go whole.
  const keep = `${(RAW_RETENTION_MS + days(1)) / hours(1)}h`
  await requests.query(
    `CREATE DATABASE ${identifier(bucket)} WITH DURATION ${keep} REPLICATION 1 SHARD DURATION 1d NAME ${identifier(POLICY)}`,
    'post'
  )
}

/** 1.x: drops the day shards of our own policy that lie wholly before. */
export async function dropShardsBefore(
  requests: InfluxRequests,
  bucket: string,
  notBefore: Millis
): Promise<void> {
  const databases = await requests.query('SHOW SHARDS').catch((error: unknown) => {
    // Only an administrator may; without one the policy alone drops what is old.
    if (statusOf(error) === 403) return []
    throw error
  })
  const { columns = [], values = [] } = databases.find(({ name }) => name === bucket) ?? {}
  const [id, policy, end] = ['id', 'retention_policy', 'end_time'].map(column => columns.indexOf(column))
  for (const shard of values) {
    if (shard[policy!] !== POLICY || Date.parse(String(shard[end!])) > notBefore) continue
    await requests.query(`DROP SHARD ${Number(shard[id!])}`, 'post')
  }
}

const statusOf = (error: unknown) =>
  ((error as Error).cause as { statusCode?: number } | undefined)?.statusCode

/** 2.x answers InfluxQL on a bucket that a database and policy are mapped to; its newer versions map by themselves. */
export async function ensureMapping(requests: InfluxRequests, { org, bucket }: InfluxAddress): Promise<void> {
  const known = (await requests.get('/api/v2/dbrps', { org, db: bucket })) as { content?: unknown[] }
  if (known.content && known.content.length > 0) return
  const { buckets } = (await requests.get('/api/v2/buckets', { org, name: bucket })) as {
    buckets?: { id: string; orgID: string }[]
  }
  const found = buckets?.[0]
  if (!found) {
    throw new AppError(
      'database-away',
      `InfluxDB shows no bucket ${bucket} in ${org}: create it with 35 days of retention, and give INFLUX_TOKEN the right to read it`
    )
  }
  const { id: bucketID, orgID } = found
  const json = { orgID, bucketID, database: bucket, retention_policy: POLICY, default: true }
  await requests.post('/api/v2/dbrps', {}, { json }).catch((cause: unknown) => {
    throw new AppError(
      'database-away',
      `InfluxDB answers no queries on ${bucket} before this is run once: influx v1 dbrp create --db ${bucket} --rp ${POLICY} --default --bucket-id ${bucketID} --org ${org}`,
      { cause }
    )
  })
}
