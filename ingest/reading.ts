import type { MetricId } from '#model/metrics'
import type { Quality, QuarantineReason } from '#model/telemetry'
import type { Millis } from '#model/time'

/** What one entry of a message said, understood: a device's values at one moment, as stored numbers. */
export interface Report {
  device: string
  /** After the shift of a device ahead of us; ≤ receivedAt. */
  measuredAt: Millis
  quality: Quality
  metrics: MetricId[]
  /** In the order of `metrics`. */
  values: number[]
}

/** What could not be understood, to be kept with its reason. */
export interface Reject {
  device: string
  reason: QuarantineReason
  /** Where in the message, e.g. `[3].values.fillPct`; empty for the message as a whole. */
  path: string
  /** What was expected and what came, in one English sentence. */
  detail: string
}

/** One journal record, normalised. Reports of one message are sorted by measuredAt. */
export interface NormalisedRecord {
  seq: number
  receivedAt: Millis
  kind: 'telemetry' | 'status' | 'tick'
  deviceId: string
  reports: Report[]
  rejects: Reject[]
  /** Of a status record. */
  presence?: 'online' | 'offline'
  /** Of a tick: how soon the next one is due, in ms. */
  tickPeriodMs?: Millis
  /** The raw bytes, for the quarantine; only there when something was rejected. */
  payload?: Uint8Array
}
