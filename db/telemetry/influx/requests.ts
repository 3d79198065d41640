import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { InfluxDB } from '@influxdata/influxdb-client'
import { AppError } from '#model/errors'
import { seconds } from '#model/time'
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

export interface InfluxSeries {
  name: string
  columns: string[]
  values: unknown[][]
}

/** All of them reject as `influxTrouble` says, after 15 s at the latest. */
export interface InfluxRequests {
  /** The body of the answer, parsed where it is JSON. */
  get(path: string, query: Record<string, string | undefined>): Promise<unknown>
  post(path: string, query: Record<string, string | undefined>, body: Body): Promise<unknown>
  /** The series of one InfluxQL statement, times in epoch ms; a statement that changes something is `post`ed. */
  query(influxQl: string, how?: 'get' | 'post'): Promise<InfluxSeries[]>
  /** As InfluxDB says at /ping: `1.6.7`, `v2.7.11`; whatever else answers, what that says. */
  version(): Promise<string>
  close(): void
}

type Body = { lines: string } | { json: unknown }

/** Short of what the main program waits for its parts to close. */
const WITHIN_MS = seconds(15)

/** The client's transport over kept connections; its own write queue is not used, for it loses what it cannot deliver. */
export function influxRequests({ url, token, bucket }: InfluxAddress): InfluxRequests {
  const agent = new (url.startsWith('https:') ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: 8 })
  const basic = token?.includes(':') ? `Basic ${Buffer.from(token).toString('base64')}` : undefined
  const { transport } = new InfluxDB({
    url,
    ...(token && !basic && { token }),
    ...(basic && { headers: { authorization: basic } }),
    timeout: WITHIN_MS,
    transportOptions: { agent }
  })

  async function send(method: 'GET' | 'POST', target: string, body: Body = { lines: '' }) {
    const [content, type] =
      'lines' in body ? [body.lines, 'text/plain; charset=utf-8'] : [body.json, 'application/json']
    let version = ''
    try {
      const answer: unknown = await transport.request(
        target,
        content,
        { method, headers: { 'content-type': type }, signal: AbortSignal.timeout(WITHIN_MS) },
        headers => void (version = String(headers['x-influxdb-version'] ?? ''))
      )
      return { answer, version }
    } catch (error) {
      throw influxTrouble(error, { url, bucket })
    }
  }

  return {
    get: async (path, query) => (await send('GET', targetOf(path, query))).answer,
    post: async (path, query, body) => (await send('POST', targetOf(path, query), body)).answer,
    async query(influxQl, how = 'get') {
      const target = targetOf('/query', { db: bucket, epoch: 'ms', q: influxQl })
      const { answer } = await send(how === 'get' ? 'GET' : 'POST', target)
      const [result] = (answer as { results?: { error?: string; series?: InfluxSeries[] }[] }).results ?? []
      // A statement's failure comes with status 200.
      if (result?.error)
        throw new AppError('database-away', `InfluxDB does not answer the query: ${result.error}`)
      return result?.series ?? []
    },
    async version() {
      const { answer, version } = await send('GET', '/ping')
      return version || ((answer as { version?: string } | undefined)?.version ?? '')
    },
    close: () => agent.destroy()
  }
}

const targetOf = (path: string, query: Record<string, string | undefined>): string => {
  const given = Object.entries(query).filter((pair): pair is [string, string] => !!pair[1])
  return `${path}?${new URLSearchParams(given).toString()}`
}
