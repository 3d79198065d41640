import type { Millis } from '#model/time'

/** Position in the journal: 1 for the first record ever, dense, never reused. */
export type Seq = number

/**
 * What a record is. `telemetry` and `status` carry the bytes of a device's PUBLISH as it came;
 * a `tick` says the system was alive: its payload is the tick period in ms as ASCII digits, so that
 * a longer gap between two ticks is known to be our own outage.
 */
export const RECORD_KINDS = ['telemetry', 'status', 'tick'] as const
export type RecordKind = (typeof RECORD_KINDS)[number]

export interface JournalEntry {
  kind: RecordKind
  /** The device under whose topic it came: the client itself, or a child of the gateway that it is. Empty for a tick. */
  deviceId: string
  payload: Uint8Array
}

export interface JournalRecord extends JournalEntry {
  seq: Seq
  /** When we had it, stamped by the journal: never decreasing, of one device always increasing, also across restarts. */
  receivedAt: Millis
}

/** Who reads. A record is trimmed once every consumer has confirmed it. */
export const CONSUMERS = ['store', 'state'] as const
export type ConsumerId = (typeof CONSUMERS)[number]

export interface JournalHealth {
  ok: boolean
  /** Why appends are refused, when `ok` is false; names the slowest consumer when the journal is full. */
  reason?: string
  bytes: number
  maxBytes: number
  head: Seq
  confirmed: Record<ConsumerId, Seq>
}

/** An ordered, durable log in which a resolved append is on disk. */
export interface Journal {
  /**
   * Resolves with the record's seq once it is synced to disk; resolutions come in the order of the calls.
   * Group commit: whatever is called while a sync runs goes into the next one. Rejects with `journal-full` or
   * `journal-failed`; a rejected append is not in the journal, or is and was never acknowledged.
   */
  append(entry: JournalEntry): Promise<Seq>
  /** The same without a promise per message: `done` is called in the order of the calls. */
  appendThen(entry: JournalEntry, done: (error: Error | null, seq: Seq) => void): void
  /** Seq of the last durable record; 0 when empty. */
  head(): Seq
  /**
   * Records after `after`, oldest first, in batches of at most about `maxBytes` payload; the iterator waits for
   * new records at the head and ends when `signal` aborts. Batch boundaries mean nothing.
   */
  read(after: Seq, options: { maxBytes: number; signal: AbortSignal }): AsyncIterable<JournalRecord[]>
  /** What a consumer no longer needs; records confirmed by all are deleted from disk. Never goes back. */
  confirm(consumer: ConsumerId, upTo: Seq): Promise<void>
  /** Deletes nothing until the function it returns is called: for who copies the journal. */
  keep(): () => void
  health(): JournalHealth
  /** Waits for running appends, then closes. */
  close(): Promise<void>
}
