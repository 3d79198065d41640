import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { smellAt } from '#ingest/rules/smell'
import type { TicketActionBody } from '#model/changes'
import type { StoredAnswer } from '#model/checklists'
import { DEFAULT_RULES } from '#model/default-rules'
import type { Rule } from '#model/rules'
import type { Role, TicketAction } from '#model/tickets'
import { minutes } from '#model/time'
import { area, device, facility } from '#test/fixtures/registry-records'
import { NOON, ruleWorld } from '#test/fixtures/rule-world'

/**
 * A toilet of class 2: NH3 1 mg/m³ = 1.436 ppm, H2S never decidable. Its sensor reports every five minutes and is stale after
 * fifteen. Another report about the toilet gives the ticket that is claimed.
 */
const RECORDS = [
  area('city', { kind: 'city', lat: 32.06, lon: 118.78 }),
  facility('wc-1', { kind: 'toilet', parent: 'city', attributes: { toiletClass: 2 } }),
  device('od-1', { kind: 'odour-sensor', facility: 'wc-1' })
]
const LIMIT = (1 * 24.45) / 17.03
const CLEAN = 0.4
const OVER = 2

const move = (ticket: string, action: TicketAction, role: Role, more: Partial<TicketActionBody> = {}) =>
  ({
    kind: 'ticket-action',
    ...{ ticket, action, role, note: 'why', claimedAt: null, quietUntil: null },
    ...more
  }) satisfies TicketActionBody

function toilet(records = RECORDS) {
  const world = ruleWorld({ records })
  let tickets = 0
  return {
    ...world,
    smells: (minute: number, nh3Ppm: number, sensor = 'od-1') =>
      world.say({ device: sensor, at: minute, values: { nh3Ppm } }),
    /** A cleaning is reported, taken and claimed with a checklist at the minute of the last record; the stored answer. */
    claim(smell?: boolean): StoredAnswer | undefined {
      const id = `r-${++tickets}`
      const where = { subject: 'facility:wc-1', lat: null, lon: null } as const
      const what = { what: 'dirty', source: 'patrol', note: null, photos: [], oneStep: false } as const
      const report = { kind: 'ticket-report', report: id, role: 'operator', ...what, ...where } as const
      expect(world.change({ ...report, photos: [] })).toBeNull()
      const answers = [
        { item: 'floor', ok: true },
        ...(smell === undefined ? [] : [{ item: 'smell', ok: smell }])
      ]
      const claim = { checklist: { checklist: 'toilet-6-5' as const, answers } }
      for (const asked of [
        move(id, 'check', 'admin'),
        move(id, 'dispatch', 'admin', { crew: 'c' }),
        move(id, 'accept', 'admin'),
        move(id, 'claim', 'admin', claim)
      ])
        expect(world.change(asked)).toBeNull()
      const { data } = world.effects.current.events.findLast(({ action }) => action === 'claim') ?? {}
      // So that the next report is a case of its own.
      expect(world.change(move(id, 'verify', 'inspector'), 'zhou')).toBeNull()
      const { answers: stored } = data?.['checklist'] as { answers: StoredAnswer[] }
      return stored.find(({ item }) => item === 'smell')
    }
  }
}

describe('whether it smells, in a claim with a checklist', { timeout: minutes(5) }, () => {
  it('is no where the sensor is clean, whatever the person said', () => {
    const wc = toilet()
    wc.smells(0, CLEAN)
    const reading = { device: 'od-1', metric: 'nh3Ppm', value: CLEAN, limit: LIMIT }
    const sensor = { ok: true, readings: [{ ...reading, at: new Date(NOON).toISOString() }] }
    expect(wc.claim()).toEqual({ item: 'smell', ok: true, by: 'odour-sensor', sensor })
    expect(wc.claim(false)).toMatchObject({ ok: true, by: 'odour-sensor', said: false })
  })

  it('is yes over the limit, and no as soon as it is clean again, though the episode goes on', () => {
    const wc = toilet()
    wc.smells(0, OVER)
    expect(wc.claim(true)).toMatchObject({ ok: false, by: 'odour-sensor', sensor: { ok: false } })
    for (const minute of [5, 10]) wc.smells(minute, OVER)
    expect(wc.open()).toMatchObject([{ rule: 'toilet-odour' }])
    wc.smells(15, CLEAN)
    expect(wc.open()).toMatchObject([{ rule: 'toilet-odour' }])
    expect(wc.claim()).toMatchObject({ ok: true, sensor: { readings: [{ value: CLEAN }] } })
  })

  it('is nobody’s to tell once the last reading is stale: then the person answers', () => {
    const wc = toilet()
    wc.smells(0, CLEAN)
    wc.tick(14)
    expect(wc.claim()).toMatchObject({ ok: true, by: 'odour-sensor' })
    wc.tick(15)
    const sensor = { ok: null, why: 'stale', readings: [] }
    expect(wc.claim()).toEqual({ item: 'smell', ok: null, by: 'odour-sensor', sensor })
    expect(wc.claim(false)).toEqual({ item: 'smell', ok: false, sensor })
    expect(wc.claim(true)).toEqual({ item: 'smell', ok: true, sensor })
  })

  it('is undecidable where the limit is below what the sensor can tell, and where there is none', () => {
    const wc = toilet()
    wc.say({ device: 'od-1', at: 0, values: { h2sPpm: 0 } })
    expect(wc.claim()).toMatchObject({ ok: null, sensor: { why: 'undecidable', readings: [] } })
    const without = toilet(RECORDS.slice(0, 2))
    without.tick(0)
    expect(without.claim(true)).toEqual({
      ...{ item: 'smell', ok: true },
      sensor: { ok: null, why: 'no-sensor', readings: [] }
    })
  })

  it('is yes where one of several sensors says so, and open while one of them is stale', () => {
    const wc = toilet([...RECORDS, device('od-2', { kind: 'odour-sensor', facility: 'wc-1' })])
    wc.smells(0, CLEAN)
    wc.smells(0, OVER, 'od-2')
    expect(wc.claim()).toMatchObject({ ok: false })
    wc.smells(1, CLEAN, 'od-2')
    wc.smells(14, CLEAN)
    expect(wc.claim()).toMatchObject({
      ok: true,
      sensor: { readings: [{ device: 'od-1' }, { device: 'od-2' }] }
    })
    wc.smells(18, CLEAN)
    expect(wc.claim()).toMatchObject({ ok: null, sensor: { why: 'stale', readings: [{ device: 'od-1' }] } })
  })

  it('follows the share of the limit that counts here', () => {
    const wc = toilet()
    const rule = DEFAULT_RULES.find(({ id }) => id === 'toilet-odour') as Rule
    const half = { odour: ['nh3Ppm' as const], aboveShare: 0.5 }
    const overrides = [{ scope: 'facility:wc-1' as const, set: { when: half } }]
    wc.smells(0, LIMIT * 0.6)
    expect(wc.claim()).toMatchObject({ ok: true })
    expect(wc.change({ kind: 'rule', rule: { ...rule, version: 2, overrides } })).toBeNull()
    expect(wc.claim()).toMatchObject({ ok: false, sensor: { readings: [{ limit: LIMIT / 2 }] } })
  })

  it('is not of a reading from before the sensor was fitted here', () => {
    const wc = toilet()
    wc.smells(0, CLEAN)
    wc.register(device('od-1', { kind: 'odour-sensor' }))
    wc.tick(1)
    wc.register(device('od-1', { kind: 'odour-sensor', facility: 'wc-1' }))
    const { facilities, odour } = wc.engine()
    expect(smellAt(facilities.get('wc-1'), NOON + minutes(1), odour)).toMatchObject({ ok: null })
  })

  it('is stored the same wherever we crashed', () => {
    const step = fc.record({
      wait: fc.constantFrom(0, 1, 5, 12, 20),
      nh3: fc.constantFrom(null, CLEAN, OVER),
      claim: fc.constantFrom('none', 'none', 'unsaid', 'yes', 'no')
    })
    type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
    const play = (steps: Step[], crashes: ReadonlySet<number>) => {
      const wc = toilet()
      let minute = 0
      const said = steps.map(({ wait, nh3, claim }, i) => {
        if (crashes.has(i)) wc.restart()
        minute += wait
        if (nh3 === null) wc.tick(minute)
        else wc.smells(minute, nh3)
        return claim === 'none' ? null : wc.claim(claim === 'unsaid' ? undefined : claim === 'yes')
      })
      return { said, ...wc.effects.current }
    }
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 25 }),
        fc.array(fc.nat(25), { maxLength: 5 }),
        (steps, crashes) => {
          expect(play(steps, new Set(crashes))).toEqual(play(steps, new Set()))
        }
      ),
      { numRuns: 60 }
    )
  })
})
