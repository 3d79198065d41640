import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { InfluxDB } from '@influxdata/influxdb-client'
import { AppError } from '#model/errors'
import { RAW_RETENTION_MS } from '#model/telemetry'
import { days, hours, seconds, type Millis } from '#model/time'
import type { TelemetryRow } from '../store.ts'
import { lineBodies } from './lines.ts'
import { identifier } from './readings.ts'
import { influxTrouble } from './trouble.ts'

export interface InfluxAddress {
  url: string
  /** An API token (2.x, 3.x), or `user:password` where 1.x asks for one. */
  token?: string | undefined
  /** Only 2.x needs it. */
  org?: string | undefined
  /** The database of 1.x and 3.x. */
  bucket: string
}

export interface InfluxServer {
  /** Resolves when all rows are in it. Repeating is harmless. Rejects as `influxTrouble` says. */
  put(rows: TelemetryRow[]): Promise<void>
  /** The rows of the first series that InfluxQL answers, times in epoch ms. */
  ask(influxQl: string): Promise<unknown[][]>
  /** Drops the day shards that lie wholly before, where InfluxDB knows them (1.x); else its bucket's retention does. */
  dropBefore(notBefore: Millis): Promise<void>
  close(): void
}

interface Answer {
  results?: { error?: string; series?: { name: string; columns: string[]; values: unknown[][] }[] }[]
}

/** Short of what the main program waits for its parts to close. */
const WITHIN_MS = seconds(15)

/**
 * InfluxDB 1.x, 2.x or 3.x, whichever answers at `url`; asked again after every failure, for it may be another one then.
 * Nothing is kept here: a request either was answered or is the caller's to repeat.
 */
export function influxServer(address: InfluxAddress): InfluxServer {
  const { url, token, org, bucket } = address
  const agent = new (url.startsWith('https:') ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: 8 })
  const basic = token?.includes(':') ? `Basic ${Buffer.from(token).toString('base64')}` : undefined
  const { transport } = new InfluxDB({
    url,
    ...(token && !basic && { token }),
    ...(basic && { headers: { authorization: basic } }),
    timeout: WITHIN_MS,
    transportOptions: { agent }
  })
  let generation: Promise<number> | undefined
  let mapped: Promise<void> | undefined

  async function request(
    method: 'GET' | 'POST',
    path: string,
    body: unknown = '',
    type = 'application/json'
  ) {
    const headers = { 'content-type': type }
    let version = ''
    try {
      const signal = AbortSignal.timeout(WITHIN_MS)
      const answer: unknown = await transport.request(path, body, { method, headers, signal }, received => {
        version = String(received['x-influxdb-version'] ?? '')
      })
      return { answer, version }
    } catch (error) {
      generation = mapped = undefined
      throw influxTrouble(error, { url, bucket })
    }
  }

  /** InfluxQL, whose failures come with status 200 too. */
  async function query(influxQl: string, method: 'GET' | 'POST' = 'GET'): Promise<Answer> {
    const answer = (await request(method, pathTo('/query', { db: bucket, epoch: 'ms', q: influxQl })))
      .answer as Answer
    const error = answer.results?.find(result => result.error)?.error
    if (error === undefined) return answer
    generation = mapped = undefined
    throw new AppError('database-away', `InfluxDB does not answer the query: ${error}`)
  }

  async function meet(): Promise<number> {
    const { answer, version } = await request('GET', '/ping')
    const told = version || ((answer as { version?: string } | undefined)?.version ?? '')
    const found = Number(/^v?(\d+)\./.exec(told)?.[1])
    if (![1, 2, 3].includes(found)) {
      throw new AppError(
        'database-away',
        `What answers at ${url} does not say that it is InfluxDB 1.x, 2.x or 3.x (it says "${told}"): correct INFLUX_URL`
      )
    }
    if (found === 1) await ensureDatabase()
    if (found === 2 && !org) {
      throw new AppError(
        'database-away',
        `InfluxDB ${told} needs INFLUX_ORG: set it to the organisation of ${bucket}`
      )
    }
    return found
  }

  /** Of an existing one the operator has decided how long it keeps what. */
  async function ensureDatabase(): Promise<void> {
    const { results } = await query('SHOW DATABASES')
    if (results?.[0]?.series?.[0]?.values?.some(([name]) => name === bucket)) return
    // A day more, as days go whole.
    const keep = `${(RAW_RETENTION_MS + days(1)) / hours(1)}h`
    await query(
      `CREATE DATABASE ${identifier(bucket)} WITH DURATION ${keep} REPLICATION 1 SHARD DURATION 1d NAME "raw"`,
      'POST'
    )
  }

  /** 2.x answers InfluxQL on a bucket that a database and retention policy are mapped to; its newer versions map by themselves. */
  async function ensureMapping(): Promise<void> {
    const { content } = (await request('GET', pathTo('/api/v2/dbrps', { org, db: bucket }))).answer as {
      content?: unknown[]
    }
    if (content && content.length > 0) return
    const { buckets } = (await request('GET', pathTo('/api/v2/buckets', { org, name: bucket }))).answer as {
      buckets?: { id: string; orgID: string }[]
    }
    const found = buckets?.[0]
    if (!found) {
      throw new AppError(
        'database-away',
        `InfluxDB shows no bucket ${bucket} in ${org}: create it with 35 days of retention, and give INFLUX_TOKEN the right to read it`
      )
    }
    const mapping = {
      orgID: found.orgID,
      bucketID: found.id,
      database: bucket,
      retention_policy: 'raw',
      default: true
    }
    await request('POST', '/api/v2/dbrps', mapping).catch((cause: unknown) => {
      throw new AppError(
        'database-away',
        `InfluxDB answers no queries on ${bucket} before this is run once: influx v1 dbrp create --db ${bucket} --rp raw --default --bucket-id ${found.id} --org ${org}`,
        { cause }
      )
    })
  }

  const known = () => (generation ??= meet().catch(forget))
  const forget = (error: unknown): never => {
    generation = mapped = undefined
    throw error
  }

  async function put(rows: TelemetryRow[]): Promise<void> {
    const path =
      (await known()) === 1
        ? pathTo('/write', { db: bucket, precision: 'ns' })
        : pathTo('/api/v2/write', { org, bucket, precision: 'ns' })
    for (const body of lineBodies(rows)) {
      // 1.x leaves out points past their retention, says so with 400, and has stored all others.
      await request('POST', path, body, 'text/plain; charset=utf-8').catch((error: unknown) => {
        if (!/beyond retention policy/.test(String(error))) throw error
      })
    }
  }

  return {
    put,
    async ask(influxQl) {
      if ((await known()) === 2) await (mapped ??= ensureMapping().catch(forget))
      return (await query(influxQl)).results?.[0]?.series?.[0]?.values ?? []
    },
    async dropBefore(notBefore) {
      if ((await known()) !== 1) return
      const { results } = await query('SHOW SHARDS')
      const ours = results?.[0]?.series?.find(({ name }) => name === bucket)
      const at = { id: ours?.columns.indexOf('id') ?? 0, end: ours?.columns.indexOf('end_time') ?? 0 }
      for (const shard of ours?.values ?? []) {
        if (Date.parse(String(shard[at.end])) <= notBefore)
          await query(`DROP SHARD ${Number(shard[at.id])}`, 'POST')
      }
    },
    close: () => agent.destroy()
  }
}

const pathTo = (path: string, query: Record<string, string | undefined>): string =>
  `${path}?${new URLSearchParams(Object.entries(query).filter((pair): pair is [string, string] => !!pair[1])).toString()}`
