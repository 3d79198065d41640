import type { TelemetryRow, TelemetryStore } from '#db/telemetry/store'
import type { MetricId } from '#model/metrics'
import { AppError } from '#model/errors'
import { days, minutes, type Millis } from '#model/time'

/** Of one question to the store: few enough to be read in a turn. */
const ROWS_AT_ONCE = 8000
const STRETCH = { shortest: 1000, first: minutes(20), longest: days(1) }
/** What was measured so long before the first moment and came after it is heard too. */
const LATE_MS = days(2)
/** Readings that were still on their way at the moment read up to: 200 MB, and no city is so far behind. */
const MOST_WAITING = 1_000_000

/** Where the next stretch should come to, so that a question is seldom too large and never for a few rows only. */
const AIM_ROWS = ROWS_AT_ONCE * 0.7
const GROWTH_MOST = 2

interface Asked {
  from: Millis
  until: Millis
  found: ReturnType<TelemetryStore['rows']>
}

/** Rows received from `from` until before `until`, record by record in the order of the journal. */
export interface PastRecords {
  until: Millis
  records: TelemetryRow[][]
}

/**
 * Stored readings in the order they came in. Nothing is received before it is measured, so once all that was measured before a
 * moment is read, all that was received before it is there; what was late waits here until its turn.
 */
export async function* pastRows(options: {
  telemetry: Pick<TelemetryStore, 'rows'>
  metrics: MetricId[]
  devices?: string[] | undefined
  from: Millis
  to: Millis
}): AsyncGenerator<PastRecords, void> {
  const { telemetry, metrics, devices, from, to } = options
  let waiting: TelemetryRow[] = []
  let stretchMs = STRETCH.first
  const ask = (start: Millis): Asked => {
    const until = Math.min(start + stretchMs, to)
    const found = telemetry.rows({
      metrics,
      ...(devices && { devices }),
      from: start,
      to: until,
      receivedFrom: from,
      limit: ROWS_AT_ONCE
    })
    // Nobody waits for it any more when it is cancelled meanwhile.
    found.catch(() => {})
    return { from: start, until, found }
  }
  let asked: Asked | undefined = ask(from - LATE_MS)
  while (asked) {
    const { from: at, until, found }: Asked = asked
    const { rows, whole } = await found
    if (!whole && until - at > STRETCH.shortest) {
      stretchMs = Math.max(STRETCH.shortest, Math.floor((until - at) / 2))
      asked = ask(at)
      continue
    }
    stretchMs = nextStretch(until - at, rows.length)
    // The store looks for the next ones while these go through the rules.
    asked = until < to ? ask(until) : undefined
    waiting = waiting.concat(rows)
    if (waiting.length > MOST_WAITING) {
      throw new AppError(
        'too-large',
        'Too many readings came late in this time: choose an area or a shorter time.'
      )
    }
    if (until <= from) continue
    const ready = waiting.filter(row => row.receivedAt < until).sort((a, b) => a.seq - b.seq)
    waiting = waiting.filter(row => row.receivedAt >= until)
    yield { until, records: bySeq(ready) }
  }
}

function bySeq(rows: TelemetryRow[]): TelemetryRow[][] {
  const records: TelemetryRow[][] = []
  for (const row of rows) {
    const last = records.at(-1)
    if (last?.[0]?.seq === row.seq) last.push(row)
    else records.push([row])
  }
  return records
}

function nextStretch(stretchMs: Millis, rows: number): Millis {
  const growth = Math.min(GROWTH_MOST, AIM_ROWS / Math.max(1, rows))
  return Math.min(STRETCH.longest, Math.max(STRETCH.shortest, Math.floor(stretchMs * growth)))
}
