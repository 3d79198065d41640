import { describe, expect, it } from 'vitest'
import { createCalendar } from '#ingest/rules/calendar'
import { days, hours } from '#model/time'
import { area, device, facility } from '#test/fixtures/registry-records'
import { ruleWorld } from '#test/fixtures/rule-world'

/** 20:00 in Shanghai. */
const LAST_OF_JANUARY = Date.parse('2026-01-31T12:00:00Z')
const FIRST_MORNING = hours(12) / 60_000

function world() {
  const world = ruleWorld({
    start: LAST_OF_JANUARY,
    records: [
      area('city', { kind: 'city', lat: 32.06, lon: 118.78 }),
      facility('wc-1', { kind: 'toilet', attributes: { toiletClass: 2 } }),
      device('od-1', { kind: 'odour-sensor', facility: 'wc-1' }),
      facility('wc-2', { kind: 'toilet' }),
      device('oc-2', { kind: 'occupancy-sensor', facility: 'wc-2' }),
      facility('st-1', { kind: 'compactor' }),
      device('od-2', { kind: 'odour-sensor', facility: 'st-1' })
    ]
  })
  world.tick(0)
  // Below what a 0.1 ppm cell can tell in a toilet, not so at a station of class 3.
  world.say({ device: 'od-1', at: 1, values: { nh3Ppm: 0.5, h2sPpm: 0 } })
  world.say({ device: 'oc-2', at: 1, values: { visitsTotal: 1 } })
  const measured = () => world.open().filter(({ kind }) => kind === 'measure')
  return { ...world, measured }
}

describe('a limit no sensor can resolve', () => {
  it('is measured by hand from the first of the month, and asked of nobody else', () => {
    const { tick, measured, minuteOf } = world()
    tick(FIRST_MORNING - 1)
    expect(measured()).toEqual([])
    tick(FIRST_MORNING)
    expect(measured()).toMatchObject([{ subject: 'facility:wc-1', source: 'planned', state: 'new' }])
    expect(minuteOf(measured()[0]!.dueAt)).toBe(FIRST_MORNING + days(7) / 60_000)
  })

  it('is one ticket while that is open, and another once it was done', () => {
    const { tick, measured, change, effects } = world()
    const month = (count: number) => FIRST_MORNING + (days(31 * count) + hours(1)) / 60_000
    tick(FIRST_MORNING)
    tick(month(1), 1e6)
    const [first] = measured()
    expect(measured()).toHaveLength(1)
    const again = effects.current.events.filter(({ ticket }) => ticket === first!.id)
    expect(again.map(({ action }) => action)).toContain('again')
    change({
      kind: 'ticket-action',
      ticket: first!.id,
      action: 'void',
      note: 'no instrument',
      claimedAt: null,
      quietUntil: null
    })
    expect(measured()).toEqual([])
    tick(month(2), 1e6)
    expect(measured()).toHaveLength(1)
    expect(measured()[0]!.id).not.toBe(first!.id)
  })

  it('is asked once over a restart, whenever that is', () => {
    const early = world()
    early.tick(FIRST_MORNING - 1)
    early.restart()
    early.tick(FIRST_MORNING + 5)
    early.restart()
    early.tick(FIRST_MORNING + 10)
    expect(early.effects.current.events.filter(({ action }) => action === 'again')).toEqual([])
    expect(early.tickets().filter(({ kind }) => kind === 'measure')).toHaveLength(1)
  })
})

describe('the clock of the city, changed on the first of a month', () => {
  const EIGHT_IN_BERLIN = FIRST_MORNING + hours(7) / 60_000
  const asked = ({ effects }: ReturnType<typeof world>) =>
    effects.current.events.filter(({ who, action }) => who === 'system' && ['open', 'again'].includes(action))
  const times = (one: ReturnType<typeof world>) => asked(one).map(({ at }) => one.minuteOf(at))

  it.each([false, true])('asks no second time where its morning is still to come (restart: %s)', restart => {
    const city = world()
    city.tick(FIRST_MORNING)
    city.change({ kind: 'city', timeZone: 'Europe/Berlin' })
    city.tick(FIRST_MORNING + 10)
    if (restart) city.restart()
    city.tick(EIGHT_IN_BERLIN + 60, 1e6)
    expect(times(city)).toEqual([FIRST_MORNING])
    city.tick(EIGHT_IN_BERLIN + days(28) / 60_000)
    expect(times(city)).toEqual([FIRST_MORNING, EIGHT_IN_BERLIN + days(28) / 60_000])
  })

  it('asks at once where its morning is over', () => {
    const city = world()
    city.change({ kind: 'city', timeZone: 'Europe/Berlin' })
    city.tick(FIRST_MORNING + 60)
    expect(asked(city)).toEqual([])
    city.restart()
    city.change({ kind: 'city', timeZone: 'Asia/Shanghai' })
    city.tick(FIRST_MORNING + 61)
    expect(times(city)).toEqual([FIRST_MORNING + 60])
    city.tick(FIRST_MORNING + days(1) / 60_000)
    expect(asked(city)).toHaveLength(1)
  })
})

describe('the first of a month', () => {
  it.each([
    ['2026-01-31T12:00:00Z', '2026-02-01T00:00:00Z'],
    ['2026-02-01T00:00:00Z', '2026-03-01T00:00:00Z'],
    ['2026-12-15T00:00:00Z', '2027-01-01T00:00:00Z']
  ])('after %s is %s, 8:00 in Shanghai', (at, next) => {
    expect(new Date(createCalendar('Asia/Shanghai').nextMonth(Date.parse(at))).toISOString()).toBe(
      new Date(next).toISOString()
    )
  })
})
