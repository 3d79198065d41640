import { mkdir, readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { AppError } from '#model/errors'
import type { Seq } from '../journal.ts'

const MB = 1024 * 1024

/** A batch's first seq and its bytes (batch-codec.ts). */
export type StoredBatch = [first: Seq, value: Buffer]

/** Keys sort as the seqs they hold; the first byte is 0 for every seq there can be. */
function batchKey(first: Seq): Buffer {
  const key = Buffer.allocUnsafe(8)
  key.writeUInt32BE(Math.floor(first / 2 ** 32), 0)
  key.writeUInt32BE(first % 2 ** 32, 4)
  return key
}
const AFTER_BATCHES = Buffer.from([0x01])
const seqOfKey = (key: Buffer): Seq => key.readUInt32BE(0) * 2 ** 32 + key.readUInt32BE(4)

/**
 * Batches in a LevelDB of their own, and the disk they take: counted up with every write and measured now and then,
 * since what compression saves and compaction costs only the files tell. Open it before use.
 */
export async function batchStore({ dir, maxBytes: wanted }: { dir: string; maxBytes: number | undefined }) {
  await mkdir(dir, { recursive: true })
  const maxBytes = wanted ?? Math.min(16 * 1024 * MB, ((await freeBytes(dir)) + (await usedBytes(dir))) / 2)
  // Logs and tables must be small beside maxBytes, or nothing could be freed.
  const unit = Math.min(16 * MB, Math.max(64 * 1024, maxBytes / 16))
  const db = new ClassicLevel<Buffer, Buffer>(dir, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    writeBufferSize: unit,
    maxFileSize: Math.max(MB, unit)
  })
  let bytes = 0
  let writtenSinceMeasured = 0

  async function measure() {
    bytes = await usedBytes(dir)
    writtenSinceMeasured = 0
  }

  /** The key of the batch that holds `seq`, or of the last before it. */
  async function keyOf(seq: Seq): Promise<Buffer | undefined> {
    return (await db.keys({ lte: batchKey(seq), reverse: true, limit: 1 }).all())[0]
  }

  return {
    maxBytes,
    bytes: () => bytes,

    /** Opens, or opens again after a failed write, and tells what is on disk. Throws `journal-locked`. */
    async open(): Promise<{ oldest: Seq; newest: StoredBatch } | undefined> {
      await db.close()
      try {
        await db.open()
      } catch (error) {
        const cause = (error as Error).cause as (Error & { code?: string }) | undefined
        if (cause?.code !== 'LEVEL_LOCKED') throw cause ?? error
        throw new AppError(
          'journal-locked',
          `the journal in ${dir} is in use: stop the other process first`,
          {
            cause
          }
        )
      }
      await measure()
      const [oldest] = await db.keys({ lt: AFTER_BATCHES, limit: 1 }).all()
      const [newest] = await db.iterator({ lt: AFTER_BATCHES, reverse: true, limit: 1 }).all()
      return oldest && newest && { oldest: seqOfKey(oldest), newest: [seqOfKey(newest[0]), newest[1]] }
    },

    /** Resolves when synced. When it rejects LevelDB takes nothing more until it is opened again. */
    async put([first, value]: StoredBatch) {
      await db.put(batchKey(first), value, { sync: true })
      bytes += value.length
      writtenSinceMeasured += value.length
      if (writtenSinceMeasured > unit * 2 || bytes >= maxBytes) await measure()
    },

    /** Batches from the one that holds `from`, about `maxBytes` of them; the short-lived iterator pins no files. */
    async from(from: Seq, maxBytes: number): Promise<StoredBatch[]> {
      const gte = (await keyOf(from)) ?? batchKey(from)
      const iterator = db.iterator({ gte, lt: AFTER_BATCHES, highWaterMarkBytes: maxBytes, fillCache: false })
      try {
        return (await iterator.nextv(1000)).map(([key, value]) => [seqOfKey(key), value])
      } finally {
        await iterator.close()
      }
    },

    /** Deletes the batches that end before `seq`, all but the newest. */
    async trimBefore(seq: Seq) {
      const key = await keyOf(seq)
      if (!key) return
      await db.clear({ lt: key })
      // Deleted batches take room until their tables are compacted: not worth the work while there is plenty.
      if (bytes > Math.min(4 * unit, maxBytes / 4)) {
        await db.compactRange(batchKey(0), key)
        await measure()
      }
    },

    isOpen: () => db.status === 'open',
    close: () => db.close()
  }
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
