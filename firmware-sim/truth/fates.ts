import { parseSubject } from '#model/ids'
import type { Device, Facility } from '#model/registry'
import { hours, type Millis } from '#model/time'
import type { Deed, TicketDeed } from '../crews/deeds.ts'
import type { World } from '../world.ts'
import { LIGHTING_TARGET, SILENT_INTERVALS } from './domain.ts'
import { expectedLight, type ExpectedLight } from './expected-light.ts'
import { fullPctOf, type MustTicket, type Played } from './expectation.ts'
import { fateOf, NOT_FORESEEN, type Fate } from './fate.ts'
import { groupsOf } from './lighting.ts'
import { whatWasSaid, type Said } from './said.ts'
import { hearing, isLit, isSensed, type Heard } from './sensing.ts'
import { hearAll } from './several.ts'

export interface Service {
  facility: string
  from: Millis
  to: Millis
  /** A person verified the cleaning's own ticket: that ends it, no sensor does. */
  ends?: 'its ticket'
}

interface Setting {
  played: Played
  world: World
  deeds: readonly Deed[]
}

const isOf = (ticket: MustTicket, deed: Deed): deed is TicketDeed =>
  deed.what !== 'scan' && deed.rule === ticket.rule && deed.subject === ticket.subject

/**
 * How each of these tickets ends, in their order; `services` are the cleanings that end what is due. `also` may be tickets of their own: what
 * people did to one of them was not done to another.
 */
export function fatesOf(
  tickets: readonly MustTicket[],
  setting: Setting,
  services: readonly Service[],
  also: readonly MustTicket[] = []
): Fate[] {
  const { played, world, deeds } = setting
  const { city } = played
  const light = expectedLight(played, world)
  const facilities = new Map(city.facilities.map(facility => [facility.id, facility]))
  const fitted = new Map<string, Device[]>()
  for (const device of city.devices) {
    if (device.facility) fitted.set(device.facility, [...(fitted.get(device.facility) ?? []), device])
  }
  const groups = groupsOf(played)
  const devicesOf = ({ rule, subject }: MustTicket): string[] => {
    if (rule === 'lighting-rate')
      return (groups.get(subject) ?? []).flatMap(({ id }) => (fitted.get(id) ?? []).map(one => one.id))
    const { type, id } = parseSubject(subject) ?? { type: 'area', id: '' }
    return type === 'device' ? [id] : (fitted.get(id) ?? []).map(one => one.id)
  }
  const said = whatWasSaid(played, new Set(tickets.flatMap(devicesOf)))

  function heardOf(ticket: MustTicket): Heard[] | undefined {
    const { rule, subject, from } = ticket
    const { type, id } = parseSubject(subject) ?? { type: 'area', id: '' }
    if (rule === 'lighting-rate')
      return hearGroup(groups.get(subject) ?? [], { fitted, said, setting, light })
    if (rule === 'toilet-clean-due') {
      return services
        .filter(one => one.facility === id && one.to >= from && !one.ends)
        .map(({ from: at, to: arrives }) => ({
          at,
          arrives,
          earlyMs: lagAt(played, at),
          says: 'cleared',
          intervalMs: 0
        }))
    }
    if (rule === 'device-silent') {
      // The last word before it may arrive, at a step's end, after the earliest moment it can fire.
      const begins = ticket.begins ?? from
      return (said.get(id) ?? [])
        .filter(({ at, arrives }) => arrives > from && at >= begins)
        .map(({ arrives, intervalMs }) => {
          return { at: arrives, arrives, earlyMs: backBefore(played, arrives), says: 'cleared', intervalMs }
        })
    }
    if (!isSensed(rule)) return undefined
    const facility = facilities.get(
      type === 'facility' ? id : (city.devices.find(device => device.id === id)?.facility ?? '')
    )
    if (!facility) return undefined
    const each = devicesOf(ticket).map(device =>
      hearing(rule, { said: said.get(device) ?? [], facility, light, fullPct: fullPctOf(played, facility) })
    )
    // Its lamps may be heard before it, and say as well that it is over.
    if (ticket.unsaid)
      return each
        .flat()
        .filter(({ arrives }) => arrives > from)
        .map(one => ({ ...one, earlyMs: one.intervalMs }))
    const own =
      each.find(heard => heard.some(({ at, says }) => says === 'met' && at > from - hours(2))) ?? each[0]
    const claims = deeds.flatMap(deed => (isOf(ticket, deed) && deed.what === 'claim' ? [deed.at] : []))
    return own && hearAll(each, { own, claims })
  }

  const begun = new Map<string, Millis>()
  for (const deed of deeds)
    if (deed.what !== 'scan') begun.set(deed.ticket, Math.min(deed.at, begun.get(deed.ticket) ?? Infinity))
  /** When anybody first did something to its ticket. */
  const begunAt = ({ ticket }: TicketDeed) => begun.get(ticket) ?? Infinity

  return tickets.map(ticket => {
    const next = Math.min(
      Infinity,
      ...[...tickets, ...also]
        .filter(one => one.rule === ticket.rule && one.subject === ticket.subject && one.from > ticket.from)
        .map(one => one.from)
    )
    const own = deeds.filter(
      (deed): deed is TicketDeed => isOf(ticket, deed) && begunAt(deed) >= ticket.from && begunAt(deed) < next
    )
    const heard = heardOf(ticket)
    if (!heard || (ticket.rule === 'lighting-rate' && isMixed(ticket, setting))) return NOT_FORESEEN
    return fateOf({
      ticket,
      heard,
      deeds: own,
      byPerson: ticket.rule === 'toilet-clean-due',
      played
    })
  })
}

/**
 * A cleaning is put at the clock of the sensor that spoke last. While a backlog comes after an outage that is the outage behind,
 * which the specification does not say: docs/status.md.
 */
function lagAt({ stepMs, outages = [] }: Played, at: Millis): Millis {
  const after = outages.find(outage => at >= outage.to && at <= outage.to + 2 * stepMs)
  return 2 * stepMs + (after ? after.to - after.from : 0)
}

/** Live, some devices are back earlier than the last one, with which an outage is said to be over. */
function backBefore({ liveLateMs, outages = [] }: Played, arrives: Millis): Millis {
  const away = outages.find(({ to }) => to === arrives)
  return liveLateMs !== undefined && away ? away.to - away.from : 0
}

/** When toilets were cleaned: scans, what a person verified, and what a sensor confirmed of the ticket of a smell. */
export function servicesOf(odour: readonly MustTicket[], setting: Setting): Service[] {
  const { deeds, played } = setting
  const facilityOf = (subject: string) => subject.slice(subject.indexOf(':') + 1)
  const tickets = odour.filter(({ rule }) => rule === 'toilet-odour')
  const fates = deeds.some(deed => isService(deed) && deed.what === 'claim')
    ? fatesOf(tickets, setting, [])
    : []
  return [
    ...deeds.flatMap((deed): Service[] => {
      if (deed.what === 'scan') return [{ facility: deed.facility, from: deed.at, to: deed.at }]
      if (deed.what !== 'verify' || !isService(deed)) return []
      const own = deed.rule === 'toilet-clean-due' && { ends: 'its ticket' as const }
      return [{ facility: facilityOf(deed.subject), from: deed.at, to: deed.at, ...own }]
    }),
    ...fates.flatMap(({ ending, claims }, i): Service[] => {
      const last = claims.at(-1)
      if (ending !== 'verified' || last?.outcome !== 'confirmed') return []
      const subject = (tickets[i] as MustTicket).subject
      return [{ facility: facilityOf(subject), from: last.at, to: last.at + hours(0.25) + played.stepMs }]
    })
  ].sort((a, b) => a.from - b.from)
}

const isService = (deed: Deed): deed is TicketDeed =>
  deed.what !== 'scan' && (deed.rule === 'toilet-clean-due' || deed.rule === 'toilet-odour')

/** A dead cabinet, or lamps nobody hears, at the same time: when the rate is told again is not foreseen. */
function isMixed({ subject, from, to }: MustTicket, { played }: Setting): boolean {
  const { city, faults: planned, repaired: faults = planned } = played
  const lamps = groupsOf(played).get(subject) ?? []
  const places = new Set(lamps.flatMap(({ id, attributes }) => [id, attributes.cabinet ?? '']))
  const devices = new Map(city.devices.map(device => [device.id, device.facility ?? '']))
  return faults.some(
    fault =>
      fault.kind !== 'lamp-failure' &&
      fault.kind !== 'lamp-day-burn' &&
      places.has(devices.get(fault.device) ?? '') &&
      fault.from < Math.min(to, played.to) + hours(12) &&
      fault.to > from - hours(1)
  )
}

/** A road's or a district's lamps: after each step, how many are lit of all. What is not heard counts against either. */
function hearGroup(
  lamps: readonly Facility[],
  on: { fitted: Map<string, Device[]>; said: Map<string, Said[]>; setting: Setting; light: ExpectedLight }
): Heard[] {
  const { fitted, said, setting, light } = on
  const claims = setting.deeds.flatMap(deed => (deed.what === 'claim' ? [deed.at] : []))
  const all = lamps
    .flatMap(({ id }) => (fitted.get(id) ?? []).flatMap(device => said.get(device.id) ?? []))
    .sort((a, b) => a.arrives - b.arrives || a.at - b.at)
  const levels = new Map<string, Record<string, unknown>>()
  const lit = new Map<string, { lit: boolean; at: Millis }>()
  const heard: Heard[] = []
  const judged = lamps.filter(({ id }) => (fitted.get(id) ?? []).length > 0)

  const judge = (now: Millis, since: Millis): Heard['says'] => {
    const due = judged.filter(lamp => light.should(lamp, now, true))
    if (!due.some(lamp => light.counts(lamp, now, true))) return 'between'
    let on = 0
    let dark = 0
    for (const lamp of due) {
      for (const { id } of fitted.get(lamp.id) ?? []) {
        const state = lit.get(id)
        if (!state || state.at < since || !light.counts(lamp, state.at, true)) continue
        if (state.lit) on++
        else dark++
      }
    }
    const total = due.length
    if (total - dark < total * LIGHTING_TARGET - 1e-9) return 'met'
    return on >= total * LIGHTING_TARGET - 1e-9 ? 'cleared' : 'between'
  }
  for (const [i, one] of all.entries()) {
    const values = { ...levels.get(one.device.id), ...one.values }
    levels.set(one.device.id, values)
    lit.set(one.device.id, { lit: isLit({ now: metric => values[metric] as never }), at: one.at })
    if (all[i + 1]?.arrives === one.arrives) continue
    const { arrives, intervalMs } = one
    const claim = claims.findLast(at => at < arrives)
    const stale = arrives - SILENT_INTERVALS * intervalMs
    heard.push({
      at: arrives,
      arrives,
      intervalMs,
      says: judge(arrives, stale),
      ...(claim !== undefined && { claimSays: judge(arrives, Math.max(stale, claim)) })
    })
  }

  return heard
}
