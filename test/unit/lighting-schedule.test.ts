import { describe, expect, it } from 'vitest'
import { createCalendar } from '#ingest/rules/calendar'
import { changed, createExpectations, scheduled } from '#ingest/rules/expectation'
import { createSun } from '#ingest/rules/sun'
import type { Attributes } from '#model/registry'
import { days, hours, minutes } from '#model/time'
import { readCsv } from '#server/registry-csv'
import { recordOf } from '#server/registry-row'
import { makeCity } from '#sim/city'
import { cityCsv } from '#sim/city-csv'

/** Midnight in Nanjing on a Thursday; civil dawn is at 6:38, dusk at 17:51. */
const MIDNIGHT = Date.parse('2026-01-14T16:00:00Z')
const SUN = createSun(32.06, 118.78)
const CITY_CLOCK = createCalendar('Asia/Shanghai')
const at = (clock: string, day = 0): number => {
  const [hour = 0, minute = 0] = clock.split(':').map(Number)
  return MIDNIGHT + days(day) + hours(hour) + minutes(minute)
}

describe('a schedule', () => {
  const halfNight = [
    { from: '12:00', to: '00:30' },
    { from: '05:00', to: '12:00' }
  ]

  it('is lit by night within its windows', () => {
    const lamps = scheduled(SUN, CITY_CLOCK, halfNight)
    const lit = (clock: string) => lamps.phaseAt(at(clock)).lit
    expect(
      ['00:00', '00:29', '00:30', '04:59', '05:00', '06:30', '12:30', '18:30', '23:59'].filter(lit)
    ).toEqual(['00:00', '00:29', '05:00', '06:30', '18:30', '23:59'])
  })

  it('has a phase from where it is dark until it is lit again, the day between two nights in one with a rest', () => {
    const lamps = scheduled(SUN, CITY_CLOCK, [{ from: '12:00', to: '00:30' }])
    const phase = lamps.phaseAt(at('10:00'))
    expect(phase).toMatchObject({ lit: false, known: true, since: at('00:30') })
    expect(phase.until).toBe(SUN.phaseAt(at('20:00')).since)
  })

  it('may go by days of the week, on which its windows begin', () => {
    const lamps = scheduled(SUN, CITY_CLOCK, [{ from: '12:00', to: '12:00', days: [5, 6] }])
    const nights = [0, 1, 2, 3].map(day => [
      lamps.phaseAt(at('23:00', day)).lit,
      lamps.phaseAt(at('01:00', day + 1)).lit
    ])
    // Thursday, Friday, Saturday, Sunday.
    expect(nights).toEqual([
      [false, false],
      [true, true],
      [true, true],
      [false, false]
    ])
  })

  it('that is never in the night is one phase for good', () => {
    const lamps = scheduled(SUN, CITY_CLOCK, [{ from: '12:00', to: '13:00' }])
    expect(lamps.phaseAt(at('23:00')).lit).toBe(false)
    expect(at('23:00') - lamps.phaseAt(at('23:00')).since).toBeGreaterThan(days(29))
  })

  it('that changes begins a phase only where it says something else', () => {
    const lamps = changed(SUN, at('22:00'), scheduled(SUN, CITY_CLOCK, [{ from: '12:00', to: '21:00' }]))
    expect(lamps.phaseAt(at('21:30'))).toMatchObject({ lit: true, until: at('22:00') })
    expect(lamps.phaseAt(at('22:30'))).toMatchObject({ lit: false, since: at('22:00') })
    const same = changed(SUN, at('22:00'), scheduled(SUN, CITY_CLOCK, halfNight))
    const evening = { lit: true, since: SUN.phaseAt(at('22:00')).since, until: at('00:30', 1) }
    expect(same.phaseAt(at('21:30'))).toMatchObject(evening)
    expect(same.phaseAt(at('22:30'))).toMatchObject(evening)
  })
})

describe('what is expected of lamps', () => {
  const place = { lat: 32.06, lon: 118.78 }
  const city = () => {
    const expectations = createExpectations(CITY_CLOCK)
    expectations.inCity({ place, calendar: CITY_CLOCK }, 0)
    return expectations
  }
  const early = [{ from: '12:00', to: '21:00' }]

  it('is one thing for all that have the same schedule', () => {
    const expectations = city()
    const one = expectations.hold(early, undefined, 0)
    expect(expectations.hold([...early], undefined, at('10:00'))).toBe(one)
    expect([...expectations.all()]).toHaveLength(2)
    expectations.release(one)
    expectations.release(one)
    expect([...expectations.all()]).toEqual([expectations.sun])
  })

  it('is forgotten of the past when nobody can ask for it any more', () => {
    const expectations = city()
    const before = expectations.hold([], undefined, 0)
    const after = expectations.hold(early, before, at('22:00'))
    expect(expectations.hold(early, after, at('22:00', 35))).toBe(after)
    expect(expectations.hold(early, after, at('22:00', 37))).toBe(expectations.hold(early, undefined, 0))
  })

  it('stays what it is where the root area is registered again as it was', () => {
    const expectations = city()
    expect(expectations.inCity({ place: { ...place }, calendar: CITY_CLOCK }, at('22:00'))).toBe(false)
  })

  it('was what it was before the city was put elsewhere', () => {
    const expectations = city()
    expectations.inCity({ place: { lat: 32, lon: -60 }, calendar: CITY_CLOCK }, at('22:00'))
    expect(expectations.sun.phaseAt(at('21:00'))).toMatchObject({ lit: true, until: at('22:00') })
    expect(expectations.sun.phaseAt(at('22:30'))).toMatchObject({ lit: false, since: at('22:00') })
  })
})

describe('the import of a schedule', () => {
  const cells = { type: 'road', id: 'r-1', parent: '', name: '', kind: '', lat: '', lon: '', attributes: '' }
  const imported = (attributes: Attributes | string, of: Partial<typeof cells> = {}) =>
    recordOf(
      {
        ...cells,
        ...of,
        attributes: typeof attributes === 'string' ? attributes : JSON.stringify(attributes)
      },
      new Map()
    )

  it('takes it as it is', () => {
    const lightingSchedule = [{ from: '12:00', to: '24:00', days: [1, 7] }]
    expect(imported({ lightingSchedule })).toMatchObject({ id: 'r-1', attributes: { lightingSchedule } })
    expect(imported({ lightingSchedule: [] })).toMatchObject({ id: 'r-1' })
  })

  it('says what it should be', () => {
    for (const wrong of [
      '"22:00-05:00"',
      '[{"from":"22:00"}]',
      '[{"from":"22:00","to":"5:00"}]',
      '[{"from":"22:00","to":"05:00","days":[0]}]',
      '[{"from":"22:00","to":"05:00","day":[1]}]',
      'null'
    ])
      expect(imported(`{"lightingSchedule":${wrong}}`), wrong).toEqual({
        error: expect.stringMatching(
          /attributes\/lightingSchedule: a list of up to 20 windows .* HH:MM/
        ) as string
      })
  })

  it('says where it belongs', () => {
    const error = 'attributes/lightingSchedule: only of a light, a cabinet, a road or an area'
    expect(imported({ lightingSchedule: [] }, { type: 'device', kind: 'lamp-controller' })).toEqual({ error })
    expect(imported({ lightingSchedule: [] }, { type: 'facility', kind: 'bin' })).toEqual({ error })
    expect(imported({ lightingSchedule: [] }, { type: 'area', kind: 'city' })).toMatchObject({ id: 'r-1' })
  })

  it('reads what the simulator writes', async () => {
    const city = makeCity({ seed: 1, scale: 0.1 })
    const quiet = city.roads.find(({ attributes }) => attributes.lightingSchedule)
    const written = cityCsv({ ...city, areas: [], facilities: [], devices: [] })
    const read = []
    for await (const { cells } of readCsv(Buffer.from(written)))
      read.push(recordOf({ ...cells, parent: '' }, new Map()))
    expect(quiet).toBeDefined()
    expect(read).toContainEqual({ ...quiet, parent: null })
  })
})
