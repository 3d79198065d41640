import type { Seq } from '#db/journal'
import type { NormalisedRecord } from './reading.ts'

/** What the state consumer normalised and the store has not yet taken, so that it is decoded once. */
export interface RecentRecords {
  add(records: NormalisedRecord[]): void
  /** Undefined: read it from the journal again. */
  get(seq: Seq): NormalisedRecord | undefined
  /** Forgets everything up to and including this one. */
  drop(upTo: Seq): void
  bytes(): number
}

/** Holds about `maxBytes` of memory; beyond that the oldest go, which costs a second decoding and nothing else. */
export function recentRecords({ maxBytes }: { maxBytes: number }): RecentRecords {
  const records = new Map<Seq, NormalisedRecord>()
  let bytes = 0

  function remove(record: NormalisedRecord) {
    records.delete(record.seq)
    bytes -= sizeOf(record)
  }

  return {
    add(added) {
      for (const record of added) {
        const before = records.get(record.seq)
        if (before) remove(before)
        records.set(record.seq, record)
        bytes += sizeOf(record)
      }
      for (const oldest of records.values()) {
        if (bytes <= maxBytes) break
        remove(oldest)
      }
    },
    get: seq => records.get(seq),
    drop(upTo) {
      for (const oldest of records.values()) {
        if (oldest.seq > upTo) break
        remove(oldest)
      }
    },
    bytes: () => bytes
  }
}

/** About what V8 takes for it: objects and array headers, 16 bytes for each metric and its value. */
function sizeOf({ reports, rejects, payload }: NormalisedRecord): number {
  let size = 200 + rejects.length * 300 + (payload?.byteLength ?? 0)
  for (const { metrics } of reports) size += 200 + metrics.length * 16
  return size
}
