import { chmod, mkdtemp } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ImportResult, TicketDetail, TicketSummary } from '#model/api'
import { hours, minutes, systemClock, type Millis } from '#model/time'
import type { City } from '#sim/city'
import { cityCsv } from '#sim/city-csv'
import { simulateCrews, type Crews } from '#sim/crews/crews'
import { drivenClock } from '#sim/driven-clock'
import { connectFleet } from '#sim/fleet'
import { hardDays } from '#sim/hard-days'
import { expectationOf, type Expectation, type Outage, type Played } from '#sim/truth/expectation'
import { RULE_IDS } from '#sim/truth/domain'
import { truthCity, truthStart } from '#sim/truth/setting'
import { hire } from '../../demo-staff.ts'
import { silentLog } from '../../log.ts'
import { startSystem, type System } from '../../system.ts'
import { removeData } from '../bench/program.ts'
import { score, type FalseTicket, type Score } from './score.ts'

export interface PlayOptions {
  seed: number
  facilities: number
  hours: number
  /** Only this rule counts, though everything happens. */
  rule?: string | undefined
  /** People work the tickets, and repair the world. */
  crews?: boolean
  /** Default an embedded Postgres of its own. */
  databaseUrl?: string | undefined
  say?: (line: string) => void
}

export interface PlayedSeed {
  seed: number
  city: City
  played: Played
  expectation: Expectation
  score: Score
  /** Rules of the specification the system does not have. */
  missing: string[]
  /** What a false ticket or the neighbour of a miss says of itself. */
  details: Map<string, TicketDetail>
  /** What the people did. */
  work: ReturnType<Crews['counts']>
  tookMs: Millis
  messages: number
}

/** Under the silence of the fastest device, three minutes. */
export const STEP_MS = minutes(2)
/** Two syncs to disk a step would be most of the time; this is about the rules, not the disk. */
const MEMORY = '/dev/shm'
const OUTAGE_MS = minutes(40)

/** The whole system on a clock of its own, a city on real MQTT, its hard days played; what it opened against what had to be. */
export async function playSeed(options: PlayOptions): Promise<PlayedSeed> {
  const { seed, rule, say = () => {} } = options
  const began = performance.now()
  const from = truthStart(seed)
  const to = from + hours(options.hours)
  const clock = drivenClock(from, systemClock)
  const dataDir = await mkdtemp(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'mingjie-truth-'))
  await chmod(dataDir, 0o755)
  let system: System | undefined
  let fleet: Awaited<ReturnType<typeof connectFleet>> | undefined
  try {
    const fatal: Error[] = []
    system = await startSystem({
      config: {
        http: { host: '127.0.0.1', port: 0 },
        mqtt: { host: '127.0.0.1', port: 0 },
        dataDir,
        databaseUrl: options.databaseUrl,
        influx: undefined,
        adminPassword: undefined,
        timeZone: 'Asia/Shanghai'
      },
      clock,
      log: silentLog,
      simulated: true,
      onFatal: error => fatal.push(error),
      firstTickMs: STEP_MS,
      brokerLimits: { messagesPerSecond: Infinity, bytesPerSecond: Infinity }
    })
    const api = await asAdmin(system)
    const city = truthCity(options)
    const secrets = await importCity(api, city)
    const live = await liveRules(api)
    const outages = outageIn(from, to)
    const faults = hardDays({ city, from, to, rules: live })
    fleet = await connectFleet({ city, url: system.mqttUrl, secrets, from, faults, log: () => {} })
    say(`seed ${seed}: ${city.facilities.length} facilities, ${faults.length} faults in ${options.hours} h`)

    const running = system
    const { desk } = await hire({ system, api })
    const working = fleet
    const people = simulateCrews({
      city,
      desk: options.crews ? desk : { ...desk, openTickets: () => Promise.resolve([]) },
      repair: (job, at) => working.repair(job, at),
      faults: () => faults,
      from
    })
    for (const [until, awake] of legs(to, outages)) {
      if (!awake) {
        clock.set(until)
        continue
      }
      await fleet.play({
        clock,
        to: until,
        stepMs: STEP_MS,
        async onStep(at) {
          if (fatal[0]) throw fatal[0]
          await people.step(at)
          await running.tick(STEP_MS)
        }
      })
    }
    await decided(running)

    const repaired = options.crews ? { repaired: fleet.faults() } : {}
    const played: Played = { city, faults, ...repaired, from, to, stepMs: STEP_MS, outages }
    const expectation = expectationOf(played)
    const rules = [...live].filter(id => rule === undefined || rule === id)
    const counts = ({ rule }: { rule: string | null }) => rules.includes(rule ?? '')
    const tickets = (await allTickets(api)).filter(counts)
    const result = score(expectation, tickets, rules)
    const details = new Map<string, TicketDetail>()
    const toShow = [
      ...result.falseTickets.map(({ ticket }: FalseTicket) => ticket.id),
      ...result.misses.flatMap(({ near }) => near.map(({ id }) => id))
    ]
    for (const id of toShow.slice(0, 40)) details.set(id, await api<TicketDetail>(`/api/tickets/${id}`))
    return {
      seed,
      city,
      played,
      expectation,
      score: result,
      missing: RULE_IDS.filter(id => !live.has(id)),
      details,
      work: people.counts(),
      tookMs: performance.now() - began,
      messages: fleet.counts().acknowledged
    }
  } finally {
    await fleet?.close()
    await system?.close()
    await removeData(dataDir)
  }
}

type Api = <T>(path: string, init?: RequestInit) => Promise<T>

async function asAdmin(system: System): Promise<Api> {
  const token = await system.people.createToken('admin', 'bearer')
  return async <T>(path: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${token}`, ...init.headers }
    const answer = await fetch(system.httpUrl + path, { ...init, headers })
    if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${await answer.text()}`)
    return (await answer.json()) as T
  }
}

async function importCity(api: Api, city: City): Promise<Map<string, string>> {
  const { rows, failed } = await api<ImportResult>('/api/import', {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body: cityCsv(city)
  })
  if (failed > 0) throw new Error(`the city has broken rows: ${JSON.stringify(rows.find(row => !row.ok))}`)
  return new Map(rows.flatMap(row => (row.secret ? [[row.id, row.secret]] : [])))
}

const liveRules = async (api: Api): Promise<Set<string>> => {
  const { items } = await api<{ items: { id: string }[] }>('/api/rules')
  return new Set(items.map(({ id }) => id))
}

async function allTickets(api: Api): Promise<TicketSummary[]> {
  const tickets: TicketSummary[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: { items: TicketSummary[]; nextCursor: string | null } = await api(
      `/api/tickets?status=all&limit=1000${cursor && `&cursor=${encodeURIComponent(cursor)}`}`
    )
    tickets.push(...page.items)
    cursor = page.nextCursor
  }
  return tickets
}

/** Until the rules have seen everything that was acknowledged. */
async function decided(system: System): Promise<void> {
  const head = system.journal.head()
  while (system.ingest.state.committed() < head) await new Promise(resolve => setTimeout(resolve, 10))
}

/** One, at two thirds of the time. */
function outageIn(from: Millis, to: Millis): Outage[] {
  if (to - from < hours(12)) return []
  const begin = from + Math.round(((to - from) * 2) / 3 / STEP_MS) * STEP_MS
  return [{ from: begin, to: begin + OUTAGE_MS }]
}

/** The time cut at the outages: until when, and whether the platform is there. */
const legs = (to: Millis, outages: readonly Outage[]): [until: Millis, awake: boolean][] => [
  ...outages.flatMap((one): [Millis, boolean][] => [
    [one.from, true],
    [one.to, false]
  ]),
  [to, true]
]
