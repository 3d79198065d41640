import { readdir, stat, statfs, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { AppError } from '#model/errors'
import type { Clock, Millis } from '#model/time'
import {
  AFTER_BATCHES,
  batchKey,
  decodeHeader,
  decodeRecords,
  encodeBatch,
  entryBytes,
  seqOfKey
} from './journal/batch-codec.ts'
import { batchTail } from './journal/batch-tail.ts'
import {
  CONSUMERS,
  type ConsumerId,
  type Journal,
  type JournalEntry,
  type JournalRecord,
  type Seq
} from './journal.ts'

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

type Done = (error: Error | null, seq: Seq) => void

/** What one sync will commit, or a refusal that waits its turn so that callbacks keep the order of the calls. */
interface Pending {
  entries: JournalEntry[]
  dones: Done[]
  bytes: number
  refusal?: AppError
}

/**
 * The journal on LevelDB: one value per batch under the seq of its first record, each put synced, one put at a time;
 * what arrives meanwhile is the next batch. The newest batch is never trimmed: it holds head, stamp and confirmed
 * offsets, so a restart reads one value. Confirmed offsets reach the disk with the next batch, so they may lag.
 *
 * After a failed write LevelDB refuses all others and the batch may or may not be on disk: everything pending is
 * rejected, and the next append reopens the database and goes on after whatever it finds there.
 * Payloads are kept by reference until synced: the caller must not reuse their bytes.
 * Throws `journal-locked` when another process has the folder.
 */
export async function leveldbJournal(options: LeveldbJournalOptions): Promise<Journal> {
  const { dir, clock, log, aroundWrite = write => write(), maxPendingBytes = 64 * MB } = options
  await mkdir(dir, { recursive: true })
  const maxBytes =
    options.maxBytes ?? Math.min(16 * 1024 * MB, ((await freeBytes(dir)) + (await usedBytes(dir))) / 2)
  // Logs and tables must be small beside maxBytes, or nothing could be freed.
  const unit = Math.min(16 * MB, Math.max(64 * 1024, maxBytes / 16))
  const db = new ClassicLevel<Buffer, Buffer>(dir, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    writeBufferSize: unit,
    maxFileSize: Math.max(MB, unit)
  })

  let head: Seq = 0
  let stamp: Millis = 0
  const confirmed = { store: 0, state: 0 } satisfies Record<ConsumerId, Seq>
  let bytes = 0
  let bytesToMeasure = 0
  let failure: AppError | undefined
  let closed = false

  const queue: Pending[] = []
  let pendingBytes = 0
  let writing: Promise<void> | undefined
  const tail = batchTail(TAIL_BYTES)
  const wakers = new Set<() => void>()

  let trimming: Promise<void> | undefined
  let trimTimer: NodeJS.Timeout | undefined
  let trimmedTo: Seq = 1

  await open()

  async function open() {
    try {
      await db.open()
    } catch (error) {
      const cause = (error as Error).cause as (Error & { code?: string }) | undefined
      if (cause?.code !== 'LEVEL_LOCKED') throw cause ?? error
      throw new AppError(
        'journal-locked',
        `the journal in ${dir} is open in another process: stop it first`,
        { cause }
      )
    }
    const [firstKey] = await db.keys({ lt: AFTER_BATCHES, limit: 1 }).all()
    const [last] = await db.iterator({ lt: AFTER_BATCHES, reverse: true, limit: 1 }).all()
    if (firstKey && last) {
      const header = decodeHeader(last[1])
      trimmedTo = Math.max(trimmedTo, seqOfKey(firstKey))
      head = seqOfKey(last[0]) + header.count - 1
      stamp = Math.max(stamp, header.receivedAt)
      for (const c of CONSUMERS)
        confirmed[c] = Math.max(confirmed[c], header.confirmed[c], seqOfKey(firstKey) - 1)
    }
    // What is on disk may be more than what was committed: a batch whose write failed half way.
    tail.clear()
    await measure()
    wakeReaders()
  }

  async function measure() {
    bytesToMeasure = unit * 2
    bytes = await usedBytes(dir)
  }

  function refusal(entry: JournalEntry): AppError | undefined {
    if (closed) return new AppError('journal-failed', 'the journal is closed')
    if (bytes >= maxBytes) return new AppError('journal-full', fullReason())
    if (pendingBytes + entryBytes(entry) > maxPendingBytes && pendingBytes > 0) {
      return new AppError('journal-full', `${pendingBytes} bytes wait for the disk, which is too slow`)
    }
    return undefined
  }

  function fullReason() {
    const slowest = CONSUMERS.reduce((a, b) => (confirmed[b] < confirmed[a] ? b : a))
    return `the journal takes ${bytes} of ${maxBytes} bytes: consumer "${slowest}" is ${head - confirmed[slowest]} records behind`
  }

  function appendThen(entry: JournalEntry, done: Done) {
    const refused = refusal(entry)
    const size = refused ? 0 : entryBytes(entry)
    let last = queue.at(-1)
    if (!last || last.refusal?.code !== refused?.code || (size > 0 && last.bytes + size > BATCH_BYTES)) {
      last = { entries: [], dones: [], bytes: 0, ...(refused && { refusal: refused }) }
      queue.push(last)
    }
    if (!refused) last.entries.push(entry)
    last.dones.push(done)
    last.bytes += size
    pendingBytes += size
    writing ??= writeQueue()
  }

  async function writeQueue() {
    // Everything that arrived in this turn of the event loop belongs in the first batch.
    await new Promise(setImmediate)
    for (let batch = queue.shift(); batch; batch = queue.shift()) {
      let first = 0
      let error: AppError | null = batch.refusal ?? null
      if (!error) {
        try {
          first = await commit(batch.entries)
        } catch (cause) {
          error = fail(cause)
        }
      }
      pendingBytes -= batch.bytes
      for (const done of batch.dones) done(error, error ? 0 : first++)
    }
    writing = undefined
  }

  async function commit(entries: JournalEntry[]): Promise<Seq> {
    if (failure) {
      await db.close()
      await open()
    }
    const first = head + 1
    stamp = Math.max(stamp, clock.now())
    const value = encodeBatch(entries, { receivedAt: stamp, confirmed })
    await aroundWrite(() => db.put(batchKey(first), value, { sync: true }))
    failure = undefined
    head = first + entries.length - 1
    tail.push(first, value)
    bytes += value.length
    bytesToMeasure -= value.length
    if (bytesToMeasure <= 0 || bytes >= maxBytes) await measure()
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

  /** Batches on disk from the one that holds `from`, about `maxBytes` of them; a short-lived iterator pins nothing. */
  async function readDisk(from: Seq, maxBytes: number): Promise<[Seq, Buffer][]> {
    const [start = batchKey(from)] = await db.keys({ lte: batchKey(from), reverse: true, limit: 1 }).all()
    const iterator = db.iterator({
      gte: start,
      lt: AFTER_BATCHES,
      highWaterMarkBytes: maxBytes,
      fillCache: false
    })
    try {
      return (await iterator.nextv(1000)).map(([key, value]) => [seqOfKey(key), value])
    } finally {
      await iterator.close()
    }
  }

  async function batchesFrom(from: Seq, maxBytes: number): Promise<[Seq, Buffer][]> {
    const inMemory = tail.from(from, maxBytes)
    if (inMemory.length > 0) return inMemory
    try {
      return await readDisk(from, maxBytes)
    } catch (error) {
      // The database is being reopened after a failed write: the next commit, or the reopening, wakes us.
      if (db.status === 'open' && !failure) throw error
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

  const neededFrom = (): Seq => Math.min(...CONSUMERS.map(c => confirmed[c])) + 1

  function trimSoon() {
    if (closed || trimming || trimTimer || neededFrom() <= trimmedTo) return
    trimming = trim()
      .catch((error: unknown) => log?.error({ err: error }, 'journal trim failed'))
      .then(() => {
        trimming = undefined
        trimTimer = setTimeout(() => {
          trimTimer = undefined
          trimSoon()
        }, TRIM_EVERY_MS).unref()
      })
  }

  async function trim() {
    const needed = neededFrom()
    const [key] = await db.keys({ lte: batchKey(needed), reverse: true, limit: 1 }).all()
    if (!key) return
    await db.clear({ lt: key })
    // Deleted keys take room until their tables are compacted; not worth the work while the journal is small.
    if (bytes > Math.min(4 * unit, maxBytes / 4)) {
      await db.compactRange(batchKey(0), key)
      await measure()
    }
    trimmedTo = needed
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
    health() {
      const reason = failure?.message ?? (bytes >= maxBytes ? fullReason() : undefined)
      return { ok: !reason, ...(reason && { reason }), bytes, maxBytes, head, confirmed: { ...confirmed } }
    },
    async close() {
      closed = true
      clearTimeout(trimTimer)
      wakeReaders()
      await writing
      await trimming
      await db.close()
    }
  }
}

function* inPieces(records: JournalRecord[], maxBytes: number): Generator<JournalRecord[]> {
  let start = 0
  let size = 0
  for (let i = 0; i < records.length; i++) {
    const next = records[i]!.payload.byteLength
    if (size + next > maxBytes && i > start) {
      yield records.slice(start, i)
      start = i
      size = 0
    }
    size += next
  }
  if (start < records.length) yield start === 0 ? records : records.slice(start)
}

async function usedBytes(dir: string): Promise<number> {
  // A table may go between the listing and its stat.
  const sizeOf = (name: string) =>
    stat(join(dir, name)).then(
      found => found.size,
      () => 0
    )
  return (await Promise.all((await readdir(dir)).map(sizeOf))).reduce((sum, size) => sum + size, 0)
}

async function freeBytes(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir)
  return bavail * bsize
}
