import type { Seq } from '../journal.ts'
import type { StoredBatch } from './batch-store.ts'

/** What a batch takes beside its bytes: at a few messages a second batches are small and many. */
const BATCH_OVERHEAD_BYTES = 300
const sizeOf = ([, value]: StoredBatch) => value.length + BATCH_OVERHEAD_BYTES

/** The newest batches in memory, so that readers at the head never touch the disk. Forgets the oldest over `maxBytes`. */
export function batchTail(maxBytes: number) {
  let batches: StoredBatch[] = []
  let bytes = 0
  let dropped = 0

  return {
    push(batch: StoredBatch) {
      batches.push(batch)
      bytes += sizeOf(batch)
      while (bytes > maxBytes) {
        bytes -= sizeOf(batches[dropped]!)
        batches[dropped++] = [0, Buffer.alloc(0)]
      }
      if (dropped > batches.length / 2) {
        batches = batches.slice(dropped)
        dropped = 0
      }
    },
    clear() {
      batches = []
      bytes = 0
      dropped = 0
    },
    /** About `maxBytes` of batches, the first holding `from`; none when `from` is older than the tail. */
    from(from: Seq, maxBytes: number): StoredBatch[] {
      let low = dropped - 1
      let high = batches.length - 1
      while (low < high) {
        const middle = Math.ceil((low + high) / 2)
        if (batches[middle]![0] <= from) low = middle
        else high = middle - 1
      }
      const found: StoredBatch[] = []
      if (low < dropped) return found
      for (let size = 0; low < batches.length && size < maxBytes; low++) {
        found.push(batches[low]!)
        size += batches[low]![1].length
      }
      return found
    }
  }
}
