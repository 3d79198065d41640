import type { TelemetryRow } from './store.ts'

/** Postgres counts microseconds from 2000-01-01. */
const POSTGRES_EPOCH_MS = 946_684_800_000
const TWO_32 = 2 ** 32
/** Where each value stands in a row of 64 bytes: its count of columns (2 bytes), then every value after its length (4 bytes). */
const AT = { measuredAt: 6, receivedAt: 18, seq: 30, value: 42, series: 54, quality: 62 }
const ROW_BYTES = 64
const HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
const END = Buffer.from([0xff, 0xff])

/** Rows without their values: the counts and lengths are the same in each. */
const BLANK = Buffer.alloc(1024 * ROW_BYTES)
for (let row = 0; row < BLANK.length; row += ROW_BYTES) {
  BLANK.writeInt16BE(6, row)
  for (const at of [AT.measuredAt, AT.receivedAt, AT.seq, AT.value]) BLANK.writeInt32BE(8, row + at - 4)
  BLANK.writeInt32BE(4, row + AT.series - 4)
  BLANK.writeInt32BE(2, row + AT.quality - 4)
}

/** The columns in the order of `binaryCopy`. */
export const COPY_TELEMETRY =
  'copy telemetry (measured_at, received_at, seq, value, series, quality) from stdin (format binary)'

/** Rows as Postgres' binary COPY, 64 bytes each; `series` holds each row's number. */
export function binaryCopy(rows: TelemetryRow[], series: Int32Array): Buffer {
  const copy = Buffer.allocUnsafe(HEADER.length + rows.length * ROW_BYTES + END.length)
  HEADER.copy(copy)
  END.copy(copy, copy.length - END.length)
  const rowsEnd = copy.length - END.length
  for (let at = HEADER.length; at < rowsEnd; at += BLANK.length) BLANK.copy(copy, at, 0, rowsEnd - at)
  const view = new DataView(copy.buffer, copy.byteOffset, copy.length)
  for (let i = 0, base = HEADER.length; i < rows.length; i++, base += ROW_BYTES) {
    const row = rows[i]!
    setInt64(view, base + AT.measuredAt, (row.measuredAt - POSTGRES_EPOCH_MS) * 1000)
    setInt64(view, base + AT.receivedAt, (row.receivedAt - POSTGRES_EPOCH_MS) * 1000)
    setInt64(view, base + AT.seq, row.seq)
    view.setFloat64(base + AT.value, row.value)
    view.setInt32(base + AT.series, series[i]!)
    view.setInt16(base + AT.quality, row.quality === 'good' ? 0 : 1)
  }
  return copy
}

/** Without a BigInt for every value; exact for whole numbers up to 2^53. */
function setInt64(view: DataView, at: number, value: number): void {
  const high = Math.floor(value / TWO_32)
  view.setInt32(at, high)
  view.setUint32(at + 4, value - high * TWO_32)
}
