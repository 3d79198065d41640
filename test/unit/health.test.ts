import { describe, expect, it } from 'vitest'
import { healthOf, healthReasons } from '#ingest/health'
import type { ChangeBody } from '#model/changes'
import { DEFAULT_RULES } from '#model/default-rules'
import type { Rule } from '#model/rules'
import { minutes } from '#model/time'
import { area, device, facility } from '#test/fixtures/registry-records'
import { ruleWorld } from '#test/fixtures/rule-world'

const CITY = area('city', { kind: 'city', lat: 32, lon: 118.8 })
const binWorld = () => ruleWorld({ records: [CITY, facility('bin'), device('s', { facility: 'bin' })] })
type World = ReturnType<typeof ruleWorld>

const shown = (world: World, minute: number, id = 'bin') => {
  const picture = world.engine().facilities.get(id)
  if (!picture) throw new Error(`no ${id}`)
  const view = { engine: world.engine(), desk: world.desk(), registry: world.registry() }
  const reasons = healthReasons(picture, world.timeOf(minute), view)
  return {
    health: healthOf(picture, reasons),
    reasons: reasons.map(({ health, label }) => `${health}: ${label.en}`)
  }
}
const edited = (id: string, change: Partial<Rule>): ChangeBody => {
  const rule = DEFAULT_RULES.find(one => one.id === id) as Rule
  return { kind: 'rule', rule: { ...rule, ...change, version: rule.version + 1 } }
}
const maintenance = (world: World, from: number, to: number): ChangeBody => ({
  kind: 'maintenance',
  window: { id: 'm', subject: 'area:city', from: world.timeOf(from), to: world.timeOf(to), note: 'new pipes' }
})
const act = (world: World, action: 'accept' | 'close' | 'defer', more: object): string | null =>
  world.change({
    kind: 'ticket-action',
    ticket: world.open()[0]?.id as string,
    action,
    note: 'because',
    claimedAt: null,
    quietUntil: null,
    role: 'admin',
    ...more
  })

describe('the reasons for a facility’s health', () => {
  it('say that it fires, is clearing, or waits for fresh readings in between', () => {
    const world = binWorld()
    world.say({ device: 's', at: 0, values: { fillPct: 95 } })
    world.tick(11, 600)
    expect(shown(world, 11)).toEqual({ health: 'fault', reasons: ['fault: Bin full'] })
    world.tick(95)
    expect(shown(world, 95).reasons).toContain('fault: Bin full, no fresh reading since')
    world.say({ device: 's', at: 96, values: { fillPct: 5 } })
    expect(shown(world, 96)).toEqual({ health: 'fault', reasons: ['fault: Bin full, clearing'] })
  })

  it('name a hold that stands still for want of a reading, without calling it a fault', () => {
    const world = ruleWorld({
      records: [
        CITY,
        facility('bin'),
        device('s', { facility: 'bin', attributes: { expectedIntervalMs: minutes(2) } })
      ]
    })
    world.say({ device: 's', at: 0, values: { fillPct: 95 } })
    world.tick(7, 600)
    const { health, reasons } = shown(world, 7)
    expect(reasons).toContain('silent: Bin full, no fresh reading, so its time stands still')
    expect(health).toBe('silent')
  })

  it('name the parent that explains an episode, and the wait for one', () => {
    const world = ruleWorld({
      records: [
        CITY,
        facility('cab', { kind: 'cabinet', name: 'Cabinet 7' }),
        device('cs', { kind: 'cabinet-controller', facility: 'cab' }),
        ...['lamp', 'lamp-2', 'lamp-3'].flatMap(id => [
          facility(id, { kind: 'light', attributes: { cabinet: 'cab' } }),
          device(`${id}-s`, {
            kind: 'lamp-controller',
            facility: id,
            attributes: { expectedIntervalMs: minutes(60) }
          })
        ])
      ],
      start: Date.parse('2026-01-15T14:00:00Z')
    })
    world.say({ device: 'cs', at: 0, values: { energised: true } })
    for (const id of ['lamp-2-s', 'lamp-3-s']) world.say({ device: id, at: 0, values: { powerState: 'on' } })
    world.say({ device: 'lamp-s', at: 0, values: { powerState: 'off' } })
    world.tick(11)
    expect(shown(world, 11, 'lamp').reasons).toEqual([
      'warning: Lamp out, waits whether its cabinet or gateway explains it'
    ])
    world.say({ device: 'cs', at: 12, values: { energised: false } })
    world.tick(14)
    expect(shown(world, 14, 'lamp').reasons).toEqual([
      'warning: Lamp out, explained by “Cabinet dead: Cabinet 7”, no ticket of its own'
    ])
  })

  it('say why nothing begins though it is so: maintenance, hours, a rule switched off, a person', () => {
    const during = binWorld()
    during.say({ device: 's', at: 0, values: { fillPct: 10 } })
    expect(during.change(maintenance(during, -5, 60))).toBeNull()
    during.say({ device: 's', at: 1, values: { fillPct: 95 } })
    during.tick(20)
    expect(shown(during, 20)).toEqual({
      health: 'maintenance',
      reasons: [
        'maintenance: Bin full, maintenance, quiet until 2026-01-15 13:00',
        'maintenance: Maintenance until 2026-01-15 13:00: new pipes'
      ]
    })
    during.tick(61)
    expect(shown(during, 61).health).not.toBe('maintenance')

    const off = binWorld()
    off.say({ device: 's', at: 0, values: { fillPct: 10 } })
    off.change(edited('bin-full', { enabled: false }))
    off.say({ device: 's', at: 1, values: { fillPct: 95 } })
    expect(shown(off, 12)).toEqual({ health: 'ok', reasons: ['ok: Bin full, the rule is switched off'] })

    const closed = binWorld()
    closed.say({ device: 's', at: 0, values: { fillPct: 10 } })
    closed.change(edited('bin-full', { windows: [{ from: '14:00', to: '16:00' }] }))
    closed.say({ device: 's', at: 1, values: { fillPct: 95 } })
    expect(shown(closed, 12).reasons).toEqual([
      'ok: Bin full, outside its hours, quiet until 2026-01-15 14:00'
    ])

    const person = binWorld()
    person.say({ device: 's', at: 0, values: { fillPct: 95 } })
    person.tick(11)
    expect(act(person, 'close', { quietUntil: person.timeOf(60) })).toBeNull()
    expect(shown(person, 12).reasons).toEqual([
      'ok: Bin full, closed by a person, quiet until 2026-01-15 13:00'
    ])
  })

  it('show a fault grey while its ticket is put off, and red again after it', () => {
    const world = binWorld()
    world.say({ device: 's', at: 0, values: { fillPct: 95 } })
    world.tick(11)
    const ticket = world.open()[0]?.id as string
    expect(act(world, 'accept', {})).toBeNull()
    expect(act(world, 'defer', { until: world.timeOf(60), role: 'crew' })).toBeNull()
    // Another role answers.
    const answer = { kind: 'ticket-action', ticket, claimedAt: null, quietUntil: null } as const
    world.change({ ...answer, action: 'approve', note: 'yes', role: 'operator' }, 'wang')
    expect(shown(world, 12)).toEqual({
      health: 'maintenance',
      reasons: ['maintenance: Bin full, put off until 2026-01-15 13:00']
    })
    world.say({ device: 's', at: 40, values: { fillPct: 95 } })
    world.tick(61)
    expect(shown(world, 61).health).toBe('fault')
  })

  it('list what is the matter with the device itself, and call nothing unknown that is announced', () => {
    const world = binWorld()
    expect(shown(world, 0)).toEqual({ health: 'unknown', reasons: [] })
    world.say({ device: 's', at: 0, values: { batteryPct: 5 } })
    world.tick(61, 600)
    expect(shown(world, 61)).toEqual({ health: 'warning', reasons: ['warning: Battery low'] })
    const fresh = binWorld()
    fresh.tick(0)
    fresh.change(maintenance(fresh, -1, 30))
    expect(shown(fresh, 1).health).toBe('maintenance')
  })
})
