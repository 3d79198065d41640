import { describe, expect, it } from 'vitest'
import { addressees, createCrews, isOnShift, type Crews } from '#ingest/crews'
import { createRegistry } from '#ingest/registry'
import type { AreaDuty, Crew, Shift } from '#model/crews'
import { area } from '#test/fixtures/registry-records'

const CITY = 'Asia/Shanghai'
/** A moment by the city's clock. 2 November 2026 is a Monday. */
const at = (text: string) => Date.parse(`${text}:00+08:00`)
const NOON = at('2026-11-02T12:00')

const crew = (id: string, said: Partial<Crew> = {}): Crew => ({
  id,
  name: id,
  contractor: null,
  areas: ['grid-1'],
  kinds: [],
  shifts: [],
  members: [],
  phone: null,
  active: true,
  ...said
})
const duty = (id: string, said: Partial<AreaDuty>): AreaDuty => ({
  area: id,
  unit: null,
  contractor: null,
  chiefs: [],
  ...said
})
function withCrews(...all: Crew[]): Crews {
  const crews = createCrews()
  for (const one of all) crews.apply({ kind: 'crew', crew: one })
  return crews
}
const path = ['grid-1', 'street-1', 'district-1']
const sentTo = (crews: Crews, kind: 'bin' | 'light' | null = 'bin', when = NOON) =>
  crews.crewFor({ path, kind, at: when, timeZone: CITY })?.id

describe('a shift', () => {
  const on = (shift: Shift, when: string) => isOnShift([shift], { at: at(when), timeZone: CITY })
  const day: Shift = { days: [1, 2, 3, 4, 5], from: '06:00', to: '14:00' }
  const night: Shift = { days: [7], from: '22:00', to: '06:00' }

  it('begins with its first minute and ends before its last, on its days, by the clock of the city', () => {
    expect(['05:59', '06:00', '13:59', '14:00'].map(time => on(day, `2026-11-02T${time}`))).toEqual([
      false,
      true,
      true,
      false
    ])
    expect(on(day, '2026-11-01T10:00')).toBe(false)
    expect(isOnShift([day], { at: at('2026-11-02T06:00'), timeZone: 'UTC' })).toBe(false)
  })

  it('over midnight belongs to the day it begins, also from Sunday to Monday', () => {
    const times = ['01T21:59', '01T22:00', '02T05:59', '02T06:00', '02T22:00']
    expect(times.map(time => on(night, `2026-11-${time}`))).toEqual([false, true, true, false, false])
  })

  it('from one time to the same is a whole day', () => {
    const whole: Shift = { days: [1], from: '08:00', to: '08:00' }
    expect(
      ['02T07:59', '02T08:00', '03T07:59', '03T08:00'].map(time => on(whole, `2026-11-${time}`))
    ).toEqual([false, true, true, false])
  })

  it('follows the city through a change of its clocks', () => {
    const shift: Shift = { days: [1, 2, 3, 4, 5, 6, 7], from: '08:00', to: '09:00' }
    const berlin = (utc: string) => isOnShift([shift], { at: Date.parse(utc), timeZone: 'Europe/Berlin' })
    expect([berlin('2026-10-24T06:30:00Z'), berlin('2026-10-26T06:30:00Z')]).toEqual([true, false])
    expect(berlin('2026-10-26T07:30:00Z')).toBe(true)
  })
})

describe('the crew that is sent', () => {
  it('is the nearest on shift that serves the kind', () => {
    const crews = withCrews(
      crew('district', { areas: ['district-1'] }),
      crew('lamps', { kinds: ['light'] }),
      crew('early', { shifts: [{ days: [1], from: '04:00', to: '11:00' }] }),
      crew('street', { areas: ['street-1'], kinds: ['bin'] }),
      crew('gone', { active: false }),
      crew('elsewhere', { areas: ['grid-2'] })
    )
    expect(sentTo(crews)).toBe('street')
    expect(sentTo(crews, 'light')).toBe('lamps')
    expect(sentTo(crews, 'bin', at('2026-11-02T10:00'))).toBe('early')
    expect(sentTo(crews, null)).toBe('lamps')
  })

  it('of several in one area is the one for fewest kinds, then the first by id, whatever order they came in', () => {
    const all = [
      crew('a-all'),
      crew('c', { kinds: ['bin'] }),
      crew('b', { kinds: ['bin'] }),
      crew('d', { kinds: ['bin', 'light'] })
    ]
    expect(sentTo(withCrews(...all))).toBe('b')
    expect(sentTo(withCrews(...all.toReversed()))).toBe('b')
    expect(sentTo(withCrews(...all), 'light')).toBe('d')
    expect(sentTo(withCrews(...all), null)).toBe('a-all')
  })

  it('is nobody when nobody is on shift, and changes as the crew changes', () => {
    const crews = withCrews(crew('a', { shifts: [{ days: [2], from: '08:00', to: '16:00' }] }))
    expect(sentTo(crews)).toBeUndefined()
    crews.apply({ kind: 'crew', crew: crew('a') })
    expect(sentTo(crews)).toBe('a')
    crews.apply({ kind: 'crew', crew: crew('a', { areas: ['grid-9'] }) })
    expect(sentTo(crews)).toBeUndefined()
  })
})

describe('who answers for an area', () => {
  const registry = createRegistry()
  registry.apply(area('district-1', { kind: 'district' }), 0)
  registry.apply(area('street-1', { kind: 'street', parent: 'district-1' }), 0)
  registry.apply(area('grid-1', { kind: 'grid', parent: 'street-1' }), 0)
  const crews = withCrews(crew('d', { areas: ['district-1'] }), crew('x', { areas: ['unheard-of'] }))
  const chief = (name: string, level: 1 | 2 | 3) => ({ name, level, username: null, phone: null })
  crews.apply({
    kind: 'chief',
    duty: duty('district-1', { unit: 'District office', chiefs: [chief('Wang', 1), chief('Li', 2)] })
  })
  crews.apply({ kind: 'chief', duty: duty('street-1', { chiefs: [chief('Chen', 2)] }) })
  const asked = addressees({ crews, registry, timeZone: () => CITY })

  it('is said by the nearest area that says it', () => {
    expect(asked.chiefOf('grid-1', 1)?.name).toBe('Wang')
    expect(asked.chiefOf('grid-1', 2)?.name).toBe('Chen')
    expect(asked.chiefOf('grid-1', 3)).toBeUndefined()
    expect(asked.unitOf('grid-1')).toBe('District office')
    expect(asked.unitOf('grid-2')).toBeUndefined()
  })

  it('is found by the tree of areas, and in an area that nobody registered too', () => {
    expect(asked.crewFor({ area: 'grid-1', kind: 'bin', at: NOON })?.id).toBe('d')
    expect(asked.crewFor({ area: 'unheard-of', kind: 'bin', at: NOON })?.id).toBe('x')
  })

  it('is replaced as a whole', () => {
    crews.apply({ kind: 'chief', duty: duty('street-1', { unit: 'Street office' }) })
    expect(asked.chiefOf('grid-1', 2)?.name).toBe('Li')
    expect(asked.unitOf('street-1')).toBe('Street office')
    expect(crews.duties().map(one => one.area)).toEqual(['district-1', 'street-1'])
  })
})
