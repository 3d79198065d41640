import type { Seq } from '#db/journal'
import type { TelemetryRow } from '#db/telemetry/store'
import type { NormalisedRecord } from './reading.ts'

/** What records up to `upTo` say, as rows ordered by seq. */
export interface RecordRows {
  rows: TelemetryRow[]
  upTo: Seq
}

/** The readings that the state consumer normalised and the store has not yet taken, so that they are decoded once. */
export interface RecentRecords {
  /** A batch; each goes on where the one before ended, or all before are forgotten. */
  add(records: NormalisedRecord[]): void
  /**
   * The rows after `offset`, of whole batches that end at or before `upTo`, about `maxRows` of them. Undefined: read
   * them from the journal again.
   */
  after(offset: Seq, upTo: Seq, maxRows: number): RecordRows | undefined
  /** Forgets the batches that end at or before this one. */
  drop(upTo: Seq): void
  bytes(): number
}

/** Holds about `maxBytes` of memory; beyond that the oldest go, which costs a second decoding and nothing else. */
export function recentRecords({ maxBytes }: { maxBytes: number }): RecentRecords {
  const batches: Columns[] = []
  let bytes = 0

  function forget(count: number) {
    for (const batch of batches.splice(0, count)) bytes -= batch.bytes
  }

  return {
    add(records) {
      const [first, last] = [records[0], records.at(-1)]
      if (!first || !last) return
      if (batches.at(-1)?.last !== first.seq - 1) forget(batches.length)
      const batch = columnsOf(records, first.seq, last.seq)
      batches.push(batch)
      bytes += batch.bytes
      while (bytes > maxBytes) forget(1)
    },
    after(offset, upTo, maxRows) {
      const begin = batches.findIndex(({ last }) => last > offset)
      if (begin < 0 || batches[begin]!.first > offset + 1) return undefined
      const rows: TelemetryRow[] = []
      let reached: Seq = 0
      for (let i = begin; i < batches.length && rows.length < maxRows; i++) {
        const batch = batches[i]!
        if (batch.last > upTo) break
        addRows(batch, offset, rows)
        reached = batch.last
      }
      return reached > 0 ? { rows, upTo: reached } : undefined
    },
    drop(upTo) {
      const kept = batches.findIndex(({ last }) => last > upTo)
      forget(kept < 0 ? batches.length : kept)
    },
    bytes: () => bytes
  }
}

/** The rows of records. */
export function rowsOf(records: NormalisedRecord[]): TelemetryRow[] {
  const rows: TelemetryRow[] = []
  for (const { seq, receivedAt, reports } of records) {
    for (const { device, measuredAt, quality, metrics, values } of reports) {
      for (let i = 0; i < metrics.length; i++) {
        rows.push({ device, metric: metrics[i]!, measuredAt, receivedAt, seq, value: values[i]!, quality })
      }
    }
  }
  return rows
}

/**
 * A batch's rows by column: a few large objects, where the objects of its records, kept until they are stored, would all
 * be moved by the garbage collector twice.
 */
interface Columns {
  first: Seq
  last: Seq
  bytes: number
  device: string[]
  metric: string[]
  /** Four for a row: measuredAt, receivedAt, seq, value. */
  numbers: Float64Array
  skewed: Uint8Array
}

const NUMBERS = 4
const ROW_BYTES = 8 + 8 + NUMBERS * 8 + 1
const BATCH_BYTES = 500

function columnsOf(records: NormalisedRecord[], first: Seq, last: Seq): Columns {
  let count = 0
  for (const { reports } of records) for (const { metrics } of reports) count += metrics.length
  const device = new Array<string>(count)
  const metric = new Array<string>(count)
  const numbers = new Float64Array(count * NUMBERS)
  const skewed = new Uint8Array(count)
  let row = 0
  for (const { seq, receivedAt, reports } of records) {
    for (const report of reports) {
      const { metrics, values, measuredAt } = report
      const isSkewed = report.quality === 'skewed' ? 1 : 0
      for (let i = 0; i < metrics.length; i++, row++) {
        device[row] = report.device
        metric[row] = metrics[i]!
        skewed[row] = isSkewed
        const at = row * NUMBERS
        numbers[at] = measuredAt
        numbers[at + 1] = receivedAt
        numbers[at + 2] = seq
        numbers[at + 3] = values[i]!
      }
    }
  }
  return { first, last, bytes: BATCH_BYTES + count * ROW_BYTES, device, metric, numbers, skewed }
}

/** Those of records after `offset`. */
function addRows({ device, metric, numbers, skewed }: Columns, offset: Seq, rows: TelemetryRow[]): void {
  for (let i = 0; i < device.length; i++) {
    const at = i * NUMBERS
    const seq = numbers[at + 2]!
    if (seq <= offset) continue
    rows.push({
      device: device[i]!,
      metric: metric[i]!,
      measuredAt: numbers[at]!,
      receivedAt: numbers[at + 1]!,
      seq,
      value: numbers[at + 3]!,
      quality: skewed[i] === 1 ? 'skewed' : 'good'
    })
  }
}
