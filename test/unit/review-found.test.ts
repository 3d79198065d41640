import { describe, expect, it } from 'vitest'
import { loadState, saveState } from '#ingest/checkpoint'
import { NOON, ruleWorld } from '#test/fixtures/rule-world'
import { area, device, facility } from '#test/fixtures/registry-records'
import { EVERYBODY, aRule, ticketWorld } from '#test/fixtures/ticket-world'
import { DEFAULT_RULES } from '#model/default-rules'
import type { Rule } from '#model/rules'
import { DEFAULT_TICKET_POLICY } from '#model/ticket-policy'
import { days, hours, minutes } from '#model/time'

const ruleOf = (id: string): Rule => DEFAULT_RULES.find(rule => rule.id === id) as Rule
const CITY = area('city', { kind: 'city', lat: 32.06, lon: 118.78 })
const lampOfCabinet = [
  CITY,
  area('gulou', { kind: 'district', parent: 'city' }),
  facility('cab-1', { kind: 'cabinet', parent: 'gulou' }),
  device('cc-1', { kind: 'cabinet-controller', facility: 'cab-1' }),
  facility('light-1', { kind: 'light', parent: 'gulou', attributes: { cabinet: 'cab-1' } }),
  device('lc-1', { kind: 'lamp-controller', facility: 'light-1' })
]

describe('an edited rule', () => {
  it('that lost its ladder while a severity was on its way up does not stop the clock', () => {
    const bins = [CITY, facility('bin-1', { parent: 'city' }), device('fs-1', { facility: 'bin-1' })]
    const rule: Rule = {
      ...ruleOf('bin-full'),
      ladder: [{ severity: 'critical', when: { metric: 'fillPct', atLeast: 98 }, forMs: minutes(60) }]
    }
    const world = ruleWorld({ records: bins, rules: [rule] })
    for (const at of [0, 10, 20]) world.say({ device: 'fs-1', at, values: { fillPct: 99 } })
    expect(world.open()).toHaveLength(1)
    expect(
      world.change({ kind: 'rule', rule: { ...rule, version: rule.version + 1, ladder: [] } })
    ).toBeNull()
    world.tick(21)
    world.say({ device: 'fs-1', at: 30, values: { fillPct: 99 } })
    expect(world.open()).toMatchObject([{ severity: rule.severity }])
  })
})

describe('a child that waits for its parent', () => {
  const child = (part: Partial<Rule>): Rule[] => [ruleOf('cabinet-dead'), { ...ruleOf('lamp-out'), ...part }]

  it('for no time at all opens, also while it is just ending', () => {
    const world = ruleWorld({
      records: [
        ...lampOfCabinet,
        facility('light-2', { kind: 'light', parent: 'gulou', attributes: { cabinet: 'cab-1' } }),
        device('lc-2', { kind: 'lamp-controller', facility: 'light-2' })
      ],
      start: NOON + hours(6.5),
      rules: child({ parentWaitMs: 0 })
    })
    const say = (at: number, lit: boolean, received = at) => {
      const values = { powerState: lit ? 'on' : 'off', activePowerW: lit ? 90 : 0 }
      world.say({ device: 'lc-1', at, received, values })
    }
    say(0, false, 5)
    // Its hold was full at minute 10; this report is the first we hear after that, and says it is over.
    say(12, true)
    say(13, true)
    say(18, true)
    expect(world.episodes()).toMatchObject([{ rule: 'lamp-out', endedAt: world.timeOf(17) }])
    expect(world.open()).toEqual([])
  })

  it('opens with the severity it has climbed to meanwhile', () => {
    const world = ruleWorld({
      records: lampOfCabinet,
      rules: [
        ruleOf('cabinet-dead'),
        {
          ...ruleOf('lamp-out'),
          when: { metric: 'activePowerW', atMost: 5 },
          clear: { metric: 'activePowerW', atLeast: 50 },
          ladder: [{ severity: 'critical', when: { metric: 'activePowerW', atMost: 1 }, forMs: minutes(2) }],
          forMs: minutes(10),
          parentWaitMs: minutes(5)
        }
      ]
    })
    for (let at = 0; at <= 14; at++) world.say({ device: 'lc-1', at, values: { activePowerW: 0 } })
    expect(world.episodes()).toMatchObject([{ severity: 'critical', ticket: null }])
    world.say({ device: 'lc-1', at: 16, values: { activePowerW: 0 } })
    expect(world.open()).toMatchObject([{ severity: 'critical' }])
    expect(world.episodes()).toMatchObject([{ severity: 'critical' }])
  })
})

describe('silence', () => {
  it('of a gateway takes its three intervals, though its last device was moved away from it', () => {
    const world = ruleWorld({
      records: [
        CITY,
        facility('light-1', { kind: 'light', parent: 'city', attributes: { cabinet: 'cab-1' } }),
        device('gw-1', { kind: 'gateway', attributes: { expectedIntervalMs: minutes(5) } }),
        device('lc-1', { kind: 'lamp-controller', facility: 'light-1', gateway: 'gw-1' })
      ]
    })
    world.say({ device: 'gw-1', at: 0, values: { batteryPct: 90 } })
    world.register(device('lc-1', { kind: 'lamp-controller', facility: 'light-1', gateway: null }))
    world.tick(12)
    expect(world.engine().devices.get('gw-1')?.silent).toBe(false)
    world.tick(16)
    expect(world.engine().devices.get('gw-1')?.silent).toBe(true)
  })
})

describe('a deadline', () => {
  it('of a sensor’s ticket runs in the service hours only, from the start', () => {
    const world = ticketWorld({ policy: { serviceHours: { bin: [{ from: '06:00', to: '22:00' }] } } })
    // 21:30, with two hours.
    const { row } = world.fire({ at: 570, due: 120 })
    // 07:30 of the next day.
    expect(world.minuteOf(row.dueAt)).toBe(1170)
    expect(world.minuteOf(row.firstDueAt)).toBe(1170)
    expect(world.minuteOf(world.row(row.id)?.dueAt)).toBe(1170)
  })
})

describe('planned work', () => {
  const plan = (part: object) => ({
    kind: 'plan' as const,
    plan: {
      id: 'p-1',
      title: 'Cleaning',
      kind: 'dirty' as const,
      facility: 'wc-1',
      days: [1, 2, 3, 4, 5, 6, 7],
      from: '08:00',
      to: '10:00',
      active: true,
      ...part
    }
  })

  it('round the clock is due each day', () => {
    const world = ticketWorld()
    world.desk().act(plan({ from: '08:00', to: '08:00' }), 'li', world.timeOf(0))
    const [state] = world.desk().plans()
    expect(world.minuteOf(state?.from)).toBe(20 * 60)
    expect(world.minuteOf(state?.until)).toBe(44 * 60)
  })

  it('on two days that touch is due on each', () => {
    const world = ticketWorld()
    world.desk().act(plan({ from: '08:00', to: '08:00', days: [2, 3] }), 'li', world.timeOf(0))
    const due = () => [...world.desk().plans()].map(({ from, until }) => [from, until].map(world.minuteOf))
    expect(due()).toEqual([[20 * 60, 44 * 60]])
    world.passTo(44 * 60)
    expect(due()).toEqual([[44 * 60, 68 * 60]])
  })

  it('made good stays made good at the first scan', () => {
    const world = ticketWorld({ addressees: EVERYBODY })
    world.desk().act(plan({}), 'li', world.timeOf(0))
    world.passTo(22 * 60)
    const [row] = world.open()
    const id = row?.id ?? ''
    world.act(id, 'accept', 22 * 60 + 10, { who: 'crew-li', role: 'crew' })
    world.scan('wc-1', 22 * 60 + 20)
    world.scan('wc-1', 22 * 60 + 200)
    expect(world.minuteOf(world.row(id)?.clearedAt)).toBe(22 * 60 + 20)
  })
})

describe('what was done once', () => {
  it('is opened again once only', () => {
    const world = ticketWorld()
    world.report('R-1', 0)
    world.act('R-1', 'check', 1)
    world.act('R-1', 'close', 2)
    expect(world.act('R-1', 'reopen', 3)).toBeUndefined()
    expect(world.act('R-1', 'reopen', 4)).toMatch(/open for the same/)
    expect(world.open()).toHaveLength(1)
  })

  it('is remembered for as long as the rule calls it rework, through a restart too', () => {
    for (const restart of [false, true]) {
      const world = ticketWorld()
      const rule = aRule({ reworkWithinMs: days(7) })
      const { id } = world.fire({ rule, at: 0 }).row
      world.act(id, 'accept', 1)
      world.act(id, 'claim', 2)
      world.hear('bin-1', 'cleared', 3)
      // Enough days later for another ticket's end to tidy up.
      world.fire({ rule, bin: 'bin-2', at: 5 * 1440 })
      world.end('bin-2', 5 * 1440 + 1)
      if (restart) world.restart()
      const { row } = world.fire({ rule, at: 5 * 1440 + 2 })
      expect(row).toMatchObject({ rework: true, reworkOf: id })
    }
  })
})

describe('a restart', () => {
  it('leaves no cleaning for later that followed from another', () => {
    const records = [
      CITY,
      facility('wc-1', { kind: 'toilet', parent: 'city' }),
      device('pc-1', { kind: 'occupancy-sensor', facility: 'wc-1' })
    ]
    const play = (restart: boolean) => {
      const world = ruleWorld({ records })
      for (let at = 0; at <= 250; at++) {
        world.tick(at)
        world.say({ device: 'pc-1', at, values: { visitsTotal: at } })
      }
      const [row] = world.open()
      expect(row?.rule).toBe('toilet-clean-due')
      const act = (action: 'accept' | 'claim') =>
        world.change({
          kind: 'ticket-action',
          ticket: row?.id ?? '',
          action,
          note: null,
          claimedAt: null,
          quietUntil: null,
          role: 'operator'
        })
      act('accept')
      act('claim')
      // The scan ends the condition, and with it the claimed ticket, which is a cleaning itself.
      world.change({ kind: 'service', facility: 'wc-1', by: 'scan' })
      expect(world.open()).toEqual([])
      if (restart) world.restart()
      world.tick(251)
      return world.engine().facilities.get('wc-1')?.service
    }
    expect(play(true)).toEqual(play(false))
  })

  it('changes nothing about tickets whose hours another time zone moved', () => {
    const play = (restart: boolean) => {
      const bins = [CITY, facility('bin-1', { parent: 'city' }), device('fs-1', { facility: 'bin-1' })]
      const world = ruleWorld({ records: bins, rules: [{ ...ruleOf('bin-full'), due: minutes(240) }] })
      const policy = {
        ...DEFAULT_TICKET_POLICY,
        autoDispatch: false,
        serviceHours: { bin: [{ from: '06:00', to: '14:00' }] }
      }
      world.change({ kind: 'ticket-policy', policy })
      for (const at of [0, 10, 11]) world.say({ device: 'fs-1', at, values: { fillPct: 99 } })
      // 12:11 in Shanghai is 9:41 in Kolkata: half of its four hours is over today, not tomorrow.
      world.change({ kind: 'city', timeZone: 'Asia/Kolkata' })
      if (restart) world.restart()
      for (let at = 12; at <= 24 * 60; at += 4) world.tick(at)
      return world.effects.current.events.map(({ action, at }) => [action, world.minuteOf(at)])
    }
    expect(play(true)).toEqual(play(false))
  })
})

describe('a claim of an older build', () => {
  it('that had no time of its own is for a person to verify', () => {
    const world = ticketWorld()
    const { id } = world.fire({ at: 0 }).row
    world.act(id, 'accept', 1)
    world.act(id, 'claim', 2)
    const ticket = world.desk().byId(id)
    if (!ticket) throw new Error('no ticket')
    ticket.row = { ...ticket.row, claimedAt: null, claimedBy: null, verification: null, verifyBy: null }
    world.restart()
    expect(world.desk().byId(id)?.row.verification).toBe('person')
  })
})

describe('a crew', () => {
  it('does nothing to a ticket that went to another crew while its request was under way', () => {
    const world = ticketWorld({
      addressees: {
        ...EVERYBODY,
        isOf: (username, crew) => (username === 'sun' ? crew === 'crew-2' : crew === 'crew-1')
      }
    })
    const { id } = world.fire({ at: 0 }).row
    world.passTo(1)
    world.act(id, 'transfer', 2, { crew: 'crew-2' })
    expect(world.act(id, 'accept', 3, { who: 'li', role: 'crew', crew: 'crew-1' })).toContain('crew-2')
    expect(world.act(id, 'accept', 3, { who: 'sun', role: 'crew', crew: 'crew-2' })).toBeUndefined()
  })
})

describe('an outage of ours', () => {
  it('is no time in which a severity rises', () => {
    const bins = [CITY, facility('bin-1', { parent: 'city' }), device('fs-1', { facility: 'bin-1' })]
    const rule: Rule = {
      ...ruleOf('bin-full'),
      due: hours(24),
      ladder: [{ severity: 'critical', when: { metric: 'fillPct', atLeast: 98 }, forMs: minutes(60) }]
    }
    const world = ruleWorld({ records: bins, rules: [rule] })
    for (let at = 0; at <= 10; at++) {
      world.tick(at, 1)
      if (at % 10 === 0) world.say({ device: 'fs-1', at, values: { fillPct: 99 } })
    }
    // The next tick was promised for minute 11.
    world.tick(61, 60)
    world.say({ device: 'fs-1', at: 62, values: { fillPct: 99 } })
    world.tick(80)
    expect(world.open()).toMatchObject([{ severity: rule.severity }])
    world.say({ device: 'fs-1', at: 119, values: { fillPct: 99 } })
    expect(world.open()).toMatchObject([{ severity: rule.severity }])
    world.tick(121)
    expect(world.open()).toMatchObject([{ severity: 'critical' }])
  })
})

describe('a checkpoint of version 1', () => {
  it('in which a gateway is silent: it still speaks for its devices', () => {
    const records = [
      CITY,
      facility('light-1', { kind: 'light', parent: 'city' }),
      device('gw-1', { kind: 'gateway', attributes: { expectedIntervalMs: minutes(5) } }),
      device('lc-1', {
        kind: 'lamp-controller',
        facility: 'light-1',
        gateway: 'gw-1',
        attributes: { expectedIntervalMs: minutes(30) }
      })
    ]
    const before = ruleWorld({ records })
    for (const id of ['gw-1', 'lc-1']) before.say({ device: id, at: 0, values: { batteryPct: 90 } })
    before.tick(20)
    expect(before.open()).toMatchObject([{ subject: 'device:gw-1' }])
    const saved = JSON.parse(saveState(before.engine(), before.desk())) as { instances: { covers?: true }[] }
    for (const instance of saved.instances) delete instance.covers

    const world = ruleWorld({ records })
    loadState({ text: JSON.stringify(saved), version: 1 }, world.engine(), world.desk())
    for (let at = 21; at <= 200; at++) world.tick(at)
    expect(world.open()).toMatchObject([{ subject: 'device:gw-1' }])
  })
})
