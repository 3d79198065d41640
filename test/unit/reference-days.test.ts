import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULT_RULES } from '#model/default-rules'
import type { MetricId, RawValue } from '#model/metrics'
import { hours, minutes, seconds } from '#model/time'
import { facility } from '#test/fixtures/registry-records'
import { NOON } from '#test/fixtures/rule-world'
import { reference, type Message, type Past } from '#test/reference/facility'
import { check, every, RUNS, type Town } from '#test/reference/pasts'
import { play, written } from '#test/reference/play'
import { SLOT_MS, type Slot } from '#test/reference/episodes'

/** Rules that look at whole days: what was not emptied, not hauled, not cleaned. */
const HOUR: Slot = hours(1) / SLOT_MS
const from = fc.constantFrom
type Values = Partial<Record<MetricId, RawValue>>

interface Days {
  town: Omit<Town, 'values'>
  rule: string
  /** A report every so many slots; what each says. */
  each: Slot
  values: fc.Arbitrary<Values>
  length: Slot
}

const DAYS: Record<string, fc.Arbitrary<Days>> = {
  'a bin': fc.constant({
    town: { facility: facility('f'), devices: [every('d-1', 'fill-sensor', 'f', 60)] },
    rule: 'bin-not-emptied',
    each: HOUR,
    values: fc.record({ fillPct: from(0, 10, 29, 30, 31, 40, 60, 60, 61, 90) }),
    length: 4 * 24 * HOUR
  }),
  'a station': from<Record<string, number>>({}, { containerCapacityKg: 5000 }).map(attributes => ({
    town: {
      facility: facility('f', { kind: 'compactor', attributes }),
      devices: [every('d-1', 'compactor-controller', 'f', 60)]
    },
    rule: 'station-not-hauled',
    each: HOUR,
    values: fc.record(
      { containerFillPct: from(10, 30, 40, 60, 60), containerWeightKg: from(500, 1600, 3000, 5000, 5000) },
      { requiredKeys: [] }
    ),
    length: 4 * 24 * HOUR
  })),
  'a toilet': fc.constant({
    town: {
      facility: facility('f', { kind: 'toilet' }),
      devices: [every('d-1', 'occupancy-sensor', 'f', 30)]
    },
    rule: 'toilet-clean-due',
    each: HOUR / 2,
    values: fc.record({ visitsTotal: from(0, 10, 20, 30, 60, 200) }),
    length: 36 * HOUR
  })
}

/** Mostly calm: the same values for a long time, a gap now and then. */
const lived = ({ town, rule, each, values, length }: Days): fc.Arbitrary<Past> => {
  const most = length / each
  return fc
    .record({
      changes: fc.array(fc.tuple(fc.nat(most), values), { minLength: 1, maxLength: 12 }),
      gaps: fc.array(fc.tuple(fc.nat(most), fc.integer({ min: 2, max: 8 })), { maxLength: 2 }),
      services: fc.array(
        fc.nat(length / 2 - 1).map(n => 2 * n + 1),
        { maxLength: 3 }
      ),
      start: from(NOON, NOON + hours(5)).map(start => start + seconds(30))
    })
    .map(({ changes, gaps, services, start }) => {
      const messages: Message[] = []
      let now: Values = changes[0]?.[1] ?? {}
      for (let i = 0; i < most; i++) {
        now = changes.findLast(([at]) => at === i)?.[1] ?? now
        if (gaps.some(([at, count]) => i >= at && i < at + count)) continue
        messages.push({ device: 'd-1', at: i * each, received: i * each, values: now })
      }
      return {
        start,
        ...town,
        rules: DEFAULT_RULES.filter(({ id }) => id === rule),
        messages,
        services: services.toSorted((a, b) => a - b),
        maintenance: [],
        outages: [],
        end: length
      }
    })
}

describe('the rules agree with the reference over days', { timeout: minutes(5) }, () => {
  for (const [name, lives] of Object.entries(DAYS)) {
    it(`of ${name}`, () =>
      check(
        fc.property(lives.chain(lived), past => {
          expect(written(play(past, { tickEvery: 60 }))).toEqual(reference(past))
        }),
        Math.ceil(RUNS / 8)
      ))
  }

  it('and such days have such tickets', () => {
    const found = Object.fromEntries(
      Object.entries(DAYS).map(([name, lives]) => {
        const pasts = fc.sample(lives.chain(lived), { numRuns: 8, seed: 1 })
        return [name, pasts.flatMap(past => reference(past)).length > 3]
      })
    )
    expect(found).toEqual({ 'a bin': true, 'a station': true, 'a toilet': true })
  })
})
