import type { Seq } from '../journal.ts'

/** The newest batches in memory, so that readers at the head never touch the disk. Forgets the oldest over `maxBytes`. */
export function batchTail(maxBytes: number) {
  let batches: [first: Seq, value: Buffer][] = []
  let bytes = 0
  let dropped = 0

  return {
    push(first: Seq, value: Buffer) {
      batches.push([first, value])
      bytes += value.length
      while (bytes > maxBytes) {
        bytes -= batches[dropped]![1].length
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
    from(from: Seq, maxBytes: number): [Seq, Buffer][] {
      let low = dropped - 1
      let high = batches.length - 1
      while (low < high) {
        const middle = Math.ceil((low + high) / 2)
        if (batches[middle]![0] <= from) low = middle
        else high = middle - 1
      }
      const found: [Seq, Buffer][] = []
      if (low < dropped) return found
      for (let size = 0; low < batches.length && size < maxBytes; low++) {
        found.push(batches[low]!)
        size += batches[low]![1].length
      }
      return found
    }
  }
}
