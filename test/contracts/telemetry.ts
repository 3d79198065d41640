import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RowQuery, RowRange, TelemetryQuery, TelemetryRow, TelemetryStore } from '#db/telemetry/store'
import { days, hours, minutes, seconds } from '#model/time'

/** A whole UTC day, so that days and buckets begin at round figures. */
const DAY = Date.UTC(2026, 9, 12)
const MAX_SEQ = 2 ** 53 - 1

/**
 * What every telemetry store promises. `open` answers with a store that is empty; called with the one it answered with
 * before, a second store on the same data, as another process would open it.
 */
export function telemetryContract(open: (beside?: TelemetryStore) => Promise<TelemetryStore>): void {
  let store: TelemetryStore
  const opened: TelemetryStore[] = []
  const openOne = async (beside?: TelemetryStore): Promise<TelemetryStore> => {
    const one = await open(beside)
    opened.push(one)
    return one
  }
  beforeEach(async () => {
    store = await openOne()
  })
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one.close()
  })

  const points = (query: Partial<TelemetryQuery> = {}) => store.points(asked(query))
  const values = async (query: Partial<TelemetryQuery> = {}) =>
    (await points(query)).map(point => point.value)
  const buckets = (stepMs: number, query: Partial<TelemetryQuery> = {}) =>
    store.buckets({ ...asked(query), stepMs })

  describe('reading rows again', () => {
    const rows = (query: Partial<RowQuery> = {}) =>
      store.rows({
        metrics: ['fillPct'],
        from: DAY,
        to: DAY + days(1),
        receivedFrom: DAY,
        limit: 100,
        ...query
      })
    const bySeq = ({ rows: found }: RowRange) => [...found].sort((a, b) => a.seq - b.seq)
    const written = [
      reading({ seq: 1, value: 81.5, receivedAt: DAY + 5 }),
      reading({ seq: 2, value: 20, metric: 'tempC', receivedAt: DAY + 6 }),
      // A duplicate, and one that was long on its way.
      reading({ seq: 3, value: 82, receivedAt: DAY + hours(1) }),
      reading({
        seq: 4,
        value: 9,
        device: 'other',
        measuredAt: DAY + 1,
        receivedAt: DAY + hours(2),
        quality: 'skewed'
      })
    ]
    beforeEach(() => store.write(written, 4))

    it('answers them as they were written, with seq and arrival, duplicates too', async () => {
      const all = await rows({ metrics: ['fillPct', 'tempC'] })
      expect([all.whole, bySeq(all)]).toEqual([true, written])
      expect(await rows({ from: DAY + 2 })).toEqual({ whole: true, rows: [] })
    })

    it('answers those of some metrics, devices and arrivals only', async () => {
      expect(bySeq(await rows()).map(({ seq }) => seq)).toEqual([1, 3, 4])
      expect(bySeq(await rows({ devices: ['other'] }))).toEqual([written[3]])
      expect(bySeq(await rows({ receivedFrom: DAY + hours(1) })).map(({ seq }) => seq)).toEqual([3, 4])
    })

    it('says when there are more than was asked for', async () => {
      expect((await rows({ limit: 2 })).whole).toBe(false)
      expect((await rows({ limit: 10 })).whole).toBe(true)
    })
  })

  describe('writing', () => {
    it('begins at offset 0 and answers nothing', async () => {
      expect(await store.offset()).toBe(0)
      expect(await points()).toEqual([])
      expect(await buckets(minutes(1))).toEqual([])
    })

    it('answers what was written, with time, value and quality', async () => {
      await store.write(
        [
          reading({ seq: 1, value: 81.5 }),
          reading({ seq: 2, measuredAt: DAY + 1, value: 82, quality: 'skewed' })
        ],
        2
      )
      expect(await points()).toEqual([
        { at: DAY, value: 81.5, quality: 'good' },
        { at: DAY + 1, value: 82, quality: 'skewed' }
      ])
      expect(await store.offset()).toBe(2)
    })

    it('moves the offset also over records without rows', async () => {
      await store.write([], 7)
      expect(await store.offset()).toBe(7)
      await store.write([reading({ seq: 9 })], 12)
      expect(await store.offset()).toBe(12)
    })

    it('stores a repeated write once', async () => {
      const rows = [reading({ seq: 1, value: 1 }), reading({ seq: 2, value: 2, measuredAt: DAY + 1 })]
      await store.write(rows, 2)
      await store.write(rows, 2)
      expect(await values()).toEqual([1, 2])
      expect(await store.offset()).toBe(2)
    })

    it('ignores the rows of a batch that it has already', async () => {
      await store.write([reading({ seq: 5, value: 5 })], 5)
      await store.write(
        [
          reading({ seq: 4, value: 99, measuredAt: DAY + 1 }),
          reading({ seq: 6, value: 6, measuredAt: DAY + 2 })
        ],
        6
      )
      expect(await values()).toEqual([5, 6])
    })

    it('goes on where it was when opened again', async () => {
      await store.write([reading({ seq: 1, value: 1 })], 1)
      const second = await openOne(store)
      expect(await second.offset()).toBe(1)
      await second.write(
        [reading({ seq: 1, value: 99 }), reading({ seq: 2, value: 2, measuredAt: DAY + 1 })],
        2
      )
      expect((await second.points(asked({}))).map(point => point.value)).toEqual([1, 2])
    })

    it('stops a writer whose offset another has moved, keeping nothing of its batch', async () => {
      await store.write([], 1)
      const second = await openOne(store)
      await second.offset()
      await store.write([reading({ seq: 2, value: 2 })], 2)
      const stale = second.write([reading({ seq: 2, value: 99, device: 'bin-other' })], 3)
      await expect(stale).rejects.toMatchObject({ code: 'offset-moved' })
      await expect(second.write([], 4)).rejects.toMatchObject({ code: 'offset-moved' })
      expect(await store.offset()).toBe(2)
      expect(await values()).toEqual([2])
      expect(await values({ devices: [{ device: 'bin-other' }] })).toEqual([])
    })

    it('lets one of two writers at the same moment win', async () => {
      const second = await openOne(store)
      expect(await Promise.all([store.offset(), second.offset()])).toEqual([0, 0])
      const results = await Promise.allSettled([
        store.write([reading({ seq: 1, value: 1 })], 1),
        second.write([reading({ seq: 1, value: 2 })], 1)
      ])
      expect(results.map(result => result.status).sort()).toEqual(['fulfilled', 'rejected'])
      expect(await values()).toHaveLength(1)
    })

    it('keeps the largest seq', async () => {
      await store.write([reading({ seq: MAX_SEQ })], MAX_SEQ)
      expect(await store.offset()).toBe(MAX_SEQ)
    })

    it('says that it is well', async () => {
      expect(await store.health()).toEqual({ ok: true })
    })
  })

  describe('duplicates', () => {
    const once = async () => {
      expect(await points()).toEqual([{ at: DAY, value: 1, quality: 'good' }])
      expect(await buckets(minutes(1))).toEqual([{ at: DAY, min: 1, avg: 1, max: 1, count: 1 }])
    }

    it('within one record count once, the first value', async () => {
      await store.write(
        [reading({ seq: 1, value: 1 }), reading({ seq: 1, value: 2 }), reading({ seq: 1, value: 0 })],
        1
      )
      await once()
    })

    it('within one long record count once, the first value', async () => {
      const others = range(40).map(i => reading({ seq: 1, device: `other-${i}` }))
      await store.write([reading({ seq: 1, value: 1 }), ...others, reading({ seq: 1, value: 2 })], 1)
      await once()
    })

    it('within one batch count once, the first value', async () => {
      await store.write(
        [
          reading({ seq: 1, value: 1 }),
          reading({ seq: 2, value: 2, quality: 'skewed' }),
          reading({ seq: 3, value: 0 })
        ],
        3
      )
      await once()
    })

    it('across batches count once, the first value', async () => {
      await store.write([reading({ seq: 1, value: 1 })], 1)
      await store.write([reading({ seq: 2, value: 2, receivedAt: DAY + hours(1) })], 2)
      await store.write([reading({ seq: 3, value: 0 })], 3)
      await once()
    })

    it('across a restart count once, the first value', async () => {
      await store.write([reading({ seq: 1, value: 1 })], 1)
      const second = await openOne(store)
      await second.offset()
      await second.write([reading({ seq: 2, value: 2 })], 2)
      await once()
    })

    it('do not use up the limit', async () => {
      const twice = range(5).flatMap(i =>
        [1, 2].map(value => reading({ seq: 2 * i + value, measuredAt: DAY + i, value }))
      )
      await store.write(twice, 10)
      expect(await points({ limit: 3 })).toEqual(
        [2, 3, 4].map(i => ({ at: DAY + i, value: 1, quality: 'good' }))
      )
    })

    it('are not readings of another device or metric at the same time', async () => {
      await store.write(
        [
          reading({ seq: 1, value: 1 }),
          reading({ seq: 1, value: 2, metric: 'temperatureC' }),
          reading({ seq: 1, value: 3, device: 'bin-2' })
        ],
        1
      )
      expect(await values()).toEqual([1])
      expect(await values({ metric: 'temperatureC' })).toEqual([2])
      expect((await values({ devices: [{ device: 'bin-1' }, { device: 'bin-2' }] })).sort()).toEqual([1, 3])
    })
  })

  describe('asking', () => {
    it('answers oldest first, whatever the order of arrival', async () => {
      await store.write(
        [5, 1, 4, 2, 3].map((minute, i) =>
          reading({ seq: i + 1, measuredAt: DAY + minutes(minute), value: minute })
        ),
        5
      )
      expect(await values()).toEqual([1, 2, 3, 4, 5])
    })

    it('keeps the newest within the limit', async () => {
      await store.write(
        range(10).map(i => reading({ seq: i + 1, measuredAt: DAY + minutes(i), value: i })),
        10
      )
      expect(await values({ limit: 3 })).toEqual([7, 8, 9])
      expect((await buckets(minutes(1), { limit: 3 })).map(bucket => bucket.avg)).toEqual([7, 8, 9])
    })

    it('takes from inclusive and to exclusive, to the millisecond', async () => {
      await store.write(
        range(5).map(i => reading({ seq: i + 1, measuredAt: DAY + i, value: i })),
        5
      )
      expect(await values({ from: DAY + 1, to: DAY + 4 })).toEqual([1, 2, 3])
      expect(await values({ from: DAY + 2, to: DAY + 2 })).toEqual([])
    })

    it('takes of each device only the time it was bound', async () => {
      const rows = ['bin-1', 'bin-2'].flatMap((device, d) =>
        range(6).map(i =>
          reading({ seq: 6 * d + i + 1, device, measuredAt: DAY + hours(i), value: 10 * (d + 1) + i })
        )
      )
      await store.write(rows, 12)
      const devices = [
        { device: 'bin-1', to: DAY + hours(3) },
        { device: 'bin-2', from: DAY + hours(3) }
      ]
      expect(await values({ devices })).toEqual([10, 11, 12, 23, 24, 25])
      expect(await values({ devices, limit: 4 })).toEqual([12, 23, 24, 25])
      expect((await buckets(hours(2), { devices })).map(({ min, max, count }) => [min, max, count])).toEqual([
        [10, 11, 2],
        [12, 23, 2],
        [24, 25, 2]
      ])
    })

    it('takes a device that was bound twice, and not the time between', async () => {
      await store.write(
        range(6).map(i => reading({ seq: i + 1, measuredAt: DAY + hours(i), value: i })),
        6
      )
      const devices = [
        { device: 'bin-1', from: DAY, to: DAY + hours(2) },
        { device: 'bin-1', from: DAY + hours(4), to: DAY + hours(5) }
      ]
      expect(await values({ devices })).toEqual([0, 1, 4])
    })

    it('answers nothing for no device, an unknown one or an unknown metric', async () => {
      await store.write([reading({ seq: 1 })], 1)
      expect(await values({ devices: [] })).toEqual([])
      expect(await values({ devices: [{ device: 'nobody' }] })).toEqual([])
      expect(await values({ metric: 'nothing' })).toEqual([])
    })

    it('goes over days', async () => {
      await store.write(
        range(5).map(i => reading({ seq: i + 1, measuredAt: DAY + days(i) - 1, value: i })),
        5
      )
      expect(await values()).toEqual([0, 1, 2, 3, 4])
      expect((await buckets(days(1))).map(bucket => bucket.at)).toEqual(range(5).map(i => DAY + days(i - 1)))
    })

    it('keeps ids with dots, colons, dashes and underscores apart', async () => {
      const ids = ['a.b', 'a:b', 'a-b', 'a_b', 'A.b', 'a', '0', `x${'9'.repeat(63)}`]
      await store.write(
        ids.map((device, i) => reading({ seq: i + 1, device, value: i })),
        ids.length
      )
      for (const [i, device] of ids.entries()) expect(await values({ devices: [{ device }] })).toEqual([i])
    })
  })

  describe('buckets', () => {
    it('begin at multiples of the step since the epoch, and hold their beginning but not their end', async () => {
      const at = [0, minutes(10) - 1, minutes(10), minutes(10) + 1, minutes(20) - 1].map(ms => DAY + ms)
      await store.write(
        at.map((measuredAt, i) => reading({ seq: i + 1, measuredAt, value: i })),
        5
      )
      expect(await buckets(minutes(10))).toEqual([
        { at: DAY, min: 0, avg: 0.5, max: 1, count: 2 },
        { at: DAY + minutes(10), min: 2, avg: 3, max: 4, count: 3 }
      ])
    })

    it('are left out when empty', async () => {
      await store.write(
        [0, 3].map((hour, i) => reading({ seq: i + 1, measuredAt: DAY + hours(hour), value: hour })),
        2
      )
      expect((await buckets(hours(1))).map(bucket => bucket.at)).toEqual([DAY, DAY + hours(3)])
    })

    it('hold only what lies in the range asked for', async () => {
      await store.write(
        range(60).map(i => reading({ seq: i + 1, measuredAt: DAY + minutes(i), value: i })),
        60
      )
      const [first, last] = await buckets(minutes(30), { from: DAY + minutes(20), to: DAY + minutes(40) })
      expect(first).toEqual({ at: DAY, min: 20, avg: 24.5, max: 29, count: 10 })
      expect(last).toEqual({ at: DAY + minutes(30), min: 30, avg: 34.5, max: 39, count: 10 })
    })

    it('take steps that do not divide a day', async () => {
      const stepMs = minutes(7)
      await store.write(
        range(20).map(i => reading({ seq: i + 1, measuredAt: DAY + minutes(i), value: i })),
        20
      )
      const found = await buckets(stepMs)
      expect(found.every(bucket => bucket.at % stepMs === 0)).toBe(true)
      expect(found.reduce((sum, bucket) => sum + bucket.count, 0)).toBe(20)
    })
  })

  describe('values', () => {
    const ODD = [
      0,
      -1,
      -273.15,
      0.1,
      1 / 3,
      Number.MIN_VALUE,
      -Number.MIN_VALUE,
      2.2250738585072014e-308,
      1e-300,
      2 ** 53,
      1e21,
      -1e21,
      1e300,
      Number.MAX_VALUE
    ]

    it('come back exactly', async () => {
      await store.write(
        ODD.map((value, i) => reading({ seq: i + 1, measuredAt: DAY + i, value })),
        ODD.length
      )
      expect(await values()).toEqual(ODD)
    })

    it('are summed up in buckets however large or small', async () => {
      for (const [i, pair] of [
        [1e200, -1e200],
        [Number.MIN_VALUE, 0],
        [1e300, 3e300]
      ].entries()) {
        const rows = pair.map((value, j) =>
          reading({ seq: 2 * i + j + 1, measuredAt: DAY + hours(i) + j, value })
        )
        await store.write(rows, 2 * i + 2)
      }
      const found = await buckets(hours(1))
      expect(found.map(({ min, max, count }) => [min, max, count])).toEqual([
        [-1e200, 1e200, 2],
        [0, Number.MIN_VALUE, 2],
        [1e300, 3e300, 2]
      ])
      expect(found[2]!.avg / 2e300).toBeCloseTo(1)
    })
  })

  describe('days', () => {
    it('are dropped once they lie wholly before what is retained', async () => {
      await store.write(
        range(4).map(i => reading({ seq: i + 1, measuredAt: DAY + days(i) + hours(6), value: i })),
        4
      )
      await store.retain(DAY + days(2) + hours(12))
      expect(await values()).toEqual([2, 3])
      expect(await store.offset()).toBe(4)
      await store.retain(DAY + days(2))
      expect(await values()).toEqual([2, 3])
    })

    it('may be prepared ahead, twice and in part', async () => {
      await store.prepare({ from: DAY, to: DAY + days(3) })
      await store.prepare({ from: DAY + days(2), to: DAY + days(4) })
      await store.write([reading({ seq: 1, measuredAt: DAY + days(3) })], 1)
      expect(await values()).toEqual([1])
    })

    it('may be written late, also after they were dropped', async () => {
      const second = await openOne(store)
      await store.write(
        [reading({ seq: 1, value: 1 }), reading({ seq: 1, measuredAt: DAY + days(9), value: 9 })],
        1
      )
      await second.retain(DAY + days(5))
      await store.write([reading({ seq: 2, value: 2 })], 2)
      expect(await values()).toEqual([2, 9])
    })
  })

  it('takes 100 000 rows in one write', { timeout: 60_000 }, async () => {
    const rows = range(100_000).map(i =>
      reading({
        seq: i + 1,
        device: `bin-${i % 1000}`,
        measuredAt: DAY + seconds(Math.floor(i / 1000)),
        value: i
      })
    )
    await store.write(rows, rows.length)
    expect(await store.offset()).toBe(100_000)
    expect(await values({ devices: [{ device: 'bin-7' }] })).toEqual(range(100).map(i => 1000 * i + 7))
    const devices = range(1000).map(i => ({ device: `bin-${i}` }))
    expect(await buckets(minutes(5), { devices })).toEqual([
      { at: DAY, min: 0, avg: 49_999.5, max: 99_999, count: 100_000 }
    ])
  })
}

const reading = (row: Partial<TelemetryRow> & { seq: number }): TelemetryRow => ({
  device: 'bin-1',
  metric: 'fillPct',
  measuredAt: DAY,
  receivedAt: DAY + seconds(2),
  value: 1,
  quality: 'good',
  ...row
})

const asked = (query: Partial<TelemetryQuery>): TelemetryQuery => ({
  devices: [{ device: 'bin-1' }],
  metric: 'fillPct',
  from: DAY - days(30),
  to: DAY + days(30),
  limit: 1000,
  ...query
})

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
