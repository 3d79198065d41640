import { join } from 'node:path'
import pg from 'pg'
import type { JournalRecord } from '#db/journal'
import { leveldbJournal } from '#db/journal-leveldb'
import { startEmbeddedPostgres } from '#db/postgres/embedded'
import type { Episode, TicketSummary } from '#model/api'
import { systemClock, type Millis } from '#model/time'
import { STEP_MS } from '#test/fixtures/crash-city'
import { silentLog } from '../../log.ts'
import { JUDGED, type BinEvidence, type JudgedMetric } from './judge.ts'
import type { List, Town } from './town.ts'

type Row = BinEvidence['rows'][number]
export type Shown = Omit<BinEvidence, 'rows'>

/** What the API of a running town shows of each bin, beside what its device knows. */
export async function shownBy(town: Town): Promise<Shown[]> {
  const tickets = await town.all<TicketSummary>('/api/tickets?status=all&')
  const bins: Shown[] = []
  for (const [no, { acknowledged, published, sent }] of town.devices().entries()) {
    const facility = `bin-${no}`
    const end = acknowledged.reduce((last, { at }) => Math.max(last, at), 0) + 1
    const pointsOf = (metric: JudgedMetric) => points(town, { facility, metric, end })
    bins.push({
      acknowledged,
      published: published(),
      sent,
      points: { tempC: await pointsOf('tempC'), fillPct: await pointsOf('fillPct') },
      episodes: await town.all<Episode>(`/api/facilities/${facility}/episodes?`),
      tickets: tickets.filter(({ subject }) => subject === `facility:${facility}`)
    })
  }
  const elsewhere = tickets.length - bins.reduce((sum, bin) => sum + bin.tickets.length, 0)
  if (elsewhere > 0) throw new Error(`${elsewhere} tickets are of no bin`)
  return bins
}

/** A few days at a time. */
async function points(
  town: Town,
  { facility, metric, end }: { facility: string; metric: JudgedMetric; end: Millis }
): Promise<{ at: Millis; value: number }[]> {
  const found: { at: Millis; value: number }[] = []
  for (let at = town.from; at < end; at += 2000 * STEP_MS) {
    const to = Math.min(end, at + 2000 * STEP_MS)
    const range = `from=${new Date(at).toISOString()}&to=${new Date(to).toISOString()}`
    const { items } = await town.get<List<{ at: string; value: number }>>(
      `/api/facilities/${facility}/telemetry?metric=${metric}&${range}`
    )
    found.push(...items.map(point => ({ at: Date.parse(point.at), value: point.value })))
  }
  return found
}

/** The rows of each bin's device as the store of a town whose program has ended keeps them. */
export async function keptBy(town: Town): Promise<Row[][]> {
  const { influxQuery } = town
  return influxQuery ? influxRows(influxQuery, town.devices().length) : postgresRows(town)
}

async function influxRows(query: NonNullable<Town['influxQuery']>, bins: number): Promise<Row[][]> {
  const kept: Row[][] = []
  for (let no = 0; no < bins; no++) {
    const found = await query(
      `select seq, ${JUDGED.map(metric => `"${metric}"`).join()} from telemetry where device = 'bin-${no}-s'`,
      { db: 'mingjie' }
    )
    kept.push(
      found.flatMap(([time, seq, ...values]) =>
        JUDGED.filter((_, i) => values[i] !== null).map(metric => ({
          metric,
          // In the nanoseconds of the millisecond stands the seq; together they are more than a number holds exactly.
          at: Math.round((Number(time) - (Number(seq) % 1e6)) / 1e6),
          seq: Number(seq)
        }))
      )
    )
  }
  return kept
}

async function postgresRows({ dataDir, devices }: Town): Promise<Row[][]> {
  const server = await startEmbeddedPostgres({ dataDir, log: silentLog })
  const client = new pg.Client(server.connection)
  try {
    await client.connect()
    const kept: Row[][] = []
    for (const no of devices().keys()) {
      const { rows } = await client.query<{ metric: JudgedMetric; at: number; seq: string }>(
        `select metric, (extract(epoch from measured_at) * 1000)::float8 as at, seq
         from telemetry join telemetry_series on id = series where device = $1 and metric = any($2)`,
        [`bin-${no}-s`, JUDGED]
      )
      kept.push(rows.map(({ metric, at, seq }) => ({ metric, at: Math.round(at), seq: Number(seq) })))
    }
    return kept
  } finally {
    await client.end()
    await server.close()
  }
}

/** What is wrong with the journal of a program that has ended: every seq once, time never back; undefined when nothing. */
export async function journalFault(dataDir: string): Promise<string | undefined> {
  const journal = await leveldbJournal({ dir: join(dataDir, 'journal'), clock: systemClock })
  const stop = new AbortController()
  let last: JournalRecord | undefined
  try {
    for await (const records of journal.read(0, { maxBytes: 1_000_000, signal: stop.signal })) {
      for (const record of records) {
        if (last && record.seq !== last.seq + 1) return `after record ${last.seq} comes ${record.seq}`
        if (last && record.receivedAt < last.receivedAt) return `record ${record.seq} is older than the last`
        last = record
      }
      if (last?.seq === journal.head()) return undefined
    }
    return `it ends at ${last?.seq}, its head is ${journal.head()}`
  } finally {
    stop.abort()
    await journal.close()
  }
}
