import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CHECKPOINT_VERSION, loadState } from '#ingest/checkpoint'
import { area, device, facility, road } from '#test/fixtures/registry-records'
import { NOON, ruleWorld } from '#test/fixtures/rule-world'
import type { Subject } from '#model/ids'
import { DEFAULT_RULES } from '#model/default-rules'
import type { MaintenanceWindow } from '#model/maintenance'
import type { Rule } from '#model/rules'
import { SHIPPED_ODOUR_LIMITS, type OdourLimits } from '#model/odour-limits'
import { hours, minutes } from '#model/time'

const RECORDS = [
  area('city', { kind: 'city', lat: 32.06, lon: 118.78 }),
  area('gulou', { kind: 'district', parent: 'city' }),
  road('r-1', { parent: 'gulou', attributes: { lightingGrade: 'main', cleaningGrade: '1' } }),
  facility('bin-1', { parent: 'gulou', attributes: { road: 'r-1' } }),
  device('fs-1', { facility: 'bin-1' }),
  device('fs-2', { facility: 'bin-1' }),
  facility('bin-2', { parent: 'gulou' }),
  road('r-2', { parent: 'gulou' }),
  facility('wc-1', { kind: 'toilet', parent: 'gulou' }),
  device('oc-1', { kind: 'occupancy-sensor', facility: 'wc-1' }),
  facility('cab-1', { kind: 'cabinet', parent: 'gulou' }),
  device('cc-1', { kind: 'cabinet-controller', facility: 'cab-1' }),
  device('gw-1', { kind: 'gateway', facility: 'cab-1' }),
  ...[0, 1, 2].flatMap(i => [
    facility(`light-${i}`, { kind: 'light', parent: 'gulou', attributes: { road: 'r-1', cabinet: 'cab-1' } }),
    device(`lc-${i}`, { kind: 'lamp-controller', facility: `light-${i}`, gateway: i === 2 ? 'gw-1' : null })
  ])
]

const until = (to: string) => [{ from: '12:00', to }]

const bin = fc.record({
  device: fc.constantFrom('fs-1', 'fs-2'),
  values: fc.record({ fillPct: fc.constantFrom(10, 55, 75, 92, 99), tempC: fc.constantFrom(20, 31, 50, 65) })
})
const toilet = fc.record({
  device: fc.constant('oc-1'),
  values: fc.record({
    stallsTotal: fc.constant(4),
    stallsOccupied: fc.constantFrom(1, 4),
    visitsTotal: fc.constantFrom(10, 150, 400),
    waterFlowLpm: fc.constantFrom(0, 3)
  })
})
const cabinet = fc.record({
  device: fc.constantFrom('cc-1', 'gw-1'),
  values: fc.record({ energised: fc.boolean(), batteryPct: fc.constantFrom(10, 50) })
})
const lamp = fc.record({
  device: fc.constantFrom('lc-0', 'lc-1', 'lc-2'),
  values: fc.record({ powerState: fc.constantFrom('on', 'off'), activePowerW: fc.constantFrom(0, 90) })
})
const event = fc.record({
  what: fc.oneof(bin, toilet, lamp, cabinet),
  /** Minutes after the event before; a long one is an outage when no tick stands between. */
  wait: fc.constantFrom(0, 1, 4, 7, 11, 40, 130),
  lag: fc.constantFrom(0, 0, 0, 3, 200),
  tick: fc.boolean(),
  act: fc.constantFrom('none', 'none', 'accept', 'claim', 'close'),
  other: fc.option(fc.constantFrom('maintain', 'stricter', 'milder', 'off', 'proof', 'limits', 'serve'), {
    freq: 6
  }),
  change: fc.option(
    fc.constantFrom(
      device('fs-2', { facility: 'bin-2' }),
      device('fs-2', { facility: 'bin-1' }),
      device('fs-2'),
      device('fs-1', { facility: 'bin-1', attributes: { expectedIntervalMs: minutes(2) } }),
      facility('light-0', { kind: 'light', parent: 'gulou', attributes: { road: 'r-2' } }),
      facility('light-0', { kind: 'light', parent: 'gulou', attributes: { road: 'r-1', cabinet: 'cab-1' } }),
      device('lc-1', { kind: 'lamp-controller', facility: 'light-0' }),
      road('r-1', { parent: 'gulou', attributes: { lightingGrade: 'branch' } }),
      area('city', { kind: 'city', lat: 31, lon: 110 }),
      area('city', { kind: 'city', lat: 32.06, lon: 118.78, attributes: { timeZone: 'Asia/Karachi' } }),
      // Dark from eight in the evening, from nine, and never.
      road('r-1', {
        parent: 'gulou',
        attributes: { lightingGrade: 'main', lightingSchedule: until('20:00') }
      }),
      facility('cab-1', {
        kind: 'cabinet',
        parent: 'gulou',
        attributes: { lightingSchedule: until('21:00') }
      }),
      area('gulou', { kind: 'district', parent: 'city', attributes: { lightingSchedule: [] } })
    ),
    { freq: 6 }
  )
})
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never

const BIN_FULL = DEFAULT_RULES.find(({ id }) => id === 'bin-full') as Rule
/** What a manager may do to a rule. */
const EDITS: Record<string, Rule> = {
  stricter: { ...BIN_FULL, when: { metric: 'fillPct', atLeast: 70 }, forMs: minutes(5) },
  milder: { ...BIN_FULL, overrides: [{ scope: 'facility:bin-1', set: { forMs: minutes(60) } }] },
  off: { ...BIN_FULL, enabled: false },
  proof: { ...BIN_FULL, verify: { metric: 'fillPct', atMost: 20 } }
}
const windowAt = (world: ReturnType<typeof ruleWorld>, minute: number): MaintenanceWindow => ({
  id: `w-${minute % 3}`,
  subject: ['area:gulou', 'facility:cab-1', 'road:r-1', 'device:lc-1'][minute % 4] as Subject,
  from: world.timeOf(minute - 5),
  to: world.timeOf(minute + 60),
  note: ''
})

/** Half of what was shipped, from today or from tomorrow on. */
function limitsFrom(minute: number): OdourLimits[] {
  const [shipped] = SHIPPED_ODOUR_LIMITS as [OdourLimits]
  const { toilet } = shipped.limits
  const half = { ...shipped.limits, toilet: { ...toilet, nh3Ppm: [0.15, 0.5, 1.5] as const } }
  return [shipped, { ...shipped, from: minute % 2 ? '2026-01-15' : '2026-01-16', limits: half }]
}

/** Plays the events, stopping and starting again before those in `crashes`; everything it ever wrote. */
function play(events: Event[], crashes: Set<number>) {
  const world = ruleWorld({ records: RECORDS, start: NOON + hours(5) })
  let minute = 0
  let version = 1
  let limits = 1
  events.forEach(({ what, wait, lag, tick, act, change, other }, i) => {
    if (crashes.has(i)) world.restart()
    minute += wait
    if (tick) world.tick(minute, 30)
    world.say({ ...what, at: minute - lag, received: minute })
    if (change) world.register(change)
    if (other === 'serve') world.change({ kind: 'service', facility: 'wc-1', by: 'scan' })
    if (other === 'maintain') world.change({ kind: 'maintenance', window: windowAt(world, minute) })
    if (other === 'limits')
      expect(world.change({ kind: 'odour-limits', version: ++limits, items: limitsFrom(minute) })).toBeNull()
    const rule = other && EDITS[other]
    if (rule) world.change({ kind: 'rule', rule: { ...rule, version: ++version } })
    const [first] = world.open()
    if (first && act !== 'none') {
      const body = {
        kind: 'ticket-action',
        ticket: first.id,
        action: act,
        note: 'why',
        claimedAt: null
      } as const
      world.engine().act({ ...body, quietUntil: world.timeOf(minute + 30) }, 'li')
    }
  })
  world.tick(minute + 300)
  return { ...world.effects.current, open: world.open() }
}

const says = (
  device: string,
  values: Event['what']['values'],
  wait: Event['wait'],
  more: Partial<Event> = {}
): Event => ({
  what: { device, values } as Event['what'],
  wait,
  lag: 0,
  tick: false,
  act: 'none',
  other: null,
  change: null,
  ...more
})
/** The quiet time after a gateway's ticket ends in the very moment in which the gateway falls silent again, with lamps behind it. */
const A_TIE = [
  says('gw-1', { energised: false, batteryPct: 10 }, 0),
  says('lc-2', { powerState: 'on', activePowerW: 0 }, 130, { act: 'close' }),
  says('oc-1', { stallsTotal: 4, stallsOccupied: 1, visitsTotal: 10, waterFlowLpm: 0 }, 40, { act: 'close' }),
  says('fs-1', { fillPct: 10, tempC: 20 }, 11, { other: 'maintain' }),
  says('gw-1', { energised: false, batteryPct: 10 }, 4),
  says('lc-0', { powerState: 'on', activePowerW: 0 }, 0)
]

// Hundreds of days are played: on a busy machine that takes a while.
describe('the rules', { timeout: minutes(5) }, () => {
  it('decide the same wherever we crashed', () => {
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 60 }),
        fc.array(fc.nat(60), { maxLength: 8 }),
        (events, crashes) => {
          expect(play(events, new Set(crashes))).toEqual(play(events, new Set()))
        }
      ),
      { numRuns: 400, examples: [[A_TIE, [5]]] }
    )
  })

  it('never have two open tickets for one rule and subject, nor an episode or an event twice', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), events => {
        const { open, episodes, events: noted } = play(events, new Set())
        const keys = open.map(({ rule, subject }) => `${rule} ${subject}`)
        expect(new Set(keys).size).toBe(keys.length)
        const named = [...episodes.values()].map(
          ({ rule, subject, startedAt }) => `${rule} ${subject} ${startedAt}`
        )
        expect(new Set(named).size).toBe(named.length)
        expect(new Set(noted.map(({ ticket, no }) => `${ticket} ${no}`)).size).toBe(noted.length)
      }),
      { numRuns: 400 }
    )
  })
})

describe('a checkpoint', () => {
  it('of another build is refused with what to do, not skipped', () => {
    const world = ruleWorld({ records: RECORDS })
    expect(() =>
      loadState({ text: '{}', version: CHECKPOINT_VERSION + 1 }, world.engine(), world.desk())
    ).toThrow(new RegExp(`version ${CHECKPOINT_VERSION + 1}.*Start the build that wrote it`, 's'))
  })
})
