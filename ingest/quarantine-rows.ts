import type { StateCommit } from '#db/state-store'
import type { NormalisedRecord } from './reading.ts'

type Rows = StateCommit['quarantine']

/** The first row of a message has all of its bytes, so that it can be run again; the others enough to see what was meant. */
const EXCERPT_BYTES = 4096
/** A device that sends nothing but rubbish as fast as it may is shown, not kept whole: so many rows of it a commit. */
export const ROWS_A_DEVICE = 100

/** What the quarantine keeps of a record; (seq, no) names a row, so a replay writes none twice. */
export function quarantineRows(
  record: Pick<NormalisedRecord, 'seq' | 'receivedAt' | 'rejects' | 'payload'>
): Rows {
  const whole = Buffer.from(record.payload ?? new Uint8Array())
  const excerpt = Buffer.from(whole.subarray(0, EXCERPT_BYTES))
  return record.rejects.map(({ device, reason, path, detail }, no) => ({
    seq: record.seq,
    no,
    receivedAt: record.receivedAt,
    device,
    reason,
    path,
    detail,
    payload: no === 0 ? whole : excerpt
  }))
}

/** Collects rows until the next commit, bounded per device; what is left out is counted in the device's last row. */
export function quarantineBasket() {
  let rows: Rows = []
  let perDevice = new Map<string, { kept: number; last: Rows[number]; detail: string }>()
  let leftOut = 0

  function add(row: Rows[number]): void {
    const known = perDevice.get(row.device)
    if (!known || known.kept < ROWS_A_DEVICE) {
      rows.push(row)
      perDevice.set(row.device, { kept: (known?.kept ?? 0) + 1, last: row, detail: row.detail })
      return
    }
    leftOut++
    known.kept++
    known.last.detail = `${known.detail} (and ${known.kept - ROWS_A_DEVICE} more of this device at the time, not kept)`
  }

  return {
    add: (record: NormalisedRecord) => {
      if (record.rejects.length > 0) quarantineRows(record).forEach(add)
    },
    rows: () => rows,
    /** After the commit. */
    empty() {
      rows = []
      perDevice = new Map()
    },
    /** Rows not kept since the start. */
    leftOut: () => leftOut
  }
}
