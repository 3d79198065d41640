import type { Millis } from '#model/time'
import {
  CONSUMERS,
  RECORD_KINDS,
  type ConsumerId,
  type JournalEntry,
  type JournalRecord,
  type Seq
} from '../journal.ts'

/**
 * What stands in front of a batch's records. The confirmed offsets travel here, not under keys of their own: a key
 * rewritten in every LevelDB table would make all tables overlap and be rewritten by each compaction.
 */
export interface BatchHeader {
  /** Of the first record; those after it may each be a millisecond later (see stamps.ts). */
  receivedAt: Millis
  confirmed: Record<ConsumerId, Seq>
  count: number
}

const VERSION = 1
const HEADER_BYTES = 1 + 8 + CONSUMERS.length * 8 + 4
const ENTRY_BYTES = 1 + 1 + 4
const KIND_CODES = { telemetry: 0, status: 1, tick: 2 } as const
/** Beside the kind: received a millisecond after the record before. */
const LATER = 0x80

/** Bytes an entry takes in a batch; device ids are ASCII of at most 64 characters (model/ids.ts). */
export const entryBytes = (entry: JournalEntry): number =>
  ENTRY_BYTES + entry.deviceId.length + entry.payload.byteLength

/** One LevelDB value: version, receivedAt, confirmed offsets, count, then `kind, lengths, device id, payload` each. */
export function encodeBatch(
  entries: readonly JournalEntry[],
  { receivedAt, confirmed }: Omit<BatchHeader, 'count'>,
  stepOf: (deviceId: string) => 0 | 1 = () => 0
): Buffer {
  let size = HEADER_BYTES
  for (const entry of entries) size += entryBytes(entry)
  const value = Buffer.allocUnsafe(size)
  let at = value.writeUInt8(VERSION, 0)
  at = value.writeDoubleBE(receivedAt, at)
  for (const consumer of CONSUMERS) at = value.writeDoubleBE(confirmed[consumer], at)
  at = value.writeUInt32BE(entries.length, at)
  for (const { kind, deviceId, payload } of entries) {
    value[at] = KIND_CODES[kind] | (stepOf(deviceId) * LATER)
    value[at + 1] = deviceId.length
    value.writeUInt32BE(payload.byteLength, at + 2)
    at += ENTRY_BYTES
    at += value.write(deviceId, at, 'latin1')
    value.set(payload, at)
    at += payload.byteLength
  }
  return value
}

export function decodeHeader(value: Buffer): BatchHeader {
  if (value[0] !== VERSION)
    throw new Error(`journal batch of version ${value[0]}, this build reads ${VERSION}`)
  const confirmed = {} as Record<ConsumerId, Seq>
  CONSUMERS.forEach((consumer, i) => (confirmed[consumer] = value.readDoubleBE(9 + i * 8)))
  return { receivedAt: value.readDoubleBE(1), confirmed, count: value.readUInt32BE(HEADER_BYTES - 4) }
}

/** The records of a batch from seq `from` on; payloads are views into `value`, not copies. */
export function decodeRecords(first: Seq, value: Buffer, from: Seq): JournalRecord[] {
  const { receivedAt: begin, count } = decodeHeader(value)
  const records: JournalRecord[] = []
  let receivedAt = begin
  let at = HEADER_BYTES
  for (let seq = first; seq < first + count; seq++) {
    const code = value[at]!
    if (code & LATER) receivedAt++
    const idEnd = at + ENTRY_BYTES + value[at + 1]!
    const end = idEnd + value.readUInt32BE(at + 2)
    if (seq >= from) {
      const deviceId = value.toString('latin1', at + ENTRY_BYTES, idEnd)
      records.push({
        seq,
        receivedAt,
        kind: RECORD_KINDS[code & ~LATER]!,
        deviceId,
        payload: value.subarray(idEnd, end)
      })
    }
    at = end
  }
  return records
}

/** The records in pieces of at most `maxBytes` payload, each of at least one record. */
export function* inPieces(records: JournalRecord[], maxBytes: number): Generator<JournalRecord[]> {
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
