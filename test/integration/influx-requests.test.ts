import { afterEach, describe, expect, it } from 'vitest'
import { influxTelemetryStore } from '#db/telemetry/influx'
import type { OffsetKeeper } from '#db/telemetry/offset-keeper'
import { refusesRows, retryAfterOf } from '#db/telemetry/refusal'
import type { TelemetryRow } from '#db/telemetry/store'
import { minutes, seconds } from '#model/time'
import { influxStub, type Answered, type Asked } from '#test/fixtures/influx-stub'

/** What 2.x and 3.x answer is told here by their documentation, not by them: only 1.x runs in these tests. */
const AT = Date.UTC(2026, 9, 12)
const ROWS: TelemetryRow[] = [
  {
    device: 'B-1',
    metric: 'fillPct',
    measuredAt: AT,
    receivedAt: AT + 5,
    seq: 7,
    value: 81.5,
    quality: 'good'
  },
  { device: 'B-1', metric: 'tempC', measuredAt: AT, receivedAt: AT + 5, seq: 7, value: 20, quality: 'good' },
  { device: 'B-2', metric: 'tempC', measuredAt: AT, receivedAt: AT + 6, seq: 8, value: -4, quality: 'skewed' }
]
const LINES = `telemetry,device=B-1 fillPct=81.5,tempC=20,seq=7i,received=${AT + 5}i ${AT}000007
telemetry,device=B-2 tempC=-4,seq=8i,received=${AT + 6}i,skewed=true ${AT}000008
mingjie_stored seq=9i ${AT + minutes(3)}000000`
/** Written at some second of that minute. */
const clock = { now: () => AT + minutes(3) + seconds(7) }
const QUERY = { devices: [{ device: 'B-1' }], metric: 'fillPct', from: AT, to: AT + 1000, limit: 10 }
const SERIES = {
  results: [{ series: [{ name: 'telemetry', columns: [], values: [[AT, 81.5, 7, null, 'B-1']] }] }]
}

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

function keptInMemory(): OffsetKeeper {
  let seq = 0
  return {
    get: async () => seq,
    set: async (from, to) => {
      if (seq !== from) return false
      seq = to
      return true
    }
  }
}

async function facing(answer: (asked: Asked) => Answered | undefined, more: object = {}) {
  const stub = await influxStub({ answer })
  const store = influxTelemetryStore({
    url: stub.url,
    bucket: 'city',
    offsets: keptInMemory(),
    clock,
    ...more
  })
  open.push(stub, store)
  return { store, stub, asked: () => stub.asked.map(({ method, path }) => `${method} ${path}`) }
}
const failure = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => {
      throw new Error('it did not fail')
    },
    (error: unknown) => error as Error
  )

const version = (told: string, status = 204): Answered => ({
  status,
  headers: { 'x-influxdb-version': told }
})
const written: Answered = { status: 204 }

describe('InfluxDB 2.x, as its documentation tells', () => {
  const is2 = (more: (asked: Asked) => Answered | undefined) => (asked: Asked) =>
    asked.path === '/ping' ? version('v2.7.11') : more(asked)
  const who = { org: 'sanitation', token: 'secret==' }

  it('takes lines by /api/v2/write into org and bucket, in nanoseconds, with the token', async () => {
    const { store, stub, asked } = await facing(
      is2(() => written),
      who
    )
    await store.write(ROWS, 9)
    expect(asked()).toEqual(['GET /ping', 'POST /api/v2/write'])
    expect(stub.asked[1]).toMatchObject({
      query: { org: 'sanitation', bucket: 'city', precision: 'ns' },
      body: LINES
    })
    expect(stub.asked[1]?.headers).toMatchObject({
      authorization: 'Token secret==',
      'content-type': 'text/plain; charset=utf-8'
    })
    expect(await store.offset()).toBe(9)
  })

  it('is asked by InfluxQL through the mapping it has', async () => {
    const { store, stub, asked } = await facing(
      is2(({ path }) =>
        path === '/api/v2/dbrps'
          ? { status: 200, body: { content: [{ virtual: true }] } }
          : { status: 200, body: SERIES }
      ),
      who
    )
    expect(await store.points(QUERY)).toEqual([{ at: AT, value: 81.5, quality: 'good' }])
    await store.points(QUERY)
    expect(asked()).toEqual(['GET /ping', 'GET /api/v2/dbrps', 'GET /query', 'GET /query'])
    expect(stub.asked[2]?.query).toMatchObject({ db: 'city', epoch: 'ms' })
    expect(stub.asked[2]?.query['q']).toContain(`device = 'B-1'`)
  })

  const unmapped = (mapping: Answered) =>
    is2(({ method, path }) =>
      path === '/api/v2/buckets'
        ? { status: 200, body: { buckets: [{ id: 'b1', orgID: 'o1' }] } }
        : path === '/query'
          ? { status: 200, body: SERIES }
          : method === 'POST'
            ? mapping
            : { status: 200, body: { content: [] } }
    )

  it('is given a mapping where there is none', async () => {
    const { store, stub } = await facing(unmapped({ status: 201, body: {} }), who)
    expect(await store.points(QUERY)).toHaveLength(1)
    expect(JSON.parse(stub.asked.find(({ method }) => method === 'POST')?.body ?? '')).toEqual({
      orgID: 'o1',
      bucketID: 'b1',
      database: 'city',
      retention_policy: 'mingjie_raw',
      default: true
    })
  })

  it('without the right to make one says what to run, and still takes readings', async () => {
    const { store } = await facing(unmapped({ status: 403, body: { message: 'forbidden' } }), who)
    expect((await failure(store.points(QUERY))).message).toContain(
      'influx v1 dbrp create --db city --rp mingjie_raw --default --bucket-id b1 --org sanitation'
    )
    expect(await store.health()).toMatchObject({ ok: false })
  })

  it('needs INFLUX_ORG and says so', async () => {
    const { store } = await facing(is2(() => written))
    expect((await failure(store.write(ROWS, 9))).message).toContain('INFLUX_ORG')
  })
})

describe('InfluxDB 3.x, as its documentation tells', () => {
  const is3 = (more: (asked: Asked) => Answered | undefined) => (asked: Asked) =>
    asked.path === '/ping'
      ? { status: 200, body: { version: '3.2.1', product_name: 'InfluxDB 3 Core' } }
      : more(asked)

  it('is written as 2.x and asked as 1.x, with nothing made before', async () => {
    const { store, stub, asked } = await facing(
      is3(({ path }) => (path === '/query' ? { status: 200, body: SERIES } : written)),
      { token: 'apiv3_x' }
    )
    await store.write(ROWS, 9)
    expect(await store.points(QUERY)).toHaveLength(1)
    await store.retain(AT)
    expect(asked()).toEqual(['GET /ping', 'POST /api/v2/write', 'GET /query'])
    expect(stub.asked[1]).toMatchObject({ query: { bucket: 'city', precision: 'ns' }, body: LINES })
    expect(stub.asked.map(({ headers }) => headers.authorization)).toEqual(Array(3).fill('Token apiv3_x'))
  })

  it('refuses a wrong column type for good', async () => {
    const body = { error: 'partial write of line protocol occurred', data: [{ line_number: 2 }] }
    const { store } = await facing(is3(() => ({ status: 400, body })))
    expect(refusesRows(await failure(store.write(ROWS, 9)))).toBe(true)
    expect(await store.offset()).toBe(0)
  })
})

describe('an answer that is no 204', () => {
  const saying = (status: number, body: unknown, headers: Record<string, string> = {}) =>
    facing(({ path }) =>
      path === '/ping'
        ? version('1.8.10')
        : path === '/query'
          ? {
              status: 200,
              body: { results: [{ series: [{ name: 'databases', columns: ['name'], values: [['city']] }] }] }
            }
          : { status, body, headers }
    )

  it.each([
    [
      400,
      {
        error:
          'partial write: field type conflict: input field "tempC" is type float, already exists as type integer dropped=1'
      }
    ],
    [400, { error: `unable to parse 'x': missing fields` }],
    [
      422,
      {
        code: 'unprocessable entity',
        message: 'failure writing points to database: partial write: field type conflict'
      }
    ]
  ])('%i about the lines themselves leads to the record (%j)', async (status, body) => {
    const { store } = await saying(status, body)
    const error = await failure(store.write(ROWS, 9))
    expect(refusesRows(error)).toBe(true)
    expect(await store.offset()).toBe(0)
  })

  it.each([
    [400, { error: 'something new' }, 'not understood'],
    [
      400,
      { error: 'partial write: max-values-per-tag limit exceeded (100000/100000) dropped=1' },
      'max-values-per-tag'
    ],
    [401, { error: 'authorization failed' }, 'INFLUX_TOKEN'],
    [403, { error: 'not authorized' }, 'INFLUX_TOKEN'],
    [404, { error: 'database not found: "city"' }, 'has no bucket city'],
    [413, {}, 'raise its limit'],
    [429, { message: 'slow down' }, 'fewer writes'],
    [500, { error: 'write /var/lib/influxdb/wal: no space left on device' }, 'free space'],
    [503, {}, 'see its log']
  ])('%i (%j) is waited out and says "%s"', async (status, body, words) => {
    const { store } = await saying(status, body)
    const error = await failure(store.write(ROWS, 9))
    expect(refusesRows(error)).toBe(false)
    expect(error.message).toContain(words)
    expect(await store.offset()).toBe(0)
  })

  it('names the time InfluxDB asked for, up to five minutes', async () => {
    const asking = async (retryAfter: string) => {
      const { store } = await saying(429, {}, { 'retry-after': retryAfter })
      return retryAfterOf(await failure(store.write(ROWS, 9)))
    }
    expect(await asking('7')).toBe(seconds(7))
    expect(await asking('86400')).toBe(seconds(300))
    expect(await asking('soon')).toBe(0)
  })

  it('is no refusal when only points past their retention were left out', async () => {
    const { store } = await saying(400, { error: 'partial write: points beyond retention policy dropped=2' })
    await store.write(ROWS, 9)
    expect(await store.offset()).toBe(9)
  })
})

describe('what does not answer as InfluxDB', () => {
  it('is not written to', async () => {
    const { store, asked } = await facing(() => ({ status: 200, body: { hello: 'world' } }))
    expect((await failure(store.write(ROWS, 9))).message).toContain('correct INFLUX_URL')
    expect(asked()).toEqual(['GET /ping'])
  })

  it('or not at all is said in words', async () => {
    const store = influxTelemetryStore({ url: 'http://127.0.0.1:9', bucket: 'city', offsets: keptInMemory() })
    open.push(store)
    const { ok, reason } = await store.health()
    expect(ok).toBe(false)
    expect(reason).toBe(
      'InfluxDB at http://127.0.0.1:9 cannot be reached: start it or correct INFLUX_URL (ECONNREFUSED)'
    )
  })
})
