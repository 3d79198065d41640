import type {
  Counts,
  DeviceState,
  FacilityDetail,
  FacilitySummary,
  HealthReason,
  LiveValue,
  SystemState,
  TicketClock
} from '#model/api'
import { seenBy } from '#db/ticket-sight'
import { asksSensor } from '#model/checklists'
import { expectedIntervalMs } from '#model/device-models'
import { HEALTH_IDS, healthRank, type Health } from '#model/health'
import { FACILITY_KIND_IDS, FACILITY_KINDS } from '#model/kinds'
import { decodeValue, type MetricId } from '#model/metrics'
import type { Facility } from '#model/registry'
import { RUNNING } from '#model/tickets'
import { seconds, type Clock, type Millis } from '#model/time'
import { changesByTimeAt, healthOf, healthReasons } from './health.ts'
import type { ListPage, LiveState } from './live-state.ts'
import type { Registry } from './registry.ts'
import type { Engine } from './rules/engine.ts'
import { isFresh, type DevicePicture, type FacilityPicture, type Level } from './rules/picture.ts'
import { smellAt } from './rules/smell.ts'
import type { TicketDesk } from './tickets/desk.ts'
import { describeTicket, pausedBy } from './ticket-words.ts'
import { clocksOf, isOverdue, type ClockReading } from './tickets/clock.ts'

const DEFAULT_LIMIT = 100
/** Of each kind, on a first look. */
const SHOWN_NOW = 5
/** A hold grows into a warning by time alone; no page shows parts of a second. */
const LOOK_AGAIN_MS = seconds(1)
const iso = (at: Millis): string => new Date(at).toISOString()

export interface LivePicture extends LiveState {
  /** Looks at what the last batch touched: health, counts, versions. */
  update(): void
}

/** A facility as the pages see it. */
interface Shown {
  picture: FacilityPicture
  /** What it was looked at as; a changed record is another object. */
  facility: Facility
  /** Name and id in small letters, to search in. */
  text: string
  health: Health
  reasons: HealthReason[]
  /** How often it was looked at: who asks between a report and the look at it must ask again. */
  looks: number
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
  const shown = new Map<FacilityPicture, Shown>()
  /** Facilities that time alone changes, and when: a city whose lamps all hold is not looked at every second. */
  const waiting = new Map<FacilityPicture, Millis>()
  let lookedAgainAt: Millis = 0
  let sorted: Shown[] = []
  let revision = 0

  const now = (): Millis => engine.time.at || clock.now()

  function look(picture: FacilityPicture): void {
    const { facility } = picture
    const view = { engine, desk, registry }
    const reasons = healthReasons(picture, now(), view).sort(
      (a, b) => healthRank(a.health) - healthRank(b.health)
    )
    const health = healthOf(picture, reasons)
    let one = shown.get(picture)
    if (one) counts[facility.kind][one.health]--
    else shown.set(picture, (one = { picture, facility, text: textOf(facility), health, reasons, looks: 0 }))
    counts[facility.kind][health]++
    if (one.facility !== facility) Object.assign(one, { facility, text: textOf(facility) })
    one.health = health
    one.reasons = reasons
    one.looks++
    revision++
    const againAt = changesByTimeAt(picture, now(), view)
    if (againAt === Infinity) waiting.delete(picture)
    else waiting.set(picture, againAt)
  }

  function update(): void {
    for (const picture of engine.takeTouched()) look(picture)
    if (now() - lookedAgainAt < LOOK_AGAIN_MS) return
    lookedAgainAt = now()
    for (const [picture, againAt] of waiting) {
      if (againAt <= lookedAgainAt) look(picture)
    }
  }

  /** By id; sorted when somebody asks, or an import would sort a city once for every batch of it. */
  function inOrder(): Shown[] {
    if (sorted.length !== shown.size) {
      sorted = [...shown.values()].sort((a, b) => (a.facility.id < b.facility.id ? -1 : 1))
    }
    return sorted
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
    version: () => engine.version() + desk.version() + revision,
    facilityVersion(id) {
      const picture = engine.facilities.get(id)
      if (!picture) return 0
      return picture.version + (shown.get(picture)?.looks ?? 0) + desk.facilityVersion(id)
    },
    system: options.system,
    areas: () => [...registry.areas()],
    devicesOf: id =>
      registry.bindingsOf(id).map(({ device, from, to }) => ({ device, from, ...(to && { to }) })),

    facilities({ kind, area, status, q, limit = DEFAULT_LIMIT, cursor }) {
      const inAreas = cached((id: string) => inArea(id, area))
      const part = q?.toLowerCase()
      const after = parseCursor(cursor)
      // One walk by id; of each health no more than a page holds, and one that says that there is more.
      const byHealth = HEALTH_IDS.map((): FacilityPicture[] => [])
      let total = 0
      for (const { picture, facility, text, health } of inOrder()) {
        if (status && health !== status) continue
        if (kind && facility.kind !== kind) continue
        if (area && !inAreas(facility.parent)) continue
        if (part && !text.includes(part)) continue
        total++
        const rank = healthRank(health)
        const page = byHealth[rank] as FacilityPicture[]
        if (page.length > limit || rank < after.rank) continue
        if (rank > after.rank || facility.id > after.id) page.push(picture)
      }
      const found = byHealth.flat()
      const items = found.slice(0, limit).map(summary)
      return {
        items,
        total,
        nextCursor: found.length > limit ? cursorOf(items.at(-1) as FacilitySummary) : null
      }
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
        devices: picture.devices.map(deviceState),
        ...(asksSensor(picture.facility.kind) && { odour: smellAt(picture, now(), engine.odour) })
      }
    },

    openTickets({ status, area, crew, facility, kind, rule, source, ticketKind, colour, ...page }, sight) {
      const { limit = DEFAULT_LIMIT, cursor } = page
      const isSeen = seenBy(sight)
      const matching = [...desk.all()]
        .map(ticket => ticket.row)
        .filter(
          row =>
            (!status || status === 'open' || status === 'all' || row.state === status) &&
            inArea(row.area, area) &&
            isSeen(row) &&
            (!crew || row.crew === crew) &&
            (!facility || row.facility === facility) &&
            (!kind || row.facilityKind === kind) &&
            (!rule || row.rule === rule) &&
            (!source || row.source === source) &&
            (!ticketKind || row.kind === ticketKind) &&
            (!colour || row.colour === colour)
        )
        .sort((a, b) => a.dueAt - b.dueAt || (a.id < b.id ? -1 : 1))
      const start = cursor ? matching.findIndex(row => `${row.dueAt}:${row.id}` === cursor) + 1 : 0
      const shown = matching.slice(start, start + limit)
      const last = shown.at(-1)
      return {
        items: shown.map(row => describeTicket(row, registry, engine.book.get(row.rule ?? ''))),
        total: matching.length,
        nextCursor: last && start + limit < matching.length ? `${last.dueAt}:${last.id}` : null
      }
    },

    ticketsNow(sight) {
      const rows = [...desk.all()].map(({ row }) => row).filter(seenBy(sight))
      const running = rows
        .filter(({ state }) => RUNNING.some(one => one === state))
        .sort((a, b) => a.dueAt - b.dueAt || (a.id < b.id ? -1 : 1))
      // Sent while no crew was on shift is sent to nobody yet.
      const unsent = running.filter(
        ({ state, crew, unit }) =>
          state === 'new' || state === 'checked' || (state === 'dispatched' && crew === null && unit === null)
      )
      const urgent = running.filter(row => row.clearedAt === null && pausedBy(row) === null)
      const newest = rows.sort((a, b) => b.openedAt - a.openedAt || (a.id < b.id ? -1 : 1))
      const first = (some: typeof rows) =>
        some.slice(0, SHOWN_NOW).map(row => describeTicket(row, registry, engine.book.get(row.rule ?? '')))
      return {
        unsent: first(unsent),
        unsentTotal: unsent.length,
        urgent: first(urgent),
        newest: first(newest)
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

    clocksOf(row) {
      const { response, resolve } = clocksOf(row, engine.calendar(), now())
      return { response: clockItem(response), resolve: clockItem(resolve) }
    },
    plans: () => [...desk.plans()],
    ticketPolicy: () => desk.policy(),
    describeTicket: row => describeTicket(row, registry, engine.book.get(row.rule ?? '')),

    totals() {
      const at = now()
      let openTickets = 0
      let overdueTickets = 0
      for (const { row } of desk.all()) {
        openTickets++
        if (isOverdue(row, at)) overdueTickets++
      }
      return { counts: structuredClone(counts), openTickets, overdueTickets }
    }
  }
}

const clockItem = ({ dueAt, endedAt, ...rest }: ClockReading): TicketClock => ({
  ...rest,
  dueAt: dueAt === null ? null : iso(dueAt),
  endedAt: endedAt === null ? null : iso(endedAt)
})

const emptyCounts = (): Counts =>
  Object.fromEntries(
    FACILITY_KIND_IDS.map(kind => [kind, Object.fromEntries(HEALTH_IDS.map(health => [health, 0]))])
  ) as Counts

const textOf = ({ name, id }: Facility): string => `${name} ${id}`.toLowerCase()

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
