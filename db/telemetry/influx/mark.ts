import { HttpError } from '@influxdata/influxdb-client'
import type { Seq } from '#db/journal'
import { minutes, type Millis } from '#model/time'

/**
 * How far InfluxDB itself knows it was written: a point beside the readings that goes in with the last of every write, so
 * that a server which was emptied, exchanged or restored older is told from one that has everything.
 */
export interface Mark {
  /** Every record up to here was written to it; 0 when it says nothing. */
  seq: Seq
  /** When, to the minute; undefined when it says nothing. */
  at?: Millis
}

const MEASUREMENT = 'mingjie_stored'

/** One point a minute: those within it overwrite one another, and 36 days of them are nothing. */
export const markLine = (upTo: Seq, now: Millis): string =>
  `${MEASUREMENT} seq=${upTo}i ${Math.floor(now / minutes(1)) * minutes(1)}000000`

export const MARK_QUERY = `SELECT last(seq) FROM ${MEASUREMENT}`

/** Undefined when the answer is not one. */
export function markOf([row]: unknown[][]): Mark | undefined {
  if (!row) return { seq: 0 }
  const [at, seq] = row
  return typeof at === 'number' && typeof seq === 'number' ? { at, seq } : undefined
}

/**
 * What a question that was answered by a refusal tells: without a database that there is nothing yet, everything else nothing
 * at all (a token that may only write, a 3.x without the table). Silence and trouble of the server is thrown on: ask again.
 */
export function markOfRefusal(error: unknown): Mark | undefined {
  const { cause, message } = error as Error
  if (cause === undefined) return /database not found/i.test(message) ? { seq: 0 } : undefined
  if (!(cause instanceof HttpError)) throw error
  if (cause.statusCode === 404) return { seq: 0 }
  if (cause.statusCode >= 500 || cause.statusCode === 429) throw error
  return undefined
}
