import type { TelemetryRow } from './store.ts'

/**
 * Leaves out a reading whose (device, metric, measuredAt) the same record holds already: the one kind of duplicate in
 * which the seq does not tell which came first. Answers `rows` itself when there is none.
 */
export function firstReadings(rows: TelemetryRow[]): TelemetryRow[] {
  const repeated = new Set<TelemetryRow>()
  for (let start = 0, end: number; start < rows.length; start = end) {
    const seq = rows[start]!.seq
    end = start + 1
    while (end < rows.length && rows[end]!.seq === seq) end++
    if (end - start > 16) repeatsOfMany(rows.slice(start, end), repeated)
    else repeatsOfFew(rows, start, end, repeated)
  }
  return repeated.size === 0 ? rows : rows.filter(row => !repeated.has(row))
}

function repeatsOfFew(rows: TelemetryRow[], start: number, end: number, repeated: Set<TelemetryRow>): void {
  for (let i = start + 1; i < end; i++) {
    const row = rows[i]!
    for (let j = start; j < i; j++) {
      const earlier = rows[j]!
      if (
        row.metric === earlier.metric &&
        row.measuredAt === earlier.measuredAt &&
        row.device === earlier.device
      ) {
        repeated.add(row)
        break
      }
    }
  }
}

function repeatsOfMany(rows: TelemetryRow[], repeated: Set<TelemetryRow>): void {
  const seen = new Set<string>()
  for (const row of rows) {
    const key = `${row.measuredAt} ${row.metric} ${row.device}`
    if (seen.has(key)) repeated.add(row)
    seen.add(key)
  }
}
