import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Subject } from '#model/ids'
import type { Attributes, RegistryRecord } from '#model/registry'
import { hours, minutes } from '#model/time'
import { area, device, facility, road } from '#test/fixtures/registry-records'
import { NOON, ruleWorld } from '#test/fixtures/rule-world'
import { check } from '#test/reference/pasts'

/** 22:00 in Shanghai: dark, and hours past the grace after dusk. */
const EVENING = NOON + hours(10)
const LAMPS = 10
const CITY = area('city', { kind: 'city', lat: 32.06, lon: 118.78 })
const light = (id: string, attributes: Attributes = {}) =>
  facility(id, { kind: 'light', parent: 'gulou', attributes: { road: 'r-1', ...attributes } })
const controller = (id: string, to: string | null) => device(id, { kind: 'lamp-controller', facility: to })

/** Ten lamps of a main road, and a road beside it. */
function street(more: RegistryRecord[] = []) {
  const world = ruleWorld({
    start: EVENING,
    records: [
      CITY,
      area('gulou', { kind: 'district', parent: 'city' }),
      road('r-1', { parent: 'gulou', attributes: { lightingGrade: 'main' } }),
      road('r-2', { parent: 'gulou' }),
      ...Array.from({ length: LAMPS }, (_, i) => [
        light(`light-${i}`),
        controller(`lc-${i}`, `light-${i}`)
      ]).flat(),
      ...more
    ]
  })
  const say = (id: string, at: number, lit: boolean) =>
    world.say({ device: id, at, values: { powerState: lit ? 'on' : 'off', activePowerW: lit ? 90 : 0 } })
  return {
    ...world,
    say,
    /** Every five minutes all of them; `dark` are dark. */
    play(from: number, to: number, dark: readonly number[] = []) {
      for (let at = from; at <= to; at += 5)
        for (let i = 0; i < LAMPS; i++) say(`lc-${i}`, at, !dark.includes(i))
    },
    work: (subject: Subject, from: number, to: number) =>
      world.change({
        kind: 'maintenance',
        window: { id: `w-${subject}`, subject, from: world.timeOf(from), to: world.timeOf(to), note: '' }
      }),
    viewOf(id: string) {
      const { facilities, groups } = world.engine()
      const lamp = facilities.get(id)
      return lamp && groups.viewOf(lamp)
    },
    open: () => world.open().map(({ rule, subject }) => `${rule} ${subject}`)
  }
}

describe('the lighting rate', () => {
  it('does not wait for a light that has some device but no controller', () => {
    const world = street([
      light('light-mast'),
      device('gw-mast', { kind: 'gateway', facility: 'light-mast' })
    ])
    world.play(0, 20, [0])
    expect(world.open()).toContain('lighting-rate road:r-1')
    world.play(25, 45)
    expect(world.open()).toEqual([])
    expect(world.viewOf('light-mast')).toBeUndefined()
  })

  it('does not blame a lamp for what its last controller said', () => {
    const world = street()
    world.play(0, 5)
    world.say('lc-0', 6, false)
    world.register(controller('lc-0', null))
    world.register(controller('lc-new', 'light-0'))
    for (let at = 10; at <= 30; at += 5) for (let i = 1; i < LAMPS; i++) world.say(`lc-${i}`, at, true)
    expect(world.open()).toEqual(['device-silent device:lc-0'])
  })

  it('leaves out a lamp from when it came to a road with announced work, and counts it from when it left', () => {
    const world = street([light('light-x', { road: 'r-2' }), controller('lc-x', 'light-x')])
    world.play(0, 5)
    world.say('lc-x', 6, false)
    world.work('road:r-2', 0, 240)
    expect(world.viewOf('light-x')).toBe('out')
    world.register(light('light-x', { road: 'r-1' }))
    expect(world.viewOf('light-x')).toBe('dark')
    world.register(light('light-1', { road: 'r-2' }))
    expect(world.viewOf('light-1')).toBe('out')
  })
})

describe('what waits for the end of announced work', () => {
  it.each<[string, Subject, RegistryRecord]>([
    ['whose road it leaves', 'road:r-1', light('light-0', { road: 'r-2' })],
    ['whose area it leaves', 'area:gulou', { ...light('light-0'), parent: 'city' }]
  ])('waits no more for work %s', (_name, subject, moved) => {
    const world = street()
    world.play(0, 5, [0])
    world.work(subject, 6, 600)
    world.play(10, 40, [0])
    expect(world.open()).toEqual([])
    world.register(moved)
    world.play(45, 75, [0])
    expect(world.open()).toContain('lamp-out facility:light-0')
  })
})

const which = fc.nat(3)
const SCHEDULES = [undefined, [], [{ from: '16:00', to: '22:20' }], [{ from: '22:10', to: '06:00' }]]
const moves = fc.array(
  fc.oneof(
    fc.record({ what: fc.constant('say' as const), lamp: which, lit: fc.boolean() }),
    fc.record({
      what: fc.constant('move' as const),
      lamp: which,
      road: fc.constantFrom('r-1', 'r-2'),
      schedule: fc.constantFrom(...SCHEDULES)
    }),
    fc.record({ what: fc.constant('fit' as const), lamp: which, to: fc.option(which) }),
    fc.record({
      what: fc.constant('work' as const),
      on: fc.constantFrom<Subject>('road:r-1', 'facility:light-0', 'device:lc-1', 'area:gulou'),
      from: fc.nat(20),
      lasts: fc.nat(40)
    })
  ),
  { maxLength: 60 }
)
type Moves = typeof moves extends fc.Arbitrary<infer T> ? T : never
type World = ReturnType<typeof street>

/** A move each minute; before those of `crashes` the program crashes. */
function wander(
  all: Moves,
  { crashes, look }: { crashes?: Set<number>; look?: (world: World) => void }
): World {
  const world = street()
  all.forEach((one, i) => {
    const at = i + 1
    if (crashes?.has(i)) world.restart()
    world.tick(at)
    if (one.what === 'say') world.say(`lc-${one.lamp}`, at, one.lit)
    else if (one.what === 'work') world.work(one.on, at + one.from, at + one.from + one.lasts)
    else if (one.what === 'fit')
      world.register(controller(`lc-${one.lamp}`, one.to === null ? null : `light-${one.to}`))
    else {
      const { lamp, road, schedule } = one
      world.register(light(`light-${lamp}`, { road, ...(schedule && { lightingSchedule: schedule }) }))
    }
    look?.(world)
  })
  world.tick(all.length + 50)
  return world
}

describe('lamps, controllers and work that come and go', { timeout: minutes(5) }, () => {
  it('leave the counts of every group what its lamps are', () =>
    check(
      fc.property(moves, all => {
        wander(all, {
          look(world) {
            const { groups, time } = world.engine()
            for (const { counts, members } of groups.groups()) {
              const views = [...members].map(lamp => groups.viewOf(lamp))
              const number = (view: string) => views.filter(one => one === view).length
              expect(counts.seen(time.at)).toEqual({
                lamps: views.length,
                lit: number('lit'),
                dark: number('dark'),
                out: number('out')
              })
            }
          }
        })
      })
    ))

  it('are judged alike wherever it crashed', () =>
    check(
      fc.property(moves, fc.array(fc.nat(60), { minLength: 1, maxLength: 4 }), (all, crashes) => {
        const crashed = wander(all, { crashes: new Set(crashes) })
        expect(crashed.effects.current).toEqual(wander(all, {}).effects.current)
      })
    ))
})
