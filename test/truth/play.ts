import { chmod, mkdtemp } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ImportResult, TicketDetail, TicketSummary } from '#model/api'
import type { Rule } from '#model/rules'
import { hours, minutes, systemClock, type Millis } from '#model/time'
import type { City } from '#sim/city'
import { cityCsv } from '#sim/city-csv'
import { simulateCrews, type Crews } from '#sim/crews/crews'
import { drivenClock } from '#sim/driven-clock'
import { connectFleet, type Fleet } from '#sim/fleet'
import { hardDays } from '#sim/hard-days'
import { ordersFor, plannedStop, type Edit, type Orders } from '#sim/orders'
import { foreseenOf, type Expectation, type Outage, type Played } from '#sim/truth/expectation'
import { RULE_IDS } from '#sim/truth/domain'
import { truthCity, truthStart } from '#sim/truth/setting'
import { hire } from '../../demo-staff.ts'
import { silentLog } from '../../log.ts'
import { startSystem, type System } from '../../system.ts'
import { removeData } from '../bench/program.ts'
import { scoreEnds, type Disagreement } from '#sim/truth/score-ends'
import { score, type FalseTicket, type Score } from '#sim/truth/score'

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
  /** What of the tickets' ends and claims is otherwise than foreseen. */
  disagreements: Disagreement[]
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
    const start = (ports: { http: number; mqtt: number }) =>
      startSystem({
        config: {
          http: { host: '127.0.0.1', port: ports.http },
          mqtt: { host: '127.0.0.1', port: ports.mqtt },
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
    system = await start({ http: 0, mqtt: 0 })
    const ports = { http: portOf(system.httpUrl), mqtt: portOf(system.mqttUrl) }
    const api = await asAdmin(system)
    const city = truthCity(options)
    const secrets = await importCity(api, city)
    const live = await liveRules(api)
    const outages = plannedStop(from, to, STEP_MS)
    const hard = hardDays({ city, from, to, rules: live })
    const { orders, faults: more } = ordersFor({ city, from, to, faults: hard })
    const faults = [...hard, ...more].sort((a, b) => a.from - b.from)
    fleet = await connectFleet({ city, url: system.mqttUrl, secrets, from, faults, log: () => {} })
    say(`seed ${seed}: ${city.facilities.length} facilities, ${faults.length} faults in ${options.hours} h`)

    let running = system
    const { desk } = await hire({ system, api })
    const office = officeOf(api, orders)
    const working = fleet
    const people = simulateCrews({
      city,
      desk: {
        ...desk,
        openTickets: () => (options.crews ? desk.openTickets() : Promise.resolve([])),
        // What people do comes after what was said until then, on any machine.
        act: async (...deed) => {
          await decided(running)
          return desk.act(...deed)
        }
      },
      repair: (job, at) => working.repair(job, at),
      faults: () => faults,
      from
    })
    for (const [until, awake] of legs(to, outages)) {
      if (!awake) {
        // The program really ends, the devices lose it, and it starts again on the same data.
        const { connected } = fleet.counts()
        await running.close()
        clock.set(until)
        system = running = await start(ports)
        await allBack(fleet, connected)
        continue
      }
      await fleet.play({
        clock,
        to: until,
        stepMs: STEP_MS,
        async onStep() {
          if (fatal[0]) throw fatal[0]
          // After an outage the clock stands while the devices catch up.
          const now = clock.now()
          await office(now)
          await people.step(now)
          await running.tick(STEP_MS)
        }
      })
    }
    await decided(running)

    const repaired = options.crews ? { repaired: fleet.faults() } : {}
    const played: Played = {
      city,
      faults,
      ...repaired,
      from,
      to,
      stepMs: STEP_MS,
      outages,
      orders,
      deeds: people.deeds()
    }
    const expectation = foreseenOf(played)
    const rules = [...live].filter(id => rule === undefined || rule === id)
    const counts = ({ rule }: { rule: string | null }) => rules.includes(rule ?? '')
    const tickets = (await allTickets(api)).filter(counts)
    const result = score(expectation, tickets, rules)
    const details = new Map<string, TicketDetail>()
    const toShow = [
      ...result.found.map(({ ticket }) => ticket.id),
      ...result.falseTickets.map(({ ticket }: FalseTicket) => ticket.id),
      ...result.misses.flatMap(({ near }) => near.map(({ id }) => id))
    ]
    for (const id of toShow) details.set(id, await api<TicketDetail>(`/api/tickets/${id}`))
    const disagreements = scoreEnds(result, details, STEP_MS)
    return {
      seed,
      city,
      played,
      expectation,
      score: result,
      missing: RULE_IDS.filter(id => !live.has(id)),
      details,
      disagreements,
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

const portOf = (url: string): number => Number(new URL(url).port)

/** Until the devices that were connected before are again. */
async function allBack(fleet: Fleet, connected: number): Promise<void> {
  for (let i = 0; fleet.counts().connected < connected; i++) {
    if (i === 1200)
      throw new Error(`of ${connected} devices ${fleet.counts().connected} came back in two minutes`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

/** The office announces work and changes rules, over HTTP like anybody, when its time has come. */
function officeOf(api: Api, { works, edits }: Orders): (at: Millis) => Promise<void> {
  const iso = (at: Millis) => new Date(at).toISOString()
  const json = { 'content-type': 'application/json' }
  const left = [
    ...works.map(({ enteredAt, subject, from, to }) => ({
      at: enteredAt,
      act: () =>
        api('/api/maintenance', {
          method: 'POST',
          headers: json,
          body: JSON.stringify({ subject, from: iso(from), to: iso(to), note: '计划检修' })
        })
    })),
    ...edits.map(edit => ({ at: edit.at, act: () => change(api, edit) }))
  ].sort((a, b) => a.at - b.at)
  return async at => {
    while (left[0] && left[0].at <= at) await left.shift()?.act()
  }
}

async function change(api: Api, edit: Edit): Promise<void> {
  const rule = await api<Rule>(`/api/rules/${edit.rule}`)
  const changed =
    edit.rule === 'bin-tilted'
      ? { forMs: edit.holdMs }
      : {
          overrides: [
            ...rule.overrides,
            { scope: `road:${edit.road}`, set: { when: { metric: 'fillPct', atLeast: edit.atLeastPct } } }
          ]
        }
  await api(`/api/rules/${edit.rule}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ basedOn: rule.version, why: '按道路情况调整', rule: changed })
  })
}

/** Until the rules have seen everything that was acknowledged. */
async function decided(system: System): Promise<void> {
  const head = system.journal.head()
  while (system.ingest.state.committed() < head) await new Promise(resolve => setTimeout(resolve, 10))
}

/** The time cut at the outages: until when, and whether the platform is there. */
const legs = (to: Millis, outages: readonly Outage[]): [until: Millis, awake: boolean][] => [
  ...outages.flatMap((one): [Millis, boolean][] => [
    [one.from, true],
    [one.to, false]
  ]),
  [to, true]
]
