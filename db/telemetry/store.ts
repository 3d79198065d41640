import type { Quality } from '#model/telemetry'
import type { Millis } from '#model/time'
import type { Seq } from '#db/journal'

/** One reading. Booleans are 0 and 1, texts the code of their meaning. */
export interface TelemetryRow {
  device: string
  metric: string
  measuredAt: Millis
  receivedAt: Millis
  /** The journal record it came in; rows of one record share it. */
  seq: Seq
  value: number
  quality: Quality
}

/**
 * A device while it was bound to what is asked about: from inclusive, to exclusive, open when absent. The spans of one
 * device do not overlap.
 */
export interface DeviceSpan {
  device: string
  from?: Millis
  to?: Millis
}

/** `from` inclusive, `to` exclusive; at most `limit` points or buckets, the newest. */
export interface TelemetryQuery {
  devices: DeviceSpan[]
  metric: string
  from: Millis
  to: Millis
  limit: number
}

export interface Point {
  at: Millis
  value: number
  quality: Quality
}

export interface Bucket {
  /** Start of the bucket, a multiple of the step since the epoch. */
  at: Millis
  min: number
  avg: number
  max: number
  count: number
}

/** Measured in [from, to) and received since `receivedFrom`; `devices` absent: of all. */
export interface RowQuery {
  metrics: string[]
  devices?: string[]
  from: Millis
  to: Millis
  receivedFrom: Millis
  limit: number
}

/** `whole` false: there may be more; ask for a shorter time. */
export interface RowRange {
  rows: TelemetryRow[]
  whole: boolean
}

/**
 * Keeps every reading. Of readings with one (device, metric, measuredAt) the first written, that is the one with the
 * lowest seq, is the reading; every query counts it once.
 */
export interface TelemetryStore {
  readonly engine: 'postgres' | 'influxdb'
  /** Of the server, as it says; undefined until it has said so. */
  version(): string | undefined
  /** Every record up to and including this one is stored; 0 at the beginning. Less than last time when the store lost some. */
  offset(): Promise<Seq>
  /**
   * Stores the rows, ordered by seq, of all records after `offset()` up to and including `upTo`, and moves the offset there: both or
   * nothing. Rows at or below the offset are ignored, so a write whose outcome is unknown is simply repeated.
   * Rejects with `offset-moved` when another writer moved the offset since this one last knew it: stop writing.
   * One write at a time.
   */
  write(rows: TelemetryRow[], upTo: Seq): Promise<void>
  /** Oldest first, of all devices together; when there are more than `limit`, the newest. */
  points(query: TelemetryQuery): Promise<Point[]>
  /** Non-empty buckets over all devices together, oldest first. */
  buckets(query: TelemetryQuery & { stepMs: Millis }): Promise<Bucket[]>
  /** Every reading as it was written, duplicates too, in no order: for those who sort by seq themselves. */
  rows(query: RowQuery): Promise<RowRange>
  /** Makes room for these days ahead of need; `write` does it too, only later. */
  prepare(range: { from: Millis; to: Millis }): Promise<void>
  /** Drops the UTC days that lie wholly before. */
  retain(notBefore: Millis): Promise<void>
  health(): Promise<{ ok: boolean; reason?: string }>
  close(): Promise<void>
}
