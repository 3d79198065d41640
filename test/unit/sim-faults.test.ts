import { describe, expect, it } from 'vitest'
import { SHIPPED_ODOUR_LIMITS, odourLimitPpm } from '#model/odour-limits'
import { days, hours, minutes } from '#model/time'
import { makeCity } from '#sim/city'
import type { Fault } from '#sim/faults'
import { history, ongoing, ONGOING_MS, plan } from '#sim/plan'
import { reportStream } from '#sim/reports'
import { expectationOf, type MustTicket } from '#sim/truth/expectation'

const city = makeCity({ seed: 7, scale: 0.1 })
const facilityOf = new Map(city.devices.map(({ id, facility }) => [id, facility]))
const facilities = new Map(city.facilities.map(facility => [facility.id, facility]))
/** Morning, noon, just after dusk, midnight and before dawn in Nanjing, in winter and in summer. */
const ENDS = [
  '2026-01-15T01:00:00Z',
  '2026-11-20T04:00:00Z',
  '2026-11-20T10:00:00Z',
  '2026-06-21T11:40:00Z'
].concat('2026-06-21T16:00:00Z', '2026-11-20T21:30:00Z')
/** What a day brings by its end or later: surely, or if the sampling will have it so. */
function ticketsOf(faults: readonly Fault[], { from, to }: { from: number; to: number }): MustTicket[] {
  const { must, may } = expectationOf({ city, faults, from, to, stepMs: minutes(2) })
  return [...must, ...may]
}
const dayBefore = (end: string) => ({ city, from: Date.parse(end) - days(1), to: Date.parse(end) })

describe.each(ENDS)('a day that ends at %s', end => {
  const { from, to } = dayBefore(end)
  const faults = plan({ city, from, to })
  const truth = ticketsOf(faults, { from, to })
  const opened = truth.filter(ticket => ticket.from <= to)
  const open = opened.filter(ticket => ticket.to > to)
  const openOf = (rule: string) => open.filter(ticket => ticket.rule === rule).length

  it('brings 25 to 60 tickets, of which 8 to 20 are open at its end', () => {
    expect(opened.length).toBeGreaterThanOrEqual(25)
    expect(opened.length).toBeLessThanOrEqual(60)
    expect(open.length).toBeGreaterThanOrEqual(8)
    expect(open.length).toBeLessThanOrEqual(20)
  })

  it('leaves some of most rules open, and a fire that was put out an hour ago', () => {
    expect(openOf('bin-full')).toBeGreaterThanOrEqual(3)
    expect(openOf('lamp-out')).toBeGreaterThanOrEqual(4)
    expect(openOf('lamp-out')).toBeLessThanOrEqual(8)
    expect(openOf('lighting-rate')).toBe(1)
    expect(openOf('device-silent')).toBeGreaterThanOrEqual(2)
    for (const rule of ['compactor-fault', 'toilet-odour', 'toilet-crowded']) expect(openOf(rule)).toBe(1)
    const fire = truth.find(({ rule }) => rule === 'bin-fire')
    expect(to - (fire?.to ?? 0)).toBeGreaterThan(minutes(45))
    expect(to - (fire?.to ?? 0)).toBeLessThan(minutes(75))
  })

  it('lets bins that are filling now become tickets within the next minutes', () => {
    const soon = truth.filter(({ from }) => from > to && from < to + minutes(10))
    expect(soon.length).toBeGreaterThanOrEqual(3)
  })

  it('spares most: at least 85 % of the facilities are well at its end', () => {
    const ill = new Set(open.map(({ subject }) => subject))
    expect(ill.size).toBeLessThan(city.facilities.length * 0.15)
  })

  it('strikes no device twice', () => {
    expect(new Set(faults.map(({ device }) => device)).size).toBe(faults.length)
  })
})

it('a plan of no time at all holds only what stays broken: a restart brings no wave of tickets', () => {
  const now = Date.parse('2026-11-20T10:00:00Z')
  const faults = plan({ city, from: now, to: now })
  expect(faults.length).toBeGreaterThan(5)
  expect(faults.filter(({ kind, to }) => kind !== 'lamp-failure' && to !== Infinity)).toEqual([])
})

describe('a past of many days', () => {
  const to = Date.parse('2026-11-20T10:00:00Z')
  const from = to - days(5)
  const faults = history({ city, from, to })

  it('ends as its last day alone does', () => {
    const last = plan({ city, from: to - days(1), to })
    expect(faults.filter(fault => fault.from >= to - days(1)).length).toBe(last.length)
    expect(
      faults
        .filter(fault => fault.to > to)
        .map(({ device }) => device)
        .sort()
    ).toEqual(
      last
        .filter(fault => fault.to > to)
        .map(({ device }) => device)
        .sort()
    )
  })

  it('has trouble in each of its days, which is over when the next begins', () => {
    for (let day = from; day < to; day += days(1)) {
      const own = faults.filter(fault => fault.from >= day && fault.from < day + days(1))
      expect(own.length).toBeGreaterThan(25)
      if (day + days(1) < to)
        expect(Math.max(...own.map(fault => fault.to))).toBeLessThanOrEqual(day + days(1))
    }
  })
})

describe('the readings of a day', () => {
  const { from, to } = dayBefore('2026-11-20T10:00:00Z')
  const faults = plan({ city, from, to })
  const truth = ticketsOf(faults, { from, to }).filter(({ rule }) => rule !== 'device-silent')

  interface Reading {
    rule: string
    subject: string
    at: number
  }
  /** Every reading that meets a rule's condition by itself. */
  const met: Reading[] = reportStream({ city, from, faults })
    .until(to)
    .flatMap(report =>
      report.entries.flatMap(({ device = report.device, at, values }) => {
        const facility = facilities.get(facilityOf.get(device) ?? '')
        if (!facility) return []
        const geometry = facility.attributes.geometry
        const fillPct = geometry ? (1050 - Number(values.distanceMm)) / 8 : values.fillPct
        const limit = odourLimitPpm(
          { kind: facility.kind, facilityClass: facility.attributes.toiletClass },
          'nh3Ppm',
          SHIPPED_ODOUR_LIMITS[0]!.limits
        )
        const rules = {
          'bin-full': Number(fillPct) >= 90,
          'bin-fire': facility.kind === 'bin' && Number(values.tempC) >= 60,
          'compactor-full': Number(values.containerFillPct) >= 95,
          'compactor-fault': values.state === 'fault' || Number(values.faultCode) > 0,
          'toilet-odour': facility.kind === 'toilet' && limit !== undefined && Number(values.nh3Ppm) > limit,
          'toilet-crowded': Number(values.stallsOccupied) >= Number(values.stallsTotal),
          'lamp-out': values.lampFailure === true || values.relayFailure === true
        }
        return Object.entries(rules).flatMap(([rule, holds]) =>
          holds ? [{ rule, subject: `facility:${facility.id}`, at: Number(at) }] : []
        )
      })
    )
  const about = (ticket: MustTicket) => (reading: Reading) =>
    reading.rule === ticket.rule && reading.subject === ticket.subject

  it('show each fault', () => {
    const shown = truth.filter(({ rule, from }) => rule !== 'lighting-rate' && from < to)
    const hidden = shown.filter(ticket => !met.some(about(ticket)))
    expect(hidden).toEqual([])
  })

  it('would trip no rule where nothing is wrong', () => {
    const unexplained = met.filter(reading => {
      const ticket = truth.find(ticket => about(ticket)(reading))
      // A fire's embers and a fan's air stay a while after the end.
      return !ticket || reading.at < ticket.from - minutes(20) || reading.at > ticket.to + minutes(10)
    })
    expect(unexplained).toEqual([])
  })
})

describe('live operation', () => {
  const start = Date.parse('2026-11-20T10:00:00Z')

  it('lets something change every few minutes, for ever, without piling up', () => {
    let faults: Fault[] = []
    for (let at = start; at < start + hours(6); at += ONGOING_MS) {
      const more = ongoing({ city, from: at, faults })
      expect(more.filter(({ kind }) => kind === 'bin-overfull').length).toBeGreaterThanOrEqual(3)
      const busy = faults.filter(({ to }) => to > at).map(({ device }) => device)
      expect(more.filter(({ device }) => busy.includes(device))).toEqual([])
      faults = [...faults, ...more]
    }
    const end = start + hours(6)
    const open = ticketsOf(faults, { from: start, to: end }).filter(({ from, to }) => from <= end && to > end)
    expect(open.length).toBeGreaterThan(1)
    expect(open.length).toBeLessThan(20)
  })
})
