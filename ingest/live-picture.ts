import type {
  Counts,
  DeviceState,
  FacilityDetail,
  FacilitySummary,
  HealthReason,
  LiveValue,
  SystemState
} from '#model/api'
import { expectedIntervalMs } from '#model/device-models'
import { HEALTH_IDS, healthRank, type Health } from '#model/health'
import { FACILITY_KIND_IDS, FACILITY_KINDS } from '#model/kinds'
import { decodeValue, type MetricId } from '#model/metrics'
import type { Clock, Millis } from '#model/time'
import { healthOf, healthReasons } from './health.ts'
import type { ListPage, LiveState } from './live-state.ts'
import type { Registry } from './registry.ts'
import type { Engine } from './rules/engine.ts'
import { isFresh, type DevicePicture, type FacilityPicture, type Level } from './rules/picture.ts'
import type { TicketDesk } from './tickets/desk.ts'
import { describeTicket } from './ticket-words.ts'

const DEFAULT_LIMIT = 100
const iso = (at: Millis): string => new Date(at).toISOString()

export interface LivePicture extends LiveState {
  /** Looks at what the last batch touched: health, counts, versions. */
  update(): void
}

/** The live picture over the engine's memory. Health is kept up to date by what changed, not by asking everyone. */
export function createLivePicture(options: {
  engine: Engine
  desk: TicketDesk
  registry: Registry
  system: () => SystemState
  clock: Clock
}): LivePicture {
  const { engine, desk, registry, clock } = options
  const counts = emptyCounts()
  const shown = new Map<FacilityPicture, { health: Health; reasons: HealthReason[] }>()
  /** Facilities with a hold running: their warning comes with time alone. */
  const waiting = new Set<FacilityPicture>()
  let sorted: FacilityPicture[] = []
  let openTickets = 0
  let revision = 0

  const now = (): Millis => engine.time.at || clock.now()

  function look(facility: FacilityPicture): void {
    const reasons = healthReasons(facility, now(), desk).sort(
      (a, b) => healthRank(a.health) - healthRank(b.health)
    )
    const health = healthOf(facility, reasons)
    const before = shown.get(facility)
    const kind = facility.facility.kind
    if (before) counts[kind][before.health]--
    counts[kind][health]++
    shown.set(facility, { health, reasons })
    const holds = [...facility.instances.values()].some(({ state }) => state.phase === 'pending')
    if (holds) waiting.add(facility)
    else waiting.delete(facility)
  }

  function update(): void {
    const touched = engine.takeTouched()
    for (const facility of touched) look(facility)
    for (const facility of waiting) {
      if (touched.has(facility)) continue
      const before = shown.get(facility)?.health
      look(facility)
      if (shown.get(facility)?.health !== before) {
        facility.version++
        revision++
      }
    }
    if (engine.facilities.size !== sorted.length) {
      sorted = [...engine.facilities.values()].sort((a, b) => (a.facility.id < b.facility.id ? -1 : 1))
    }
    openTickets = [...desk.all()].length
  }

  const liveValue = (device: DevicePicture, metric: MetricId, level: Level): LiveValue => ({
    metric,
    device: device.device.id,
    value: decodeValue(metric, level.value),
    at: iso(level.measuredAt),
    stale: device.silent || !isFresh(device, level, now())
  })

  function headline(facility: FacilityPicture): LiveValue | null {
    const metric = FACILITY_KINDS[facility.facility.kind].headline
    for (const device of facility.devices) {
      const level = device.levels.get(metric)
      if (level) return liveValue(device, metric, level)
    }
    return null
  }

  function summary(picture: FacilityPicture): FacilitySummary {
    const { facility, devices } = picture
    const { health, reasons } = shown.get(picture) ?? { health: 'unknown' as const, reasons: [] }
    const last = Math.max(0, ...devices.map(device => device.lastReceivedAt))
    return {
      id: facility.id,
      kind: facility.kind,
      name: facility.name,
      area: facility.parent,
      areaName: registry.area(facility.parent)?.name ?? facility.parent,
      road: facility.attributes.road ?? null,
      lat: facility.lat,
      lon: facility.lon,
      health,
      reasons,
      headline: headline(picture),
      lastReportAt: last > 0 ? iso(last) : null,
      openTickets: reasons.filter(reason => reason.ticket !== null).length
    }
  }

  function deviceState(device: DevicePicture): DeviceState {
    const { id, kind, name, facility, gateway } = device.device
    return {
      id,
      kind,
      name,
      facility,
      gateway,
      expectedIntervalMs: expectedIntervalMs(device.device),
      lastReportAt: device.lastReceivedAt > 0 ? iso(device.lastReceivedAt) : null,
      silent: device.silent,
      presence: device.presence,
      values: [...device.levels].map(([metric, level]) => liveValue(device, metric, level))
    }
  }

  const has = (text: string, q: string | undefined): boolean =>
    !q || text.toLowerCase().includes(q.toLowerCase())
  const inArea = (area: string | null, wanted: string | undefined): boolean =>
    !wanted || (area !== null && registry.isUnder(area, wanted))

  return {
    update,
    now,
    version: () => engine.version() + revision,
    facilityVersion: id => engine.facilities.get(id)?.version ?? 0,
    system: options.system,
    areas: () => [...registry.areas()],
    devicesOf: id =>
      registry.bindingsOf(id).map(({ device, from, to }) => ({ device, from, ...(to && { to }) })),

    facilities({ kind, area, status, q, limit = DEFAULT_LIMIT, cursor }) {
      const inAreas = cached((id: string) => inArea(id, area))
      const matches = ({ facility }: FacilityPicture): boolean =>
        (!kind || facility.kind === kind) &&
        (!area || inAreas(facility.parent)) &&
        (!q || has(`${facility.name} ${facility.id}`, q))
      const healths = status ? [status] : HEALTH_IDS
      const after = parseCursor(cursor)
      const items: FacilitySummary[] = []
      let total = 0
      let nextCursor: string | null = null
      for (const health of healths) {
        const rank = healthRank(health)
        const known = kind
          ? counts[kind][health]
          : FACILITY_KIND_IDS.reduce((n, one) => n + counts[one][health], 0)
        if (known === 0) continue
        if (!area && !q) total += known
        for (const picture of sorted) {
          if (shown.get(picture)?.health !== health || !matches(picture)) continue
          if (area || q) total++
          if (rank < after.rank || (rank === after.rank && picture.facility.id <= after.id)) continue
          if (items.length < limit) items.push(summary(picture))
          else {
            nextCursor ??= cursorOf(items.at(-1) as FacilitySummary)
            if (!area && !q) break
          }
        }
      }
      return { items, total, nextCursor }
    },

    facility(id): FacilityDetail | undefined {
      const picture = engine.facilities.get(id)
      if (!picture) return undefined
      return {
        ...summary(picture),
        attributes: picture.facility.attributes,
        values: picture.devices.flatMap(device =>
          [...device.levels].map(([metric, level]) => liveValue(device, metric, level))
        ),
        devices: picture.devices.map(deviceState)
      }
    },

    openTickets({ status, area, crew, facility, kind, rule, source, limit = DEFAULT_LIMIT, cursor }) {
      const rules = new Map(engine.rules.map(one => [one.rule.id, one.rule]))
      const matching = [...desk.all()]
        .map(ticket => ticket.row)
        .filter(
          row =>
            (!status || status === 'open' || status === 'all' || row.state === status) &&
            inArea(row.area, area) &&
            (!crew || row.crew === crew) &&
            (!facility || row.facility === facility) &&
            (!kind || row.facilityKind === kind) &&
            (!rule || row.rule === rule) &&
            (!source || row.source === source)
        )
        .sort((a, b) => a.dueAt - b.dueAt || (a.id < b.id ? -1 : 1))
      const start = cursor ? matching.findIndex(row => `${row.dueAt}:${row.id}` === cursor) + 1 : 0
      const page = matching.slice(start, start + limit)
      const last = page.at(-1)
      return {
        items: page.map(row => describeTicket(row, registry, rules.get(row.rule ?? ''))),
        total: matching.length,
        nextCursor: last && start + limit < matching.length ? `${last.dueAt}:${last.id}` : null
      }
    },

    hasOpenTicket: id => desk.byId(id) !== undefined,

    devices({ unbound, facility, q, limit = DEFAULT_LIMIT, cursor }) {
      const matching = [...engine.devices.values()]
        .filter(
          ({ device }) =>
            (!unbound || device.facility === null) &&
            (!facility || device.facility === facility) &&
            has(`${device.name} ${device.id} ${device.facility ?? ''}`, q)
        )
        .sort((a, b) => (a.device.id < b.device.id ? -1 : 1))
      const start = cursor ? matching.findIndex(one => one.device.id > cursor) : 0
      const page = start < 0 ? [] : matching.slice(start, start + limit)
      const more = start >= 0 && start + limit < matching.length
      return {
        items: page.map(deviceState),
        total: matching.length,
        nextCursor: more ? (page.at(-1)?.device.id ?? null) : null
      } satisfies ListPage<DeviceState>
    },

    describeTicket: row =>
      describeTicket(row, registry, engine.rules.find(one => one.rule.id === row.rule)?.rule),

    totals() {
      const at = now()
      let overdueTickets = 0
      for (const { row } of desk.all()) if (row.dueAt < at) overdueTickets++
      return { counts: structuredClone(counts), openTickets, overdueTickets }
    }
  }
}

const emptyCounts = (): Counts =>
  Object.fromEntries(
    FACILITY_KIND_IDS.map(kind => [kind, Object.fromEntries(HEALTH_IDS.map(health => [health, 0]))])
  ) as Counts

const cursorOf = (item: FacilitySummary): string => `${healthRank(item.health)}:${item.id}`

function parseCursor(cursor: string | undefined): { rank: number; id: string } {
  const colon = cursor?.indexOf(':') ?? -1
  return cursor && colon > 0
    ? { rank: Number(cursor.slice(0, colon)), id: cursor.slice(colon + 1) }
    : { rank: -1, id: '' }
}

function cached(test: (id: string) => boolean): (id: string) => boolean {
  const known = new Map<string, boolean>()
  return id => {
    let answer = known.get(id)
    if (answer === undefined) known.set(id, (answer = test(id)))
    return answer
  }
}
