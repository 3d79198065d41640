import { setTimeout as sleep } from 'node:timers/promises'
import type { Journal, JournalRecord, Seq } from '#db/journal'
import { reasonOf } from '#db/postgres/troubles'
import type { quarantine } from '#db/schema'
import { refusesRows, retryAfterOf } from '#db/telemetry/refusal'
import type { TelemetryRow, TelemetryStore } from '#db/telemetry/store'
import { AppError } from '#model/errors'
import { RAW_RETENTION_MS } from '#model/telemetry'
import { days, hours, type Clock, type Millis } from '#model/time'
import { MAX_REJECTS } from './normalise.ts'
import { quarantineRows } from './quarantine-rows.ts'
import { rowsOf, type RecentRecords, type RecordRows } from './recent-records.ts'
import { registryReplay, type AppliedChanges } from './registry-replay.ts'

/** A write of about so many rows; while fewer wait there is one write each pause. */
const MAX_ROWS = 20_000
const PAUSE_MS = 50
const REREAD_BYTES = 1_000_000
const RETRY_MS = { first: 100, most: 10_000 }
/** Of a record the store refused; its own rejects are numbered from 0 to MAX_REJECTS. */
const REFUSED_NO = MAX_REJECTS + 1

export interface StoreConsumer {
  /** Every record up to here is in the telemetry store. */
  stored(): Seq
  /** `ok` is false while the store cannot be written, since when and why; it is tried again until it can. */
  health(): { ok: boolean; reason?: string; since?: Millis; behindSeq: Seq }
  /** Since the start. */
  totals(): { rows: number; refusedRecords: number; retries: number }
  /** Ends after the running write. */
  close(): Promise<void>
}

export interface StoreConsumerOptions {
  journal: Journal
  store: TelemetryStore
  /** What the state consumer has committed: only then is the registry before a record settled. */
  committed: () => Seq
  recent: RecentRecords
  changes: AppliedChanges
  /** Keeps the bytes of a record the store refuses; called again after a failure, so writing it twice must be harmless. */
  quarantine: (row: typeof quarantine.$inferInsert) => Promise<void>
  /** Another writer moved the offset, or the journal is not the one this store was filled from: it has stopped. */
  onFatal: (error: Error) => void
  clock: Clock
  log: (message: string) => void
}

/**
 * Carries readings from the journal to the telemetry store, behind the state consumer, each exactly once: the store
 * keeps its offset with the rows, and the journal lets go of a record only after that. The store away: it waits and
 * the journal keeps. The store refusing rows: halves the batch until the record is found, quarantines it, goes on.
 */
export function startStoreConsumer(options: StoreConsumerOptions): StoreConsumer {
  const { journal, store, committed, recent, clock, log } = options
  const stop = new AbortController()
  const { signal } = stop
  const totals = { rows: 0, refusedRecords: 0, retries: 0 }
  /** What the journal knows of it, until the store has said so itself. */
  let offset: Seq = journal.health().confirmed.store
  /**
   * A store that lost something is given it again: until that is known and done the journal deletes nothing, also not
   * while closing, when the rules confirm once more.
   */
  let letGo: (() => void) | undefined = journal.keep()
  let trouble: { reason: string; since: Millis } | undefined
  /** There only while the store lags so far that it must read the journal itself. */
  let replay: ReturnType<typeof registryReplay> | undefined

  async function run(): Promise<void> {
    const confirmed = offset
    offset = await patiently(() => store.offset())
    if (offset > journal.head()) throw foreignJournal(offset, journal.head())
    await journal.confirm('store', offset)
    while (!signal.aborted) {
      if (letGo && offset >= confirmed) {
        letGo()
        letGo = undefined
      }
      const batch = await nextBatch(committed())
      if (batch) await put(batch)
      if (!batch || (!replay && batch.rows.length < MAX_ROWS / 2)) await pause(PAUSE_MS)
    }
  }

  async function nextBatch(upTo: Seq): Promise<RecordRows | undefined> {
    if (offset >= upTo) return undefined
    const batch = recent.after(offset, upTo, MAX_ROWS)
    if (!batch) return patiently(() => reread(upTo))
    replay = undefined
    return batch
  }

  async function reread(upTo: Seq): Promise<RecordRows | undefined> {
    replay ??= registryReplay(options.changes)
    const records = (await readAfter(offset, upTo)).filter(({ seq }) => seq <= upTo)
    const missing = (records[0]?.seq ?? 0) - offset - 1
    if (missing > 0)
      log(`the journal no longer has the ${missing} records after ${offset}: an older store was restored`)
    const last = records.at(-1)
    return last && { rows: rowsOf(await replay.normalise(records)), upTo: last.seq }
  }

  /** At least the next record; up to `upTo`, about so many as a write is good for. */
  async function readAfter(after: Seq, upTo: Seq): Promise<JournalRecord[]> {
    const found: JournalRecord[] = []
    let bytes = 0
    for await (const records of journal.read(after, { maxBytes: REREAD_BYTES, signal })) {
      for (const record of records) {
        found.push(record)
        bytes += record.payload.byteLength
      }
      if (bytes >= REREAD_BYTES || (found.at(-1)?.seq ?? 0) >= upTo) break
    }
    return found
  }

  /** Stores the rows of the records after `offset` up to and including `upTo`. */
  async function put({ rows, upTo }: RecordRows): Promise<void> {
    try {
      await patiently(() => store.write(rows, upTo), refusesRows)
      totals.rows += rows.length
    } catch (error) {
      if (!refusesRows(error)) throw error
      const [first] = rows
      const single = first !== undefined && first.seq === rows.at(-1)?.seq
      if (single) return putAside(first, upTo, error as Error)
      // Between two records: the rows are ordered by seq.
      const middle = rows[rows.length >> 1]!.seq
      const cut = first!.seq < middle ? middle - 1 : middle
      await put({ rows: rows.filter(({ seq }) => seq <= cut), upTo: cut })
      return put({ rows: rows.filter(({ seq }) => seq > cut), upTo })
    }
    await moveOn(upTo)
  }

  /** All rows up to `upTo` are of this one's record. */
  async function putAside(row: TelemetryRow, upTo: Seq, { message }: Error): Promise<void> {
    const { seq, receivedAt } = row
    let device = row.device
    await patiently(async () => {
      const [record] = await readAfter(seq - 1, seq)
      const raw = record?.seq === seq ? record : undefined
      device = raw?.deviceId ?? row.device
      const reject = { device, reason: 'store-refused', path: '', detail: message } as const
      const payload = raw?.payload ?? new Uint8Array()
      for (const refused of quarantineRows({ seq, receivedAt, rejects: [reject], payload })) {
        await options.quarantine({ ...refused, no: REFUSED_NO })
      }
    })
    await patiently(() => store.write([], upTo))
    totals.refusedRecords++
    log(`the telemetry store refused record ${seq} of ${device}: ${message}`)
    await moveOn(upTo)
  }

  async function moveOn(upTo: Seq): Promise<void> {
    offset = upTo
    recent.drop(upTo)
    await journal.confirm('store', upTo)
  }

  /** Again and again until it is done, or is a failure that no waiting mends. */
  async function patiently<T>(work: () => Promise<T>, hopeless = (_: unknown) => false): Promise<T> {
    for (let waitMs = RETRY_MS.first; ; waitMs = Math.min(2 * waitMs, RETRY_MS.most)) {
      try {
        const result = await work()
        if (trouble) log('the telemetry store takes readings again')
        trouble = undefined
        return result
      } catch (error) {
        if (signal.aborted || hopeless(error) || isFatal(error)) throw error
        const reason = reasonOf(error)
        if (trouble?.reason !== reason)
          log(`the telemetry store takes no readings, the journal keeps them: ${reason}`)
        trouble = { reason, since: trouble?.since ?? clock.now() }
        totals.retries++
        await pause(Math.max(waitMs * (0.5 + Math.random() / 2), retryAfterOf(error)))
        if (signal.aborted) throw error
      }
    }
  }

  async function keepHouse(): Promise<void> {
    while (!signal.aborted) {
      const now = clock.now()
      try {
        await store.prepare({ from: now - days(1), to: now + days(2) })
        await store.retain(now - RAW_RETENTION_MS)
      } catch (error) {
        log(`the telemetry store could not be tidied, in an hour again: ${String(error)}`)
      }
      await pause(hours(1))
    }
  }

  const pause = (ms: Millis) => sleep(ms, undefined, { signal }).catch(() => {})

  const running = run().catch((error: unknown) => {
    if (signal.aborted) return
    const fatal = error instanceof Error ? error : new Error(String(error))
    trouble = { reason: fatal.message, since: clock.now() }
    stop.abort()
    options.onFatal(fatal)
  })
  const tidying = keepHouse()

  return {
    stored: () => offset,
    health: () => ({ ok: !trouble, ...trouble, behindSeq: journal.head() - offset }),
    totals: () => ({ ...totals }),
    async close() {
      stop.abort()
      await running
      await tidying
    }
  }
}

const isFatal = (error: unknown) => error instanceof AppError && error.code === 'offset-moved'

const foreignJournal = (stored: Seq, head: Seq) =>
  new AppError(
    'journal-failed',
    `the telemetry store has seen record ${stored}, the journal ends at ${head}: it is not the journal of this store. Put the right journal back, or restore both from one backup.`
  )
