import { describe, expect, it } from 'vitest'
import { healthReasons } from '#ingest/health'
import { createLivePicture } from '#ingest/live-picture'
import type { SystemState } from '#model/api'
import { area, device, facility } from '#test/fixtures/registry-records'
import { ruleWorld } from '#test/fixtures/rule-world'

const CITY = area('city', { kind: 'city', lat: 32, lon: 118.8 })

function watched() {
  const world = ruleWorld({ records: [CITY, facility('bin'), device('s', { facility: 'bin' })] })
  const live = createLivePicture({
    engine: world.engine(),
    desk: world.desk(),
    registry: world.registry(),
    system: () => ({}) as SystemState,
    clock: { now: () => world.timeOf(0) }
  })
  let seen = 0
  return {
    world,
    live,
    /** A tick, and what the page shows then; `news` is whether a page would look again. */
    at(minute: number) {
      world.tick(minute, 600)
      live.update()
      const version = live.facilityVersion('bin')
      const news = version !== seen
      seen = version
      return { health: live.facility('bin')?.health, news }
    },
    reasons: () => live.facility('bin')?.reasons,
    anew(minute: number) {
      const view = { engine: world.engine(), desk: world.desk(), registry: world.registry() }
      const picture = world.engine().facilities.get('bin')
      return picture && healthReasons(picture, world.timeOf(minute), view)
    }
  }
}

describe('the live picture, while nothing comes in', () => {
  it('shows a hold as a warning from its half on, and says once that it does', () => {
    const { world, at } = watched()
    world.say({ device: 's', at: 0, values: { fillPct: 95 } })
    expect(at(4)).toEqual({ health: 'ok', news: true })
    expect(at(4.9)).toEqual({ health: 'ok', news: false })
    expect(at(5)).toEqual({ health: 'warning', news: true })
    expect(at(6)).toEqual({ health: 'warning', news: false })
    expect(at(10).health).toBe('fault')
  })

  it('shows it later when the hold begins anew, and sooner when a rule is edited', () => {
    const { world, at } = watched()
    world.say({ device: 's', at: 0, values: { fillPct: 95 } })
    expect(at(1).health).toBe('ok')
    world.say({ device: 's', at: 2, values: { fillPct: 50 } })
    world.say({ device: 's', at: 3, values: { fillPct: 95 } })
    expect(at(6).health).toBe('ok')
    const rule = world.engine().book.get('bin-full')
    if (!rule) throw new Error('no rule')
    expect(world.change({ kind: 'rule', rule: { ...rule, forMs: 8 * 60_000, version: 2 } })).toBeNull()
    expect(at(6.5).health).toBe('ok')
    expect(at(7).health).toBe('warning')
  })

  it('has news after its look for who asked between a report and that', () => {
    const { world, live, at } = watched()
    at(0)
    world.say({ device: 's', at: 1, values: { tempC: 70 } })
    const before = { all: live.version(), bin: live.facilityVersion('bin') }
    expect(live.facility('bin')?.health).toBe('unknown')
    live.update()
    expect(live.facility('bin')?.health).toBe('fault')
    expect(live.version()).toBeGreaterThan(before.all)
    expect(live.facilityVersion('bin')).toBeGreaterThan(before.bin)
  })

  it('shows the warning of a device’s own hold too', () => {
    const { world, at } = watched()
    world.say({ device: 's', at: 0, values: { batteryPct: 5 } })
    expect(at(29).health).toBe('ok')
    expect(at(30)).toEqual({ health: 'warning', news: true })
  })

  it('lets a quiet time and a deferral end when they do', () => {
    const quiet = watched()
    quiet.world.say({ device: 's', at: 0, values: { fillPct: 10 } })
    quiet.world.change({
      kind: 'maintenance',
      window: {
        id: 'm',
        subject: 'area:city',
        from: quiet.world.timeOf(-1),
        to: quiet.world.timeOf(20),
        note: ''
      }
    })
    quiet.world.say({ device: 's', at: 1, values: { fillPct: 95 } })
    expect(quiet.at(19).health).toBe('maintenance')
    expect(quiet.at(20).health).not.toBe('maintenance')

    const { world, at } = watched()
    world.say({ device: 's', at: 0, values: { fillPct: 95 } })
    world.tick(11)
    const ticket = world.open()[0]?.id as string
    const act = { kind: 'ticket-action', ticket, note: 'why', claimedAt: null, quietUntil: null } as const
    world.change({ ...act, action: 'accept', role: 'admin' })
    world.change({ ...act, action: 'defer', until: world.timeOf(60), role: 'crew' })
    world.change({ ...act, action: 'approve', role: 'operator' }, 'wang')
    expect(at(59).health).toBe('maintenance')
    expect(at(60)).toEqual({ health: 'fault', news: true })
  })

  it('shows at every minute of a mixed day what looking anew would', () => {
    const one = watched()
    for (let minute = 0; minute < 300; minute++) {
      const fillPct = Math.floor(minute / 23) % 2 === 0 ? 95 : 20
      if (minute % 7 === 0)
        one.world.say({ device: 's', at: minute, values: { fillPct, batteryPct: minute < 90 ? 5 : 80 } })
      one.at(minute)
      const anew = one.anew(minute)?.map(reason => reason.label.en)
      expect(
        one
          .reasons()
          ?.map(reason => reason.label.en)
          .sort(),
        `minute ${minute}`
      ).toEqual(anew?.sort())
    }
  })
})
