import { AppError } from '#model/errors'
import type { Millis } from '#model/time'
import type { TelemetryRow } from '../store.ts'
import { dropShardsBefore, ensureDatabase, ensureMapping } from './database.ts'
import { lineBodies } from './lines.ts'
import { MARK_QUERY, markOf, markOfRefusal, type Mark } from './mark.ts'
import { influxRequests, type InfluxAddress } from './requests.ts'

/** Rejections are as `influxTrouble` says. */
export interface InfluxServer {
  /** Resolves when all rows are in it, and after them the line `last`. Repeating is harmless. */
  put(rows: TelemetryRow[], last?: string): Promise<void>
  /** How far it was written; undefined when it does not let that be read. Makes nothing. */
  mark(): Promise<Mark | undefined>
  /** As it said when it was met last; undefined before. */
  version(): string | undefined
  /** The rows of the first series that InfluxQL answers, times in epoch ms. */
  ask(influxQl: string): Promise<unknown[][]>
  /**
   * Drops the day shards of our own retention policy (1.x) that lie wholly before. What others made, also the buckets of
   * 2.x and 3.x, keeps what its operator told it to.
   */
  dropBefore(notBefore: Millis): Promise<void>
  close(): void
}

/**
 * InfluxDB 1.x, 2.x or 3.x, whichever answers at `url`; looked at again after every failure, for it may be another one then.
 * Nothing is kept here: a request either was answered or is the caller's to repeat.
 */
export function influxServer(address: InfluxAddress): InfluxServer {
  const { url, org, bucket } = address
  const requests = influxRequests(address)
  let generationOf: Promise<number> | undefined
  let writable: Promise<number> | undefined
  let readable: Promise<void> | undefined
  let told: string | undefined

  async function meet(): Promise<number> {
    const version = await requests.version()
    const generation = Number(/^v?([123])\./.exec(version)?.[1])
    if (!generation) {
      throw new AppError(
        'database-away',
        `What answers at ${url} does not say that it is InfluxDB 1.x, 2.x or 3.x (it says "${version}"): correct INFLUX_URL`
      )
    }
    if (generation === 2 && !org) {
      throw new AppError(
        'database-away',
        `InfluxDB ${version} needs INFLUX_ORG: set it to the organisation of ${bucket}`
      )
    }
    told = version.replace(/^v/, '')
    return generation
  }

  async function makeWritable(): Promise<number> {
    const generation = await (generationOf ??= meet())
    if (generation === 1) await ensureDatabase(requests, bucket)
    return generation
  }

  const met = <T>(work: (generation: number) => Promise<T>): Promise<T> =>
    trying(async () => work(await (writable ??= makeWritable())))

  async function trying<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      generationOf = writable = readable = undefined
      throw error
    }
  }

  async function answer(generation: number, influxQl: string): Promise<unknown[][]> {
    if (generation === 2) await (readable ??= ensureMapping(requests, address))
    const [series] = await requests.query(influxQl)
    return series?.values ?? []
  }

  return {
    put: (rows, last) =>
      met(async generation => {
        const path = generation === 1 ? '/write' : '/api/v2/write'
        const into = generation === 1 ? { db: bucket } : { org, bucket }
        for (const lines of lineBodies(rows, last)) {
          await requests.post(path, { ...into, precision: 'ns' }, { lines }).catch((error: unknown) => {
            // 1.x leaves out points past their retention, says so with 400, and has stored all others.
            if (!/beyond retention policy/.test(String(error))) throw error
          })
        }
      }),
    ask: influxQl => met(generation => answer(generation, influxQl)),
    mark: () =>
      trying(async () =>
        answer(await (generationOf ??= meet()), MARK_QUERY).then(markOf, (error: unknown) => {
          readable = undefined
          return markOfRefusal(error)
        })
      ),
    version: () => told,
    dropBefore: notBefore =>
      met(async generation => {
        if (generation === 1) await dropShardsBefore(requests, bucket, notBefore)
      }),
    close: () => requests.close()
  }
}
