import type { Episode, TicketSummary } from '#model/api'
import type { Millis } from '#model/time'
import { expectedEpisodes, type CrashReading } from '#test/fixtures/crash-city'

export const JUDGED = ['tempC', 'fillPct'] as const
export type JudgedMetric = (typeof JUDGED)[number]

/** What the device of `bin-{n}` says it did, and what the system shows and keeps of it. */
export interface BinEvidence {
  /** Whose PUBACK came, in that order. */
  acknowledged: CrashReading[]
  published: number
  /** How often a reading left the device, by its time. */
  sent: ReadonlyMap<Millis, number>
  /** Through the API. */
  points: Record<JudgedMetric, { at: Millis; value: number }[]>
  episodes: Pick<Episode, 'id' | 'rule' | 'startedAt' | 'endedAt' | 'ticket'>[]
  tickets: Pick<TicketSummary, 'id' | 'rule' | 'closedAt' | 'clearedAt'>[]
  /** In the store itself: the API shows a reading once, however often it is there. */
  rows: { metric: JudgedMetric; at: Millis; seq: number }[]
}

/** One thing that is not as it must be, and the reading of which device it began with. */
export interface Difference {
  what: 'lost' | 'doubled' | 'differing'
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

type Differs = (what: Difference['what'], at: Millis, detail: string) => void

/**
 * Holds what was acknowledged against what is shown and kept: every reading once with its value; in the store no
 * oftener than it was sent, and nothing that was not; episodes as the readings imply them (crash-city.ts, which knows
 * nothing of the engine); for each episode one ticket of its own, open as long as it lasts, and no other.
 */
export function judge(bins: BinEvidence[]): Verdict {
  const verdict: Verdict = { acknowledged: 0, episodes: 0, tickets: 0, differences: [] }
  for (const [device, bin] of bins.entries()) {
    const differs: Differs = (what, at, detail) =>
      verdict.differences.push({ what, device, at, detail: `bin-${device} ${detail}` })
    verdict.acknowledged += bin.acknowledged.length
    verdict.episodes += bin.episodes.length
    verdict.tickets += bin.tickets.length
    judgeReadings(bin, differs)
    judgeRows(bin, differs)
    judgeEpisodes(bin, differs)
    judgeTickets(bin, differs)
  }
  return verdict
}

function judgeReadings({ acknowledged, published, points }: BinEvidence, differs: Differs): void {
  const known = new Set(acknowledged.map(({ at }) => at))
  if (acknowledged.length !== published || known.size !== published)
    differs('lost', lastOf(acknowledged), `${known.size} of ${published} acknowledged`)
  for (const metric of JUDGED) {
    const found = grouped(points[metric], ({ at }) => at)
    for (const { at, [metric]: value } of acknowledged) {
      const values = (found.get(at) ?? []).map(point => point.value)
      if (!values.includes(value)) differs('lost', at, `${metric} at ${at}: ${values.join() || 'nothing'}`)
      if (values.length > 1) differs('doubled', at, `${metric} at ${at} is shown as ${values.join()}`)
    }
    for (const at of found.keys())
      if (!known.has(at)) differs('doubled', at, `${metric} at ${at} is shown and was never acknowledged`)
  }
}

/** A reading sent again after a lost PUBACK may be there again, as another record; the same record never. */
function judgeRows({ rows, sent }: BinEvidence, differs: Differs): void {
  for (const metric of JUDGED) {
    const kept = rows.filter(row => row.metric === metric)
    for (const [at, same] of grouped(kept, row => row.at)) {
      const records = new Set(same.map(({ seq }) => seq)).size
      if (same.length > records || records > (sent.get(at) ?? 0))
        differs(
          'doubled',
          at,
          `${metric} at ${at} is kept ${same.length} times, of ${records} records, sent ${sent.get(at) ?? 0} times`
        )
    }
  }
}

function judgeEpisodes({ acknowledged, episodes }: BinEvidence, differs: Differs): void {
  const readings = [...acknowledged].sort((a, b) => a.at - b.at)
  const nameOf = (rule: string, startedAt: Millis, ended: boolean) =>
    `${rule} ${new Date(startedAt).toISOString()} ${ended ? 'ended' : 'going on'}`
  const balance = new Map<string, { at: Millis; count: number }>()
  const count = (name: string, at: Millis, by: number) =>
    balance.set(name, { at, count: (balance.get(name)?.count ?? 0) + by })
  for (const { rule, startedAt, ended } of expectedEpisodes(readings))
    count(nameOf(rule, startedAt, ended), startedAt, 1)
  for (const { rule, startedAt, endedAt } of episodes)
    count(nameOf(rule, Date.parse(startedAt), endedAt !== null), Date.parse(startedAt), -1)
  for (const [name, { at, count }] of balance)
    if (count !== 0) differs('differing', at, `episode ${name}: ${count > 0 ? 'missing' : 'too many'}`)
}

/** Nobody touches a ticket here: it is opened by one episode and closes itself with it. */
function judgeTickets({ acknowledged, episodes, tickets }: BinEvidence, differs: Differs): void {
  const byId = grouped(tickets, ({ id }) => id)
  const byTicket = grouped(episodes, ({ ticket }) => ticket)
  for (const { id, rule, startedAt, endedAt, ticket } of episodes) {
    const at = Date.parse(startedAt)
    const says = (words: string) => differs('differing', at, `ticket of ${rule} ${startedAt} ${words}`)
    const [its] = byId.get(ticket ?? '') ?? []
    if (!its) says(`is missing (episode ${id})`)
    else if (its.rule !== rule) says(`is one of ${its.rule}`)
    else if ((its.closedAt === null) !== (endedAt === null))
      says(its.closedAt === null ? 'is open, its episode over' : 'is closed, its episode going on')
    else if (its.clearedAt !== endedAt) says(`is cleared ${its.clearedAt}, its episode ended ${endedAt}`)
  }
  for (const [id, same] of byId) {
    const its = byTicket.get(id) ?? []
    const at = its[0] ? Date.parse(its[0].startedAt) : lastOf(acknowledged)
    if (same.length > 1) differs('differing', at, `ticket ${id} is listed ${same.length} times`)
    if (its.length !== 1)
      differs('differing', at, `ticket ${id} of ${same[0]?.rule} has ${its.length} episodes`)
  }
}

const lastOf = (readings: CrashReading[]): Millis => readings.reduce((last, { at }) => Math.max(last, at), 0)

function grouped<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group) group.push(item)
    else groups.set(keyOf(item), [item])
  }
  return groups
}
