import type { StateCommit } from '#db/state-store'
import type { NormalisedRecord } from './reading.ts'

/** Of the raw bytes this much is kept: enough to see what the device meant. */
export const QUARANTINE_BYTES = 4096

/** What the quarantine keeps of a record; (seq, no) names a row, so a replay writes none twice. */
export function quarantineRows(record: NormalisedRecord): StateCommit['quarantine'] {
  const payload = Buffer.from(record.payload ?? new Uint8Array()).subarray(0, QUARANTINE_BYTES)
  return record.rejects.map(({ device, reason, path, detail }, no) => ({
    seq: record.seq,
    no,
    receivedAt: record.receivedAt,
    device,
    reason,
    path,
    detail,
    payload
  }))
}
