import fc from 'fast-check'
import { DEFAULT_RULES } from '#model/default-rules'
import type { MetricId, RawValue } from '#model/metrics'
import type { Device, Facility } from '#model/registry'
import { hours, minutes, seconds } from '#model/time'
import { device, facility } from '#test/fixtures/registry-records'
import { NOON } from '#test/fixtures/rule-world'
import type { Slot } from './episodes.ts'
import type { Message, Past } from './facility.ts'

/** Facilities with their devices, and what may happen to them. */

/** How many pasts each property is tried on. */
export const RUNS = Number(process.env['REFERENCE_RUNS'] ?? 40)
export const check = <T extends [unknown, ...unknown[]]>(
  property: fc.IPropertyWithHooks<T>,
  numRuns = RUNS
) => fc.assert(property, { numRuns, reporter })

/** A counterexample without what all of them have. */
function reporter<T>(out: fc.RunDetails<T>): void {
  if (!out.failed) return
  const slim = (key: string, value: unknown) =>
    key === 'rules' || key === 'lat' || key === 'lon' ? undefined : value
  throw new Error(
    `seed ${out.seed}, path ${out.counterexamplePath}: ${JSON.stringify(out.counterexample, slim)}`,
    {
      cause: out.errorInstance
    }
  )
}

export interface Town {
  facility: Facility
  devices: Device[]
  values: fc.Arbitrary<{ device: string; values: Partial<Record<MetricId, RawValue>> }>
}
export const every = (id: string, kind: Device['kind'], to: string, interval: number) =>
  device(id, { kind, facility: to, attributes: { expectedIntervalMs: minutes(interval) } })
const said = (id: string, values: Partial<Record<MetricId, fc.Arbitrary<RawValue>>>) =>
  fc
    .record(values as Record<string, fc.Arbitrary<RawValue>>, { requiredKeys: [] })
    .map(values => ({ device: id, values: values }))
const from = fc.constantFrom
const oneOf = <T>(...values: T[]) => fc.constantFrom<T>(...values) as fc.Arbitrary<RawValue>

const BIN = (id: string) =>
  said(id, {
    fillPct: oneOf(0, 29, 30, 60, 61, 89, 90, 95),
    tempC: oneOf(15, 24, 25, 35, 44, 45, 59, 60),
    tiltDeg: oneOf(0, 14, 15, 29, 30, 90),
    batteryPct: oneOf(14, 15, 29, 30)
  })
const ODOUR = (id: string) =>
  said(id, {
    nh3Ppm: oneOf(0, 0.3, 0.44, 1.1, 1.2, 1.44, 1.5, 4, 6),
    h2sPpm: oneOf(0, 0.1, 0.2, 0.23, 0.5),
    tempC: oneOf(20, 31)
  })
const TOILET = (id: string) =>
  said(id, {
    stallsTotal: oneOf(4, 4, 5),
    stallsOccupied: oneOf(3, 4, 5),
    visitsTotal: oneOf(0, 10, 11, 200, 320),
    waterFlowLpm: oneOf(0, 3),
    paperPct: oneOf(9, 10, 49, 50),
    soapPct: oneOf(9, 10, 49, 50),
    batteryPct: oneOf(14, 30)
  })
const STATION = (id: string) =>
  said(id, {
    containerFillPct: oneOf(10, 20, 21, 30, 60, 94, 95),
    containerWeightKg: oneOf(1000, 2900, 3000, 7000),
    state: oneOf('idle', 'fault'),
    faultCode: oneOf(0, 7),
    batteryPct: oneOf(14, 30)
  })

const interval = from(1, 5, 15, 30)
export const TOWNS: Record<string, fc.Arbitrary<Town>> = {
  bin: interval.map(i => ({
    facility: facility('f'),
    devices: [every('d-1', 'fill-sensor', 'f', i)],
    values: BIN('d-1')
  })),
  station: fc.tuple(interval, from(1, 2, 3), from(5000, 10_000)).map(([i, toiletClass, kg]) => ({
    facility: facility('f', {
      kind: 'compactor',
      attributes: { toiletClass: toiletClass, containerCapacityKg: kg }
    }),
    devices: [every('d-1', 'compactor-controller', 'f', i)],
    values: STATION('d-1')
  })),
  toilet: interval.map(i => ({
    facility: facility('f', { kind: 'toilet' }),
    devices: [every('d-1', 'occupancy-sensor', 'f', i)],
    values: TOILET('d-1')
  })),
  'odour of a toilet': fc.tuple(interval, from(1, 2, 3)).map(([i, toiletClass]) => ({
    facility: facility('f', { kind: 'toilet', attributes: { toiletClass: toiletClass } }),
    devices: [every('d-1', 'odour-sensor', 'f', i)],
    values: ODOUR('d-1')
  })),
  'odour of a station': fc.tuple(interval, from(1, 2, 3)).map(([i, toiletClass]) => ({
    facility: facility('f', { kind: 'compactor', attributes: { toiletClass: toiletClass } }),
    devices: [every('d-1', 'odour-sensor', 'f', i)],
    values: ODOUR('d-1')
  }))
}
export const TWO: Record<string, fc.Arbitrary<Town>> = {
  'bin with two sensors': fc.tuple(interval, interval).map(([i, j]) => ({
    facility: facility('f'),
    devices: [every('d-1', 'fill-sensor', 'f', i), every('d-2', 'fill-sensor', 'f', j)],
    values: fc.oneof(BIN('d-1'), BIN('d-2'))
  })),
  'bin with an odour sensor': fc.tuple(interval, interval).map(([i, j]) => ({
    facility: facility('f'),
    devices: [every('d-1', 'fill-sensor', 'f', i), every('d-2', 'odour-sensor', 'f', j)],
    values: fc.oneof(BIN('d-1'), ODOUR('d-2'))
  })),
  'toilet with two sensors': fc.tuple(interval, interval).map(([i, j]) => ({
    facility: facility('f', { kind: 'toilet' }),
    devices: [every('d-1', 'occupancy-sensor', 'f', i), every('d-2', 'odour-sensor', 'f', j)],
    values: fc.oneof(TOILET('d-1'), ODOUR('d-2'))
  }))
}

/** Even slots have messages, odd ones what people do and our outages: who comes first in one instant is another question. */
const later = fc.constantFrom<Slot>(2, 2, 2, 4, 6, 10, 20, 22, 60, 180, 200)
export type Lag = 'none' | 'same' | 'stored'

/** Silence, change and outage by chance, as far as the documents say what follows. */
export function pastOf(
  town: Town,
  { lag, outages = false, maintenance = false, services = false }: Record<string, unknown> & { lag: Lag }
): fc.Arbitrary<Past> {
  const one = fc.record({
    what: town.values,
    wait: later,
    late: fc.option(later, { freq: 8 }),
    stored: fc.boolean()
  })
  const odd = fc.nat(400).map(n => 2 * n + 1)
  const span = fc.nat(60).map(n => 2 * n + 2)
  return fc
    .record({
      said: fc.array(one, { maxLength: 40, minLength: 1 }),
      lag: lag === 'same' ? fc.nat(100).map(n => 2 * n) : fc.constant(0),
      delay: lag === 'stored' ? fc.nat(30).map(n => 2 * n) : fc.constant(0),
      // Opening hours begin and end on odd slots.
      start: from(NOON, NOON + hours(6), NOON + hours(15)).map(start => start + seconds(30)),
      services: services ? fc.uniqueArray(odd, { maxLength: 3 }) : fc.constant<Slot[]>([]),
      maintenance: maintenance
        ? fc.array(
            fc
              .record({ entered: odd, before: fc.nat(20), length: span })
              .map(({ entered, before, length }) => ({
                entered,
                from: Math.max(1, entered + 2 * (before - 10)),
                to: entered + 2 * (before - 10) + length
              })),
            { maxLength: 2 }
          )
        : fc.constant<Past['maintenance'][number][]>([]),
      outages: outages
        ? fc.array(fc.record({ after: odd, length: span }), { maxLength: 2 }).map(all =>
            all.reduce<{ from: Slot; to: Slot }[]>((done, { after, length }) => {
              const from = (done.at(-1)?.to ?? 0) + after + (done.length ? 1 : 0)
              return [...done, { from, to: from + length }]
            }, [])
          )
        : fc.constant<Past['outages'][number][]>([]),
      rest: later
    })
    .map(({ said, lag, delay, start, services, maintenance, outages, rest }): Past => {
      const messages: Message[] = []
      let now = 0
      let waiting: Message[] = []
      const send = () => {
        for (const message of waiting) messages.push({ ...message, received: now + delay })
        waiting = []
      }
      for (const { what, wait, late, stored } of said) {
        now += wait
        const message = { ...what, at: now, received: now + lag }
        if (delay > 0) {
          waiting.push(message)
          if (!stored) send()
        } else messages.push(message)
        if (late !== null && delay === 0)
          messages.push({ ...message, at: Math.max(0, now - late + 2), received: now + lag })
      }
      send()
      const asleep = (slot: Slot) => outages.some(({ from, to }) => slot >= from && slot < to)
      const end =
        Math.max(
          now + lag + delay,
          ...outages.map(outage => outage.to),
          ...maintenance.map(one => one.entered),
          ...services
        ) + rest
      return {
        start,
        facility: town.facility,
        devices: town.devices,
        // A higher severity is a decision too, from which on a stored reading counts: not this reference's matter.
        rules: DEFAULT_RULES.map(rule => ({ ...rule, ladder: [] })),
        messages: messages
          .filter(({ received }) => !asleep(received))
          .sort((a, b) => a.received - b.received),
        services: services.filter(at => !asleep(at)).sort((a, b) => a - b),
        maintenance: maintenance
          .filter(({ entered, from, to }) => !asleep(entered) && to > from)
          .filter(({ entered, to }) => outages.every(outage => outage.from !== to && outage.to !== entered))
          .filter(({ entered }, _, all) => all.every(other => other.to !== entered))
          .sort((a, b) => a.entered - b.entered),
        outages,
        end
      }
    })
}
