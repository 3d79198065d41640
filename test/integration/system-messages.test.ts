import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DeviceState, FacilityDetail, QuarantineItem } from '#model/api'
import { days, minutes, type Millis } from '#model/time'
import { cityCsv } from '#test/fixtures/city-csv'
import { startTestSystem, type TestSystem } from '#test/fixtures/system'

interface List<T> {
  items: T[]
}
interface Point {
  at: string
  value: number
  quality: string
}
const iso = (at: Millis) => new Date(at).toISOString()

describe('what devices publish', () => {
  let city: TestSystem
  const now = Date.now()

  beforeAll(async () => {
    city = await startTestSystem()
    const ids = ['bin-1', 'bin-2', 'bin-3', 'bin-4', 'bin-5', 'bin-10']
    await city.importCsv(
      cityCsv(
        ids.map(id => ({ id })),
        ['device,spare,,,fill-sensor,,,']
      )
    )
  })
  afterAll(async () => {
    const { fatal } = city
    await city.close()
    expect(fatal).toEqual([])
  })

  const points = async (facility: string, metric = 'fillPct', from = now - days(30)) =>
    (await city.get<List<Point>>(`/api/facilities/${facility}/telemetry?metric=${metric}&from=${iso(from)}`))
      .items
  const quarantined = async (device: string) =>
    (await city.get<List<QuarantineItem>>(`/api/quarantine?device=${device}`)).items.map(({ reason, path }) =>
      `${reason} ${path}`.trim()
    )

  it('is kept each, though it says no time and comes all at once: the newest is the live value', async () => {
    const sensor = await city.device('bin-10-s')
    const levels = [11, 12, 13, 14, 15, 16]
    await Promise.all(levels.map(fillPct => sensor.send(JSON.stringify({ values: { fillPct } }))))
    await city.settled()
    expect((await points('bin-10')).map(({ value }) => value)).toEqual(levels)
    const { values } = await city.get<FacilityDetail>('/api/facilities/bin-10')
    expect(values.find(({ metric }) => metric === 'fillPct')?.value).toBe(16)
  })

  it('is found once, in the order it was measured, whatever was repeated or came late', async () => {
    const sensor = await city.device('bin-1-s')
    const at = (n: number) => now - minutes(60) + minutes(n)
    for (const [n, fillPct] of [
      [1, 10],
      [3, 30],
      [3, 30],
      [3, 99],
      [2, 20],
      [4, 40],
      [1, 10]
    ] as const) {
      await sensor.publish({ fillPct }, at(n))
    }
    await city.settled()
    expect((await points('bin-1')).map(({ at, value }) => [at, value])).toEqual(
      [1, 2, 3, 4].map(n => [iso(at(n)), 10 * n])
    )
    const { headline } = await city.get<FacilityDetail>('/api/facilities/bin-1')
    expect(headline).toMatchObject({ value: 40, at: iso(at(4)) })
  })

  it('comes many at a time, and from a clock a little ahead', async () => {
    const sensor = await city.device('bin-2-s')
    const backlog = [5, 4, 3].map(n => ({ at: now - minutes(n), values: { fillPct: 10 * n } }))
    await sensor.send(JSON.stringify(backlog))
    const sentAt = Date.now()
    await sensor.publish({ fillPct: 77 }, sentAt + minutes(10))
    await city.settled()
    const [a, b, c, skewed] = await points('bin-2')
    expect([a, b, c].map(point => point?.value)).toEqual([50, 40, 30])
    expect(skewed).toMatchObject({ value: 77, quality: 'skewed' })
    // When it came, not when its clock says.
    expect(Date.parse(skewed?.at ?? '')).toBeGreaterThanOrEqual(sentAt)
    expect(Date.parse(skewed?.at ?? '')).toBeLessThanOrEqual(Date.now())
  })

  it('is kept in quarantine with its reason when it cannot be understood; the rest of it and the others go on', async () => {
    const [sensor, neighbour] = [await city.device('bin-3-s'), await city.device('bin-4-s')]
    const before = now - minutes(30)
    await sensor.send('{"values": {"fillPct": 1')
    await sensor.send('{"values": {"fillPct": NaN}}')
    await sensor.send(JSON.stringify({ at: before, values: { fillPct: 50, shoeSize: 43 } }))
    await sensor.publish({ fillPct: 101 })
    await sensor.publish({ fillPct: 'full' })
    await sensor.publish({ visitsTotal: 4 })
    await sensor.publish({ fillPct: 1 }, now + minutes(20))
    await sensor.publish({ fillPct: 1 }, now - days(36))
    await sensor.send(JSON.stringify([{ device: 'bin-4-s', values: { fillPct: 99 } }]))
    await neighbour.publish({ fillPct: 42 }, before)
    await city.settled()

    expect((await quarantined('bin-3-s')).sort()).toEqual(
      [
        'not-json',
        'not-json',
        'unknown-metric values.shoeSize',
        'out-of-range values.fillPct',
        'out-of-range values.fillPct',
        'metric-not-of-kind values.visitsTotal',
        'time-out-of-range',
        'time-out-of-range at'
      ].sort()
    )
    expect(await quarantined('bin-4-s')).toEqual(['foreign-device device'])
    expect((await points('bin-3')).map(({ value }) => value)).toEqual([50])
    expect((await points('bin-4')).map(({ value }) => value)).toEqual([42])
    const [broken] = (await city.get<List<QuarantineItem>>('/api/quarantine?reason=not-json')).items
    expect(broken?.payload).toMatch(/^\{"values"/)
  })

  it('is shown for a device bound to nothing yet, and is its first facility’s from the beginning', async () => {
    const sensor = await city.device('spare')
    await sensor.publish({ fillPct: 12 })
    await city.settled()
    const { items } = await city.get<List<DeviceState>>('/api/devices?unbound=true')
    expect(items).toMatchObject([{ id: 'spare', facility: null, values: [{ metric: 'fillPct', value: 12 }] }])

    await city.importCsv(
      cityCsv([], ['facility,bin-9,grid-1,Bin 9,bin,,,', 'device,spare,bin-9,,fill-sensor,,,'])
    )
    await sensor.publish({ fillPct: 13 })
    await city.settled()
    expect((await city.get<List<DeviceState>>('/api/devices?unbound=true')).items).toEqual([])
    expect((await points('bin-9')).map(({ value }) => value)).toEqual([12, 13])
    expect(await city.get<FacilityDetail>('/api/facilities/bin-9')).toMatchObject({ headline: { value: 13 } })
  })

  it('is refused from who does not know the password, or is nobody', async () => {
    await expect(city.device('bin-1-s', 'wrong')).rejects.toThrow(/Not authorized|Bad username/i)
    await expect(city.device('nobody', 'anything')).rejects.toThrow(/Not authorized|Bad username/i)
  })

  it('says which row of an import is broken and takes the others', async () => {
    const result = await city.importCsv(
      cityCsv(
        [{ id: 'bin-5' }],
        [
          'facility,bin-6,no-such-area,Bin 6,bin,,,',
          'facility,bin-7,grid-1,Bin 7,bin,,,',
          'device,bin-7-s,bin-7,,occupancy-sensor,,,'
        ]
      )
    )
    const broken = result.rows.filter(({ ok }) => !ok)
    expect(broken.map(({ line, id }) => ({ line, id }))).toEqual([
      { line: 6, id: 'bin-6' },
      { line: 8, id: 'bin-7-s' }
    ])
    expect(broken[0]?.error).toMatch(/no-such-area/)
    expect(result).toMatchObject({ created: 1, failed: 2 })
    expect((await city.api('/api/facilities/bin-7')).status).toBe(200)
    expect((await city.api('/api/facilities/bin-6')).status).toBe(404)
  })
})
