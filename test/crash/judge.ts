import { join } from 'node:path'
import type { JournalRecord } from '#db/journal'
import { leveldbJournal } from '#db/journal-leveldb'
import type { Episode, TicketSummary } from '#model/api'
import { systemClock, type Millis } from '#model/time'
import { expectedEpisodes, STEP_MS, type CrashReading } from '#test/fixtures/crash-city'
import type { List, Town } from './town.ts'

/** One thing that is not as it must be, and the reading of which device it began with. */
export interface Difference {
  what: 'lost' | 'doubled' | 'tickets'
  device: number
  at: Millis
  detail: string
}

export interface Verdict {
  acknowledged: number
  episodes: number
  tickets: number
  differences: Difference[]
}

/**
 * Holds what the API shows against what was acknowledged: every reading once with its value; episodes as the readings
 * imply them (crash-city.ts, which knows nothing of the engine); one open ticket for each that lasts, and no other.
 */
export async function judge(town: Town): Promise<Verdict> {
  const verdict: Verdict = { acknowledged: 0, episodes: 0, tickets: 0, differences: [] }
  const tickets = await town.all<TicketSummary>('/api/tickets?status=all&')
  verdict.tickets = tickets.length
  for (const [device, { acknowledged, published }] of town.devices().entries()) {
    const facility = `bin-${device}`
    const differs = (what: Difference['what'], at: Millis, detail: string) =>
      verdict.differences.push({ what, device, at, detail: `${facility} ${detail}` })
    if (acknowledged.length !== published())
      differs('lost', town.from, `${acknowledged.length} of ${published()} acknowledged, or one twice`)
    verdict.acknowledged += acknowledged.length
    for (const metric of ['tempC', 'fillPct'] as const) {
      const found = await pointsOf(town, { facility, metric, readings: acknowledged })
      for (const { at, [metric]: value } of acknowledged) {
        const values = found.get(at) ?? []
        if (!values.includes(value)) differs('lost', at, `${metric} ${at}: ${values.join() || 'nothing'}`)
        if (values.length > 1) differs('doubled', at, `${metric} ${at}: ${values.join()}`)
      }
    }

    const readings = [...acknowledged].sort((a, b) => a.at - b.at)
    const expected = expectedEpisodes(readings)
    const episodes = await town.all<Episode>(`/api/facilities/${facility}/episodes?`)
    verdict.episodes += episodes.length
    compare({
      expected: expected.map(({ rule, startedAt, ended }) => [`${rule} ended=${ended}`, startedAt]),
      found: episodes.map(({ rule, startedAt, endedAt }) => [
        `${rule} ended=${endedAt !== null}`,
        Date.parse(startedAt)
      ]),
      differs: (at, detail) => differs('tickets', at, `episode ${detail}`)
    })
    compare({
      expected: expected.filter(one => !one.ended).map(({ rule }) => [rule, readings.at(-1)?.at ?? 0]),
      found: tickets
        .filter(ticket => ticket.subject === `facility:${facility}` && ticket.closedAt === null)
        .map(({ rule }) => [rule, readings.at(-1)?.at ?? 0]),
      differs: (at, detail) => differs('tickets', at, `open ticket ${detail}`)
    })
  }
  return verdict
}

type Named = [name: string | null, at: Millis]

/** What is there too little or too often. */
function compare(options: {
  expected: Named[]
  found: Named[]
  differs: (at: Millis, detail: string) => void
}): void {
  const { expected, found, differs } = options
  const missing = new Map<string, { at: Millis; count: number }>()
  const count = (list: Named[], by: number) => {
    for (const [name, at] of list) {
      const key = `${name} ${new Date(at).toISOString()}`
      missing.set(key, { at, count: (missing.get(key)?.count ?? 0) + by })
    }
  }
  count(expected, 1)
  count(found, -1)
  for (const [key, { at, count }] of missing)
    if (count !== 0) differs(at, `${key}: ${count > 0 ? 'missing' : 'too many'}`)
}

/** Values by time, read through the API a few days at a time. */
async function pointsOf(
  town: Town,
  { facility, metric, readings }: { facility: string; metric: string; readings: CrashReading[] }
): Promise<Map<Millis, number[]>> {
  const found = new Map<Millis, number[]>()
  const end = readings.reduce((last, { at }) => Math.max(last, at), 0) + 1
  for (let at = town.from; at < end; at += 2000 * STEP_MS) {
    const to = Math.min(end, at + 2000 * STEP_MS)
    const range = `from=${new Date(at).toISOString()}&to=${new Date(to).toISOString()}`
    const { items } = await town.get<List<{ at: string; value: number }>>(
      `/api/facilities/${facility}/telemetry?metric=${metric}&${range}`
    )
    for (const { at, value } of items) {
      const time = Date.parse(at)
      found.set(time, [...(found.get(time) ?? []), value])
    }
  }
  return found
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
