import { escape } from '@influxdata/influxdb-client'
import type { TelemetryRow } from '../store.ts'

/** Far below the 25 MB that InfluxDB takes; 20 000 to 30 000 rows. */
const LINES_PER_BODY = 10_000
/** A millisecond's nanoseconds, over which records spread. */
const SLOTS = 1_000_000

const fieldKeys = new Map<string, string>()

/**
 * Rows as bodies of line protocol with nanoseconds, one point for what a record says of a device at one time:
 * `telemetry,device=B-1 fillPct=81.5,tempC=20,seq=7i,received=1760000000123i 1760000000000000007`, and `skewed=true` when it is.
 *
 * Points of one time overwrite one another. So that the first of duplicates is not lost, the seq fills the nanoseconds within
 * the millisecond: a repeated write meets itself, another record lies beside it, and the reader takes the lowest seq. Only
 * duplicates an exact multiple of a million records apart meet; the later one stays. `last` is a line behind all of them.
 */
export function* lineBodies(rows: TelemetryRow[], last?: string): Generator<string, void> {
  let lines: string[] = []
  for (let start = 0, end: number; start < rows.length; start = end) {
    const { device, measuredAt, receivedAt, seq, quality } = rows[start]!
    let fields = ''
    for (end = start; end < rows.length; end++) {
      const row = rows[end]!
      if (row.seq !== seq || row.device !== device || row.measuredAt !== measuredAt) break
      // Without the `i` of an integer every number is a float.
      fields += `${fieldKey(row.metric)}=${row.value},`
    }
    const skewed = quality === 'skewed' ? ',skewed=true' : ''
    const slot = String(seq % SLOTS).padStart(6, '0')
    lines.push(
      `telemetry,device=${escape.tag(device)} ${fields}seq=${seq}i,received=${receivedAt}i${skewed} ${measuredAt}${slot}`
    )
    if (lines.length < LINES_PER_BODY) continue
    yield lines.join('\n')
    lines = []
  }
  if (last !== undefined) lines.push(last)
  if (lines.length > 0) yield lines.join('\n')
}

function fieldKey(metric: string): string {
  let key = fieldKeys.get(metric)
  if (key === undefined) fieldKeys.set(metric, (key = escape.tag(metric)))
  return key
}
