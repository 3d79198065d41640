import { describe, expect, it } from 'vitest'
import { isId } from '#model/ids'
import { deviceKind, type FacilityKind } from '#model/kinds'
import { makeCity } from '#sim/city'
import { cityCsv } from '#sim/city-csv'

const demo = makeCity({ seed: 7, scale: 0.1 })
const records = [...demo.areas, ...demo.roads, ...demo.facilities, ...demo.devices]
const count = (city: typeof demo, kind: FacilityKind) => city.facilities.filter(f => f.kind === kind).length

describe('a simulated city', () => {
  it('is the same to the byte for the same seed and scale, and another for another seed', () => {
    expect(cityCsv(makeCity({ seed: 7, scale: 0.1 }))).toBe(cityCsv(demo))
    expect(cityCsv(makeCity({ seed: 8, scale: 0.1 }))).not.toBe(cityCsv(demo))
  })

  it('has valid ids, unique per type', () => {
    expect(records.filter(({ id }) => !isId(id))).toEqual([])
    expect(new Set(records.map(({ type, id }) => `${type}:${id}`)).size).toBe(records.length)
  })

  it('refers only to what it has, and to what comes before', () => {
    const seen = new Set(['area:null'])
    for (const record of records) {
      const needs =
        record.type === 'device'
          ? [record.facility && `facility:${record.facility}`, record.gateway && `device:${record.gateway}`]
          : [`area:${record.parent}`]
      const { road, cabinet } = record.attributes
      const missing = [...needs, road && `road:${road}`, cabinet && `facility:${cabinet}`].filter(
        key => key && !seen.has(key)
      )
      expect({ id: record.id, missing }).toEqual({ id: record.id, missing: [] })
      seen.add(`${record.type}:${record.id}`)
    }
  })

  it('fits devices to facilities they are made for', () => {
    const kinds = new Map(demo.facilities.map(({ id, kind }) => [id, kind]))
    const misfits = demo.devices.filter(({ kind, facility }) => {
      const on = facility && kinds.get(facility)
      return on && !deviceKind(kind).fitsTo.includes(on)
    })
    expect(misfits).toEqual([])
  })

  it('has exactly one device that is fitted to nothing yet', () => {
    expect(demo.devices.filter(({ facility }) => facility === null).map(({ id }) => id)).toEqual(['fs-spare'])
  })

  it.each([0.1, 0.3, 1])('keeps a main road of at least 200 lamps at scale %d', scale => {
    const city = makeCity({ seed: 3, scale })
    const [avenue] = city.roads
    const lamps = city.facilities.filter(f => f.kind === 'light' && f.attributes.road === avenue?.id)
    expect(avenue?.attributes.lightingGrade).toBe('main')
    expect(lamps.length).toBeGreaterThanOrEqual(200)
  })

  it('has the size of a district at scale 1, and of its part at others', () => {
    const district = makeCity({ seed: 7, scale: 1 })
    expect(count(district, 'bin')).toBe(1200)
    expect(count(district, 'compactor')).toBe(8)
    expect(count(district, 'toilet')).toBe(60)
    expect(district.roads).toHaveLength(120)
    expect(district.devices.filter(({ kind }) => kind === 'odour-sensor')).toHaveLength(90)
    expect(Math.abs(count(district, 'light') - 6000)).toBeLessThan(100)
    expect(Math.abs(count(district, 'cabinet') - 150)).toBeLessThan(20)
    expect(count(demo, 'bin')).toBe(120)
    expect(Math.abs(count(demo, 'light') - 600)).toBeLessThan(10)
  })
})
