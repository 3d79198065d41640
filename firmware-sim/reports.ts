import type { Device, Facility } from '#model/registry'
import type { TelemetryEntry } from '#model/telemetry'
import { hours, type Millis } from '#model/time'
import { BEHAVIOURS } from './behaviours/index.ts'
import type { Moment } from './behaviours/behaviour.ts'
import type { City } from './city.ts'
import {
  CLOCK_AHEAD_MS,
  CLOCK_FAR_AHEAD_MS,
  STORM_EVERY_MS,
  STORM_SPREAD_MS,
  layerOf,
  type Fault,
  type FaultKind,
  type FaultLayer
} from './faults.ts'
import { randomFor, type Random } from './random.ts'
import { makeWorld } from './world.ts'

/** One message as its device sends it. */
export interface Report {
  /** Who publishes: a device that speaks for itself, or a gateway. */
  device: string
  /** When it leaves the device; its entries were measured then or before. */
  at: Millis
  entries: TelemetryEntry[]
  /** What a misbehaving device sends instead of its entries. */
  raw?: string
  /** The first after a restart: its connection is a new one. */
  restarted?: true
}

/** One entry goes as an object, several as an array. */
export const payloadOf = ({ entries, raw }: Report): string =>
  raw ?? JSON.stringify(entries.length === 1 ? entries[0] : entries)

export interface ReportStream {
  /** Everything that leaves the devices up to and including `at` since the last call, by time, then device. */
  until(at: Millis): Report[]
  /** When the next device wakes. */
  nextAt(): Millis
  /** Devices without a connection at this moment. */
  down(at: Millis): Set<string>
  /** More going wrong from now on. */
  add(faults: readonly Fault[]): void
  /** What is or was lately wrong. */
  faults(): readonly Fault[]
  /** Puts right at `at` what of these kinds is wrong with these devices then; how many things that were. */
  repair(devices: readonly string[], kinds: readonly FaultKind[], at: Millis): number
}

const GARBLED_SHARE = 0.2
const REBOOT_EVERY_WAKES = 4
/** What a device without network keeps; the oldest goes first. */
const BACKLOG_ENTRIES = 2000
/** After this an ended fault is not felt any more. */
const FELT_MS = hours(12)

const CUTS_POWER: ReadonlySet<FaultKind | undefined> = new Set(['cabinet-dead', 'cabinet-mute'])

/** What nobody can read, in the ways devices really do it. */
const GARBAGE: readonly ((at: Millis) => string)[] = [
  at => `{"at":${at},"values":{"fillPercent":71}}`,
  at => `{"at":${at},"values":{"fillPct":NaN}}`,
  at => `{"at":${at},"values":{"fillPct":6553.5}}`,
  at => `{"at":${at + hours(24 * 365)},"values":{"fillPct":40}}`
]

/** What begins anew with a restart. */
const COUNTERS = ['visitsTotal', 'cyclesTotal', 'energyKwh'] as const

/** A device that is switched on. */
interface Running {
  device: Device
  random: Random
  measure: (at: Millis) => TelemetryEntry['values'] | undefined
  /** The newest it measured of everything: what it says of itself after a restart. */
  known: TelemetryEntry['values']
  /** What its counters stood at when they last began anew. */
  countedFrom: { [counter in (typeof COUNTERS)[number]]?: number }
}

/** A device with a connection, and those it speaks for. */
interface Publisher extends Running {
  wakeMs: Millis
  nextAt: Millis
  members: Running[]
  seq: number
  backlog: TelemetryEntry[]
  /** What the next message will overtake. */
  held: Report | undefined
}

/**
 * What all devices of a city send from `from` on: the same for the same city, `from` and faults, however it is cut into
 * calls of `until`.
 */
export function reportStream({
  city,
  from,
  faults
}: {
  city: City
  from: Millis
  faults: readonly Fault[]
}): ReportStream {
  const world = makeWorld()
  const facilities = new Map(city.facilities.map(facility => [facility.id, facility]))
  const faultsOf = new Map<string, Fault[]>()
  /** When devices in a storm restart, soonest first. */
  const restarts = new Map<string, Millis[]>()
  let sentTo = from

  function add(more: readonly Fault[]): void {
    for (const fault of more) {
      if (fault.kind === 'reboot-storm') {
        const times = [...(restarts.get(fault.device) ?? []), ...restartsIn(fault)]
        restarts.set(
          fault.device,
          times.filter(at => at > sentTo).sort((a, b) => a - b)
        )
      }
      const known = faultsOf.get(fault.device) ?? []
      faultsOf.set(fault.device, [...known.filter(({ to }) => to > sentTo - FELT_MS), { ...fault }])
    }
  }
  /** Each a few seconds from the others, and a while before the storm is over. */
  function restartsIn({ device, from, to }: Fault): Millis[] {
    const random = randomFor(city.seed, `storm/${device}/${from}`)
    const times: Millis[] = []
    for (let at = from; at + STORM_SPREAD_MS < to; at += STORM_EVERY_MS)
      times.push(Math.round(at + random() * STORM_SPREAD_MS))
    return times
  }
  const newest = (device: string, at: Millis, layer: FaultLayer) =>
    faultsOf.get(device)?.findLast(fault => fault.from <= at && layerOf(fault.kind) === layer)
  const now = (device: string, at: Millis, layer: FaultLayer) => {
    const fault = newest(device, at, layer)
    return fault && at < fault.to ? fault : undefined
  }
  const linkFault = (device: string, at: Millis) => now(device, at, 'link')

  /** Who speaks for the cabinet that feeds a facility, or is in it: a dead cabinet is a fault of that device. */
  const cabinetDevice = new Map(
    city.devices.flatMap(({ id, kind, facility }) =>
      facility && (kind === 'cabinet-controller' || kind === 'gateway') ? [[facility, id]] : []
    )
  )
  const feederOf = (facility: Facility | undefined) =>
    facility &&
    cabinetDevice.get(facility.kind === 'cabinet' ? facility.id : (facility.attributes.cabinet ?? ''))

  function switchOn(device: Device): Running {
    const random = randomFor(city.seed, device.id)
    const unit = { device, facility: device.facility ? facilities.get(device.facility) : undefined }
    const feeder = feederOf(unit.facility)
    const moment = (at: Millis): Moment => ({
      unit,
      at,
      world,
      random,
      fault: newest(device.id, at, 'world'),
      powered: !feeder || !CUTS_POWER.has(now(feeder, at, 'world')?.kind)
    })
    const step = BEHAVIOURS[device.kind].start(moment(from))
    const running: Running = {
      device,
      random,
      measure(at) {
        const values = step(moment(at))
        Object.assign(running.known, values)
        return values
      },
      known: {},
      countedFrom: {}
    }
    return running
  }

  function publisherOf(device: Device, members: Running[]): Publisher {
    const running = switchOn(device)
    const wakeMs = BEHAVIOURS[device.kind].wakeMs({ device, facility: undefined })
    const nextAt = Math.ceil(from + running.random() * wakeMs)
    return { ...running, wakeMs, nextAt, members, seq: 0, backlog: [], held: undefined }
  }

  /** What a publisher measured at this waking: its own values, and those of the lamps it asked just before. */
  function entriesOf(publisher: Publisher, at: Millis): TelemetryEntry[] {
    const { members } = publisher
    const entries: TelemetryEntry[] = []
    for (const [i, member] of members.entries()) {
      const asked = at - (members.length - i) * 100
      if (linkFault(member.device.id, asked)) continue
      const values = member.measure(asked)
      if (values) entries.push({ at: asked, device: member.device.id, values })
    }
    const values = publisher.measure(at)
    if (values) entries.push({ at, seq: ++publisher.seq, values })
    return entries
  }

  /** What a device with a wrong clock, or one that keeps restarting, makes of what it measured. */
  function spoil(
    publisher: Publisher,
    kind: FaultKind | undefined,
    entries: TelemetryEntry[]
  ): TelemetryEntry[] {
    const aheadMs =
      kind === 'clock-ahead' ? CLOCK_AHEAD_MS : kind === 'clock-far-ahead' ? CLOCK_FAR_AHEAD_MS : 0
    const restarts = kind === 'reboots' && publisher.seq % REBOOT_EVERY_WAKES === 0
    if (!kind) return entries.map(entry => counted(publisher, entry))
    return entries.map(entry => {
      if (restarts) beginAnew(publisher, entry.values)
      return {
        ...counted(publisher, entry),
        at: Number(entry.at) + aheadMs,
        ...(kind === 'reboots' && { seq: publisher.seq % REBOOT_EVERY_WAKES })
      }
    })
  }

  const speakerOf = (publisher: Publisher, entry: TelemetryEntry): Running =>
    entry.device === undefined
      ? publisher
      : (publisher.members.find(({ device }) => device.id === entry.device) ?? publisher)

  function beginAnew({ countedFrom }: Running, values: TelemetryEntry['values']): void {
    for (const counter of COUNTERS) {
      const value = values[counter]
      if (typeof value === 'number') countedFrom[counter] = value
    }
  }

  /** An entry with its counters as they stand since their device began anew. */
  function counted(publisher: Publisher, entry: TelemetryEntry): TelemetryEntry {
    if (!COUNTERS.some(counter => counter in entry.values)) return entry
    const { countedFrom } = speakerOf(publisher, entry)
    let values = entry.values
    for (const counter of COUNTERS) {
      const value = values[counter]
      const before = countedFrom[counter]
      if (before !== undefined && typeof value === 'number')
        values = { ...values, [counter]: Math.round((value - before) * 100) / 100 }
    }
    return values === entry.values ? entry : { ...entry, values }
  }

  /** All it knows at once, twice, counted from nothing, on a new connection; a gateway for those behind it too. */
  function restart(publisher: Publisher, at: Millis): Report[] {
    const { device } = publisher
    if (linkFault(device.id, at)) return []
    publisher.seq = -1
    const measured = entriesOf(publisher, at)
    // What reports on a change only does so without one now.
    if (measured.at(-1)?.at !== at) measured.push({ at, seq: ++publisher.seq, values: {} })
    const entries = measured.flatMap(entry => {
      const who = speakerOf(publisher, entry)
      beginAnew(who, who.known)
      const values = { ...who.known }
      return Object.keys(values).length > 0 ? [counted(publisher, { ...entry, values })] : []
    })
    if (entries.length === 0) return []
    const report = { device: device.id, at, entries }
    return [{ ...report, restarted: true }, report]
  }

  function wake(publisher: Publisher, at: Millis): Report[] {
    const { device, random, backlog } = publisher
    const link = linkFault(device.id, at)
    if (link?.kind === 'gone') return []
    const spoilt = now(device.id, at, 'message')?.kind
    const entries = spoil(publisher, spoilt, entriesOf(publisher, at))
    if (link) {
      backlog.push(...entries)
      backlog.splice(0, backlog.length - BACKLOG_ENTRIES)
      return []
    }
    const sent: Report[] = []
    if (backlog.length > 0) sent.push({ device: device.id, at, entries: backlog.splice(0) })
    if (entries.length > 0) sent.push({ device: device.id, at, entries })
    if (spoilt === 'duplicates') sent.push(...sent)
    if (publisher.held) {
      sent.push({ ...publisher.held, at })
      publisher.held = undefined
    } else if (spoilt === 'reordered') publisher.held = sent.pop()
    if (spoilt === 'garbled' && entries.length > 0 && random() < GARBLED_SHARE) {
      const garbage = GARBAGE[Math.floor(random() * GARBAGE.length)] as (at: Millis) => string
      sent.push({ device: device.id, at, entries: [], raw: garbage(at) })
    }
    return sent
  }

  add(faults)
  const behind = new Map<string, Device[]>()
  for (const device of city.devices) {
    if (device.gateway) behind.set(device.gateway, [...(behind.get(device.gateway) ?? []), device])
  }
  const publishers = city.devices
    .filter(({ gateway }) => gateway === null)
    .map(device => publisherOf(device, (behind.get(device.id) ?? []).map(switchOn)))

  return {
    add,
    faults: () => [...faultsOf.values()].flat(),
    nextAt: () =>
      publishers.reduce(
        (soonest, { nextAt, device }) => Math.min(soonest, nextAt, restarts.get(device.id)?.[0] ?? Infinity),
        Infinity
      ),
    repair(devices, kinds, at) {
      const ill = devices
        .flatMap(device => faultsOf.get(device) ?? [])
        .filter(fault => fault.from <= at && at < fault.to && kinds.includes(fault.kind))
      for (const fault of ill) fault.to = at
      return ill.length
    },
    down: at => new Set([...faultsOf.keys()].filter(device => linkFault(device, at))),
    until(to) {
      sentTo = Math.max(sentTo, to)
      const reports: Report[] = []
      for (const publisher of publishers) {
        const boots = restarts.get(publisher.device.id)
        for (; publisher.nextAt <= to; publisher.nextAt += publisher.wakeMs) {
          while (boots?.[0] !== undefined && boots[0] < publisher.nextAt)
            reports.push(...restart(publisher, boots.shift() as Millis))
          reports.push(...wake(publisher, publisher.nextAt))
        }
        while (boots?.[0] !== undefined && boots[0] <= to)
          reports.push(...restart(publisher, boots.shift() as Millis))
      }
      return reports.sort((a, b) => a.at - b.at || (a.device < b.device ? -1 : a.device > b.device ? 1 : 0))
    }
  }
}
