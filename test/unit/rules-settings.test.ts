import { describe, expect, it } from 'vitest'
import { applyData } from '#ingest/apply'
import { createDecisions } from '#ingest/decisions'
import { noEffects } from '#ingest/effects'
import { DEFAULT_RULES } from '#model/default-rules'
import type { Subject } from '#model/ids'
import type { Override } from '#model/rule-scopes'
import type { Rule, RuleSettings } from '#model/rules'
import { hours, minutes } from '#model/time'
import { area, device, facility, road } from '#test/fixtures/registry-records'
import { NOON, ruleWorld } from '#test/fixtures/rule-world'

const CITY = area('city', { kind: 'city', lat: 32.06, lon: 118.78 })
const ROADS = [road('r-1', { attributes: { cleaningGrade: '2' } })]
const bins = (...ids: string[]) =>
  ids.flatMap(id => [
    facility(id, { parent: id === 'far' ? 'grid' : 'city', attributes: { road: 'r-1' } }),
    device(`fs-${id}`, { facility: id })
  ])
const shipped = DEFAULT_RULES.find(({ id }) => id === 'bin-full') as Rule
const binFull = (settings: Partial<RuleSettings> & { overrides?: Override[] }): Rule[] => [
  { ...shipped, ...settings }
]
const binWorld = (settings: Partial<RuleSettings> & { overrides?: Override[] } = {}, start = NOON) =>
  ruleWorld({
    start,
    rules: binFull(settings),
    records: [CITY, area('grid', { parent: 'city' }), ...ROADS, ...bins('near', 'far')]
  })
type World = ReturnType<typeof binWorld>
const fill = (world: World, at: number, fillPct: number, bin = 'near') =>
  world.say({ device: `fs-${bin}`, at, values: { fillPct } })
const openedAt = (world: World) => world.open().map(ticket => world.minuteOf(ticket.openedAt))

describe('overrides', () => {
  it('count facility before road before grade before nearest area, field by field, and say so in the ticket', () => {
    const world = binWorld({
      overrides: [
        { scope: 'area:city', set: { forMs: minutes(40), due: hours(9), severity: 'critical' } },
        { scope: 'area:grid', set: { forMs: minutes(30), due: hours(8) } },
        { scope: 'cleaningGrade:2', set: { due: hours(7) } },
        { scope: 'road:r-1', set: { forMs: minutes(3) } },
        { scope: 'facility:near', set: { forMs: minutes(2) } }
      ]
    })
    fill(world, 0, 95, 'near')
    fill(world, 0, 95, 'far')
    world.tick(2)
    expect(world.open()).toMatchObject([
      {
        subject: 'facility:near',
        severity: 'critical',
        dueAt: world.timeOf(2) + hours(7),
        parameters: {
          forMs: minutes(2),
          sources: { forMs: 'facility:near', due: 'cleaningGrade:2', severity: 'area:city' }
        }
      }
    ])
    world.tick(3)
    expect(openedAt(world)).toEqual([2, 3])
  })
})

describe('a new version of a rule', () => {
  const change = (world: World, settings: Partial<RuleSettings> & { overrides?: Override[] }, version = 2) =>
    world.change({ kind: 'rule', rule: { ...shipped, ...settings, version } })

  it('keeps the hold of subjects it changes nothing for', () => {
    const world = binWorld()
    fill(world, 0, 95, 'near')
    fill(world, 0, 95, 'far')
    world.tick(8)
    const overrides: Override[] = [
      { scope: 'facility:far', set: { when: { metric: 'fillPct', atLeast: 94 } } }
    ]
    expect(change(world, { overrides })).toBeNull()
    world.tick(10)
    expect(world.open()).toMatchObject([{ subject: 'facility:near', ruleVersion: 2 }])
    world.tick(18)
    expect(openedAt(world)).toEqual([10, 18])
  })

  it('with a shorter hold fires at once what has held for so long, not in the past', () => {
    const world = binWorld()
    fill(world, 0, 95)
    world.tick(8)
    expect(change(world, { forMs: minutes(5) })).toBeNull()
    expect(openedAt(world)).toEqual([8])
  })

  it('that a level met before it begins a hold with it', () => {
    const world = binWorld()
    fill(world, 0, 85)
    world.tick(5)
    expect(change(world, { when: { metric: 'fillPct', atLeast: 80 } })).toBeNull()
    world.tick(15)
    expect(openedAt(world)).toEqual([15])
  })

  it('leaves open tickets open, under the new clear condition and their own version', () => {
    const world = binWorld()
    fill(world, 0, 95)
    world.tick(10)
    expect(change(world, { clear: { metric: 'fillPct', atMost: 20 } })).toBeNull()
    fill(world, 11, 50)
    world.tick(20)
    expect(world.open()).toMatchObject([{ ruleVersion: 1 }])
    fill(world, 21, 20)
    world.tick(23)
    expect(world.open()).toEqual([])
  })

  it('switched off begins nothing and lets what is open end; switched on it begins where things stand', () => {
    const world = binWorld()
    fill(world, 0, 95, 'far')
    world.tick(10)
    expect(change(world, { enabled: false })).toBeNull()
    fill(world, 11, 95, 'near')
    world.tick(15)
    world.restart()
    world.tick(40)
    expect(openedAt(world)).toEqual([10])
    fill(world, 41, 10, 'far')
    world.tick(44)
    expect(world.open()).toEqual([])
    expect(change(world, {}, 3)).toBeNull()
    world.tick(54)
    expect(openedAt(world)).toEqual([54])
  })

  it('must follow the present one, and be about the same', () => {
    const world = binWorld()
    expect(change(world, {}, 3)).toContain('does not follow')
    expect(world.change({ kind: 'rule', rule: { ...shipped, subject: 'toilet', version: 2 } })).toContain(
      'about'
    )
  })
})

describe('a version that was taken before a newer build was started', () => {
  const replay = (refused: string | null) => {
    const { engine, crews } = createDecisions({
      rules: [{ ...shipped, version: 5 }],
      effects: noEffects
    })
    const body = { kind: 'rule', rule: { ...shipped, forMs: minutes(3), version: 2 } } as const
    const applied = { beforeSeq: 1, no: 1, at: NOON, refused }
    const change = {
      id: 1,
      subject: 'rule:bin-full',
      body,
      who: 'li',
      why: null,
      requestedAt: NOON,
      applied
    } as const
    applyData({ engine, crews }, change)
    return engine.book.get('bin-full')
  }

  it('is taken again, whatever that build ships', () => {
    expect(replay(null)).toMatchObject({ version: 2, forMs: minutes(3) })
  })

  it('unless it was refused then', () => {
    expect(replay('somebody was faster')).toMatchObject({ version: 5, forMs: minutes(10) })
  })
})

describe('windows of the day', () => {
  const AT_NIGHT = Date.parse('2026-01-15T13:00:00Z')

  it('begin nothing between them; what holds when one opens counts from there', () => {
    const world = binWorld(
      {
        windows: [
          { from: '06:00', to: '10:00' },
          { from: '16:00', to: '20:00' }
        ]
      },
      AT_NIGHT
    )
    for (let at = 0; at <= 9 * 60; at += 30) {
      world.tick(at)
      fill(world, at, 95)
    }
    expect(world.open()).toEqual([])
    world.tick(9 * 60 + 10)
    expect(openedAt(world)).toEqual([9 * 60 + 10])
  })

  it('a hold that runs over the end of one begins anew with the next', () => {
    // 09:55 in Shanghai.
    const world = binWorld({ windows: [{ from: '06:00', to: '10:00' }] }, Date.parse('2026-01-15T01:55:00Z'))
    fill(world, 0, 95)
    world.tick(30)
    expect(world.open()).toEqual([])
  })

  it('keep to weekdays', () => {
    // A Thursday.
    const world = binWorld({ windows: [{ from: '00:00', to: '24:00', days: [5] }] })
    for (let at = 0; at <= 12 * 60; at += 30) {
      world.tick(at)
      fill(world, at, 95)
    }
    world.tick(12 * 60 + 9)
    expect(world.open()).toEqual([])
    world.tick(12 * 60 + 10)
    expect(openedAt(world)).toEqual([12 * 60 + 10])
  })
})

describe('announced maintenance', () => {
  const announce = (
    world: World,
    { from, to, subject = 'facility:near' }: { from: number; to: number; subject?: Subject }
  ) =>
    world.change({
      kind: 'maintenance',
      window: { id: 'w-1', subject, from: world.timeOf(from), to: world.timeOf(to), note: 'works' }
    })

  it('opens nothing, and the hold begins anew at its end', () => {
    const world = binWorld()
    fill(world, 0, 95)
    world.tick(5)
    announce(world, { from: 5, to: 60 })
    world.tick(30)
    fill(world, 31, 95)
    world.tick(69)
    expect(world.open()).toEqual([])
    world.tick(70)
    expect(openedAt(world)).toEqual([70])
    expect(world.episodes()).toMatchObject([{ startedAt: world.timeOf(60) }])
  })

  it('that lies within a hold stretches it, though nothing was heard in it', () => {
    const world = binWorld()
    fill(world, 0, 95)
    announce(world, { from: 3, to: 5 })
    world.tick(14)
    expect(world.open()).toEqual([])
    world.tick(15)
    expect(openedAt(world)).toEqual([15])
  })

  it('of an area or a road is that of all in it', () => {
    for (const subject of ['area:city', 'road:r-1'] as const) {
      const world = binWorld()
      world.tick(0)
      announce(world, { from: 0, to: 60, subject })
      fill(world, 1, 95, 'near')
      fill(world, 1, 95, 'far')
      world.tick(40)
      expect(world.open()).toEqual([])
    }
  })

  it('leaves open what is open, and lets it end', () => {
    const world = binWorld()
    fill(world, 0, 95)
    world.tick(10)
    announce(world, { from: 10, to: 60 })
    fill(world, 20, 95)
    expect(openedAt(world)).toEqual([10])
    fill(world, 30, 5)
    world.tick(32)
    expect(world.open()).toEqual([])
  })

  it('ended early lets the hold begin there, also after a restart', () => {
    const world = binWorld()
    world.tick(0)
    announce(world, { from: 0, to: 600 })
    fill(world, 1, 95)
    world.tick(20)
    world.restart()
    announce(world, { from: 0, to: 20 })
    world.tick(29)
    expect(world.open()).toEqual([])
    world.tick(30)
    expect(openedAt(world)).toEqual([30])
  })

  it('entered late works from then on', () => {
    const world = binWorld()
    fill(world, 0, 95)
    world.tick(10)
    announce(world, { from: -60, to: 5 })
    expect(openedAt(world)).toEqual([10])
  })
})

it('start-up grace begins nothing so soon after a sensor was fitted', () => {
  const world = binWorld({ graceMs: minutes(30) })
  fill(world, 0, 95)
  world.tick(39)
  expect(world.open()).toEqual([])
  world.tick(40)
  expect(openedAt(world)).toEqual([40])
})

describe('the ladder of severities', () => {
  const ladder: RuleSettings['ladder'] = [
    { severity: 'critical', when: { metric: 'fillPct', atLeast: 98 }, forMs: minutes(5) }
  ]
  const severity = (world: World) => world.open().map(ticket => ticket.severity)

  it('is climbed while the ticket is open, and descended', () => {
    const world = binWorld({ ladder })
    fill(world, 0, 92)
    world.tick(10)
    expect(severity(world)).toEqual(['major'])
    fill(world, 12, 99)
    world.tick(16)
    expect(severity(world)).toEqual(['major'])
    world.restart()
    world.tick(17)
    expect(severity(world)).toEqual(['critical'])
    fill(world, 20, 93)
    world.tick(24)
    expect(severity(world)).toEqual(['critical'])
    world.tick(25)
    expect(severity(world)).toEqual(['major'])
    expect(world.effects.current.events.filter(({ action }) => action === 'severity')).toHaveLength(2)
  })

  it('is left alone by a flicker', () => {
    const world = binWorld({ ladder })
    fill(world, 0, 92)
    world.tick(10)
    fill(world, 12, 99)
    fill(world, 15, 95)
    fill(world, 16, 99)
    world.tick(20)
    expect(severity(world)).toEqual(['major'])
    world.tick(21)
    expect(severity(world)).toEqual(['critical'])
  })
})
