import { AppError } from '#model/errors'
import type { Clock } from '#model/time'
import { decodeHeader, decodeRecords, encodeBatch, entryBytes, inPieces } from './journal/batch-codec.ts'
import { batchStore, type StoredBatch } from './journal/batch-store.ts'
import { batchTail } from './journal/batch-tail.ts'
import { journalStamps } from './journal/stamps.ts'
import { CONSUMERS, type ConsumerId, type Journal, type JournalEntry, type Seq } from './journal.ts'

const MB = 1024 * 1024
const BATCH_BYTES = MB
const TAIL_BYTES = 32 * MB
const TRIM_EVERY_MS = 1000

export interface LeveldbJournalOptions {
  /** A folder of its own; LevelDB lets one process open it. */
  dir: string
  clock: Clock
  /** Disk the journal may take; default 16 GB or half of what is free, whichever is less. */
  maxBytes?: number
  /** Memory for entries waiting for their sync; default 64 MB. */
  maxPendingBytes?: number
  log?: { error(details: object, message: string): void }
  /** Stands around every synced write: tests delay or fail it here, as a disk would. */
  aroundWrite?: (write: () => Promise<void>) => Promise<void>
}

/** What one sync will commit, or a refusal that waits its turn so that callbacks keep the order of the calls. */
interface Pending {
  entries: JournalEntry[]
  dones: ((error: Error | null, seq: Seq) => void)[]
  bytes: number
  refusal?: AppError
}

/**
 * The journal on LevelDB: one value per batch under the seq of its first record, each put synced, one put at a time;
 * what arrives meanwhile is the next batch. The newest batch is never trimmed: it holds head, stamp and confirmed
 * offsets, so a restart reads one value. Confirmed offsets reach the disk with the next batch, so they may lag.
 *
 * After a failed write LevelDB refuses all others and the batch may or may not be on disk: everything pending is
 * rejected, and the next append opens the database again and goes on after whatever it finds there.
 * Payloads are kept by reference until synced: the caller must not reuse their bytes.
 * Throws `journal-locked` when another process has the folder.
 */
export async function leveldbJournal(options: LeveldbJournalOptions): Promise<Journal> {
  const { dir, clock, log, aroundWrite = write => write(), maxPendingBytes = 64 * MB } = options
  const store = await batchStore({ dir, maxBytes: options.maxBytes })
  const { maxBytes } = store
  const tail = batchTail(TAIL_BYTES)

  let head: Seq = 0
  const stamps = journalStamps()
  const confirmed: Record<ConsumerId, Seq> = { store: 0, state: 0 }
  let failure: AppError | undefined
  let closed = false

  const queue: Pending[] = []
  let pendingBytes = 0
  let writing: Promise<void> | undefined
  const wakers = new Set<() => void>()
  let trimming: Promise<void> | undefined
  let trimTimer: NodeJS.Timeout | undefined
  let trimmedTo: Seq = 1
  let keepers = 0

  await open()

  async function open() {
    const found = await store.open()
    if (found) {
      const [first, value] = found.newest
      const header = decodeHeader(value)
      head = first + header.count - 1
      stamps.resumeAfter(decodeRecords(first, value, head)[0]?.receivedAt ?? header.receivedAt)
      trimmedTo = Math.max(trimmedTo, found.oldest)
      for (const consumer of CONSUMERS) {
        confirmed[consumer] = Math.max(confirmed[consumer], header.confirmed[consumer], found.oldest - 1)
      }
    }
    // There may be more on disk than was committed: a batch whose write failed half way.
    tail.clear()
    wakeReaders()
  }

  function refusalOf(entry: JournalEntry): AppError | undefined {
    if (closed) return new AppError('journal-failed', 'the journal is closed')
    if (store.bytes() >= maxBytes) return new AppError('journal-full', fullReason())
    if (pendingBytes > 0 && pendingBytes + entryBytes(entry) > maxPendingBytes) {
      return new AppError('journal-full', `${pendingBytes} bytes wait for the disk, which is too slow`)
    }
    return undefined
  }

  function fullReason() {
    const slowest = CONSUMERS.reduce((a, b) => (confirmed[b] < confirmed[a] ? b : a))
    const behind = head - confirmed[slowest]
    return `the journal takes ${store.bytes()} of ${maxBytes} bytes: "${slowest}" is ${behind} records behind`
  }

  function appendThen(entry: JournalEntry, done: (error: Error | null, seq: Seq) => void) {
    const refusal = refusalOf(entry)
    const size = refusal ? 0 : entryBytes(entry)
    let last = queue.at(-1)
    if (!last || last.refusal?.code !== refusal?.code || (size > 0 && last.bytes + size > BATCH_BYTES)) {
      last = { entries: [], dones: [], bytes: 0, ...(refusal && { refusal }) }
      queue.push(last)
    }
    if (!refusal) last.entries.push(entry)
    last.dones.push(done)
    last.bytes += size
    pendingBytes += size
    writing ??= writeQueue()
  }

  async function writeQueue() {
    // Everything that arrives in this turn of the event loop belongs in the first batch.
    await new Promise(setImmediate)
    for (let batch = queue.shift(); batch; batch = queue.shift()) {
      let seq = 0
      let error: AppError | null = batch.refusal ?? null
      if (!error) {
        try {
          seq = await commit(batch.entries)
        } catch (cause) {
          error = fail(cause)
        }
      }
      pendingBytes -= batch.bytes
      for (const done of batch.dones) done(error, error ? 0 : seq++)
    }
    writing = undefined
  }

  async function commit(entries: JournalEntry[]): Promise<Seq> {
    if (failure) await open()
    const first = head + 1
    const receivedAt = stamps.begin(clock.now())
    const batch: StoredBatch = [first, encodeBatch(entries, { receivedAt, confirmed }, stamps.step)]
    await aroundWrite(() => store.put(batch))
    failure = undefined
    head += entries.length
    tail.push(batch)
    wakeReaders()
    return first
  }

  /** What waits behind a failed write is refused with it: it would only fail too, and its senders keep it. */
  function fail(cause: unknown): AppError {
    if (!failure) log?.error({ err: cause }, 'journal write failed')
    failure = new AppError('journal-failed', `the journal in ${dir} cannot be written: ${String(cause)}`, {
      cause
    })
    for (const waiting of queue) waiting.refusal ??= failure
    return failure
  }

  function wakeReaders() {
    for (const wake of wakers) wake()
  }

  function nextCommit(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const wake = () => {
        wakers.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      wakers.add(wake)
      signal.addEventListener('abort', wake)
    })
  }

  async function batchesFrom(from: Seq, maxBytes: number): Promise<StoredBatch[]> {
    const inMemory = tail.from(from, maxBytes)
    if (inMemory.length > 0) return inMemory
    try {
      return await store.from(from, maxBytes)
    } catch (error) {
      // The store is being opened again after a failed write, and wakes us when it is.
      if (store.isOpen() && !failure) throw error
      return []
    }
  }

  async function* read(after: Seq, { maxBytes, signal }: { maxBytes: number; signal: AbortSignal }) {
    let from = after + 1
    while (!signal.aborted && !closed) {
      const batches = from <= head ? await batchesFrom(from, maxBytes) : []
      if (batches.length === 0 && !closed && !signal.aborted) await nextCommit(signal)
      const records = batches.flatMap(([first, value]) => decodeRecords(first, value, from))
      for (const piece of inPieces(records, maxBytes)) {
        if (signal.aborted || closed) return
        from = piece.at(-1)!.seq + 1
        yield piece
      }
    }
  }

  const neededFrom = (): Seq => Math.min(...CONSUMERS.map(consumer => confirmed[consumer])) + 1

  function trimSoon() {
    if (closed || keepers > 0 || trimming || trimTimer || neededFrom() <= trimmedTo) return
    trimming = trim().then(() => {
      trimming = undefined
      trimTimer = setTimeout(() => {
        trimTimer = undefined
        trimSoon()
      }, TRIM_EVERY_MS).unref()
    })
  }

  async function trim() {
    const needed = neededFrom()
    try {
      await store.trimBefore(needed)
      trimmedTo = needed
    } catch (error) {
      log?.error({ err: error }, 'journal trim failed')
    }
  }

  return {
    appendThen,
    append: entry =>
      new Promise((resolve, reject) =>
        appendThen(entry, (error, seq) => (error ? reject(error) : resolve(seq)))
      ),
    head: () => head,
    read,
    async confirm(consumer, upTo) {
      confirmed[consumer] = Math.max(confirmed[consumer], Math.min(upTo, head))
      trimSoon()
    },
    keep() {
      keepers++
      let kept = true
      return () => {
        if (kept) keepers--
        kept = false
        trimSoon()
      }
    },
    health() {
      const bytes = store.bytes()
      const reason = failure?.message ?? (bytes >= maxBytes ? fullReason() : undefined)
      return { ok: !reason, ...(reason && { reason }), bytes, maxBytes, head, confirmed: { ...confirmed } }
    },
    async close() {
      closed = true
      clearTimeout(trimTimer)
      wakeReaders()
      await writing
      await trimming
      await store.close()
    }
  }
}
