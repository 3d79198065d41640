import { describe, expect, it } from 'vitest'
import type { Subject } from '#model/ids'
import type { Attributes, RegistryRecord } from '#model/registry'
import { hours } from '#model/time'
import { area, device, facility, road } from '#test/fixtures/registry-records'
import { NOON, ruleWorld } from '#test/fixtures/rule-world'

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
