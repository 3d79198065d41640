import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { influxTelemetryStore } from '#db/telemetry/influx'
import type { SystemState, TicketSummary } from '#model/api'
import { hours, minutes, seconds, type Millis } from '#model/time'
import { cityCsv } from '#test/fixtures/city-csv'
import { startInflux, type InfluxFixture } from '#test/fixtures/influx-server'
import { influxStub, lateBy, type Answered } from '#test/fixtures/influx-stub'
import { startTestSystem, type TestSystem, type TestSystemOptions } from '#test/fixtures/system'
import { until } from '#test/fixtures/until'

/** How long InfluxDB is away in the long outage; an hour by `INFLUX_DOWN_MINUTES=60 npx vitest run …/influx-faults.test.ts`. */
const DOWN_MS = minutes(Number(process.env['INFLUX_DOWN_MINUTES'] ?? 0.1))
const CATCH_UP_MS = seconds(60) + DOWN_MS

let influx: InfluxFixture
let buckets = 0
let city: TestSystem
const closeLater: (() => Promise<void>)[] = []
beforeAll(async () => {
  influx = await startInflux()
})
afterAll(() => influx?.close())
afterEach(async () => {
  await city.close()
  for (const close of closeLater.splice(0)) await close()
  expect(city.fatal).toEqual([])
})

/** A city on a bucket of its own, with two bins. */
async function start({ url = influx.url, token }: { url?: string; token?: string } = {}): Promise<string> {
  const bucket = `city_${++buckets}`
  city = await startTestSystem({ influx: { url, bucket, token } })
  await city.importCsv(cityCsv([{ id: 'bin-1' }, { id: 'bin-2' }]))
  return bucket
}

async function between(answer: () => Answered | undefined | Promise<Answered | undefined>): Promise<string> {
  const stub = await influxStub({ target: influx.url, answer })
  closeLater.push(() => stub.close())
  return stub.url
}

const storeTrouble = async () =>
  (await city.api<Pick<SystemState, 'troubles'>>('/readyz')).body.troubles.find(
    ({ part }) => part === 'store'
  )?.detail
const named = (words: string, withinMs: Millis = seconds(30)) =>
  until(`readiness says "${words}"`, async () => (await storeTrouble())?.includes(words), { withinMs })
const caughtUp = () =>
  until(
    'history has caught up',
    async () =>
      (await city.api('/readyz')).status === 200 &&
      city.system.ingest.store.stored() >= city.system.journal.head() - 5,
    { withinMs: CATCH_UP_MS, everyMs: 100 }
  )
const tickets = async () => (await city.get<{ items: TicketSummary[] }>('/api/tickets?status=all')).items
const values = async (facility: string, metric: string) =>
  (
    await city.get<{ items: { value: number }[] }>(
      `/api/facilities/${facility}/telemetry?metric=${metric}&limit=10000&from=${new Date(Date.now() - hours(24)).toISOString()}`
    )
  ).items.map(({ value }) => value)
const pointsIn = async (bucket: string): Promise<number> =>
  Number((await influx.query('SELECT count(seq) FROM telemetry', { db: bucket }))[0]?.[1] ?? 0)

describe('with InfluxDB', () => {
  it('history is kept there: the page says so, and the database forgets after 36 days', async () => {
    const bucket = await start()
    const bin = await city.device('bin-1-s')
    await bin.publish({ fillPct: 40, tempC: 20 })
    await city.settled()
    expect(await city.get<SystemState>('/api/system')).toMatchObject({
      telemetryEngine: 'influxdb',
      telemetryServer: { version: expect.stringMatching(/^1\./), address: `${influx.url}/${bucket}` }
    })
    expect(await values('bin-1', 'fillPct')).toEqual([40])
    const [policy] = await influx.query(`SHOW RETENTION POLICIES ON ${bucket}`)
    expect(policy?.slice(0, 3)).toEqual(['mingjie_raw', '864h0m0s', '24h0m0s'])
  })

  it(
    'is gone: devices are heard, tickets go on, the reason is shown, and history catches up without loss',
    { timeout: CATCH_UP_MS + minutes(1) + DOWN_MS },
    async () => {
      const bucket = await start()
      const [one, two] = [await city.device('bin-1-s'), await city.device('bin-2-s')]
      await one.publish({ fillPct: 1 })
      await city.settled()

      await influx.stop('SIGKILL')
      const base = Date.now() - hours(2)
      const downUntil = Date.now() + DOWN_MS
      let sent = 0
      await two.publish({ tempC: 70 })
      while (Date.now() < downUntil) {
        await Promise.all(
          Array.from({ length: 50 }, () => one.publish({ fillPct: sent % 80, tempC: 20 }, base + sent++))
        )
      }
      await named('cannot be reached: start it or correct INFLUX_URL (ECONNREFUSED)')
      const opened = async () => (await tickets()).map(({ rule, facility }) => `${rule} ${facility}`)
      await expect.poll(opened).toEqual(['bin-fire bin-2'])
      expect((await city.api('/healthz')).status).toBe(200)
      const history = await city.api<{ code: string; detail: string }>(
        '/api/facilities/bin-1/telemetry?metric=fillPct'
      )
      expect([history.status, history.body.code]).toEqual([503, 'database-away'])

      await influx.start()
      const back = performance.now()
      await caughtUp()
      const tookMs = performance.now() - back
      console.log(
        `InfluxDB away ${DOWN_MS / 1000} s: ${sent} messages waited, stored ${Math.round(tookMs)} ms after it was back`
      )
      await city.settled()
      expect(await pointsIn(bucket)).toBe(sent + 2)
    }
  )

  it('is not there at the start: everything else begins, and history when it comes', async () => {
    const bucket = await start()
    await city.stop()
    await influx.stop()
    await city.restart()
    const bin = await city.device('bin-1-s')
    await bin.publish({ tempC: 75 })
    await until('the ticket is there', async () => (await tickets()).length === 1)
    await named('cannot be reached')
    await influx.start()
    await caughtUp()
    await city.settled()
    expect(await values('bin-1', 'tempC')).toEqual([75])
    expect(await pointsIn(bucket)).toBe(1)
  })

  it('stands still: that is said within its fifteen seconds, and no reading is lost or doubled', async () => {
    const bucket = await start()
    const bin = await city.device('bin-1-s')
    await bin.publish({ fillPct: 1 })
    await city.settled()
    influx.freeze()
    await bin.publish({ fillPct: 2 })
    await named('does not answer in time', seconds(45))
    influx.thaw()
    await caughtUp()
    await city.settled()
    expect(await values('bin-1', 'fillPct')).toEqual([1, 2])
    expect(await pointsIn(bucket)).toBe(2)
  })

  it('is slow: every write takes half a second, and nothing is in trouble', async () => {
    const bucket = await start({ url: await between(() => lateBy(500)) })
    const bin = await city.device('bin-1-s')
    for (let n = 0; n < 300; n++) await bin.publish({ fillPct: n % 80 }, Date.now() - hours(1) + n)
    expect(await storeTrouble()).toBeUndefined()
    await city.settled()
    expect(await pointsIn(bucket)).toBe(300)
    expect(await storeTrouble()).toBeUndefined()
  })

  it('answers 500, then 429 with a time, then well: each is said and waited out', async () => {
    let answer: Answered | undefined
    const bucket = await start({ url: await between(() => answer) })
    const bin = await city.device('bin-1-s')
    await bin.publish({ fillPct: 1 })
    await city.settled()
    answer = { status: 500, body: { error: 'write wal: no space left on device' } }
    await bin.publish({ fillPct: 2 })
    await named('cannot write its disk: free space there')
    answer = { status: 429, headers: { 'retry-after': '2' } }
    await named('asks for fewer writes')
    const { retries } = city.system.ingest.store.totals()
    await new Promise(resolve => setTimeout(resolve, 1000))
    expect(city.system.ingest.store.totals().retries - retries).toBeLessThanOrEqual(1)
    answer = undefined
    await caughtUp()
    await city.settled()
    expect(await values('bin-1', 'fillPct')).toEqual([1, 2])
    expect(await pointsIn(bucket)).toBe(2)
  })

  it('dropped its database: it is made again', async () => {
    const bucket = await start()
    const bin = await city.device('bin-1-s')
    await bin.publish({ fillPct: 1 })
    await city.settled()
    await influx.query(`DROP DATABASE ${bucket}`)
    await bin.publish({ fillPct: 2 })
    await city.settled()
    expect(await values('bin-1', 'fillPct')).toEqual([2])
  })

  it('takes one metric for whole numbers: those records are quarantined, all others stored', async () => {
    const bucket = await start()
    const [one, two] = [await city.device('bin-1-s'), await city.device('bin-2-s')]
    await one.publish({ fillPct: 1 })
    await city.settled()
    await influx.write(bucket, 'telemetry,device=somebody tiltDeg=3i')
    // All in one batch, as after an outage.
    influx.freeze()
    const base = Date.now() - seconds(30)
    for (let n = 0; n < 60; n++) {
      await one.publish({ fillPct: 2 }, base + n)
      if (n % 20 === 7) await two.publish({ tiltDeg: n }, base + n)
    }
    influx.thaw()
    await caughtUp()
    await city.settled()
    expect(await values('bin-1', 'fillPct')).toHaveLength(61)
    expect(await values('bin-2', 'tiltDeg')).toEqual([])
    const { items } = await city.get<{ items: { device: string; reason: string; detail: string }[] }>(
      '/api/quarantine'
    )
    expect(items.map(({ device, reason }) => `${device} ${reason}`)).toEqual(
      Array(3).fill('bin-2-s store-refused')
    )
    expect(items[0]?.detail).toContain('field type conflict')
    expect(city.system.ingest.store.totals()).toMatchObject({ refusedRecords: 3 })
  })
})

describe('with InfluxDB that asks who we are', () => {
  it('a wrong INFLUX_TOKEN is named, and history goes on once it is right', async () => {
    const guarded = await startInflux({ auth: true })
    closeLater.push(() => guarded.close())
    await guarded.query(`CREATE USER root WITH PASSWORD 'pass' WITH ALL PRIVILEGES`)
    await start({ url: guarded.url, token: 'mingjie:right' })
    const bin = await city.device('bin-1-s')
    await bin.publish({ fillPct: 1 })
    await named('does not accept INFLUX_TOKEN')

    const login = 'root:pass'
    await guarded.query(`CREATE USER mingjie WITH PASSWORD 'right'`, { login })
    await named('INFLUX_TOKEN')
    await guarded.query(`CREATE DATABASE city_${buckets}`, { login })
    await guarded.query(`GRANT ALL ON city_${buckets} TO mingjie`, { login })
    await caughtUp()
    await city.settled()
    expect(await values('bin-1', 'fillPct')).toEqual([1])

    // Who may not see shards drops none, and is in no trouble for it.
    const offsets = { get: async () => 0, set: async () => false }
    const store = influxTelemetryStore({
      url: guarded.url,
      token: 'mingjie:right',
      bucket: `city_${buckets}`,
      offsets
    })
    await store.retain(Date.now() + hours(48))
    await store.close()
    expect(await values('bin-1', 'fillPct')).toEqual([1])
  })
})

describe('a database that others made', () => {
  it('is used as it is, and nothing in it is dropped', async () => {
    const bucket = `city_${buckets + 1}`
    await influx.query(`CREATE DATABASE ${bucket} WITH DURATION INF SHARD DURATION 1d NAME "forever"`)
    await influx.write(bucket, `weather tempC=-7 ${Date.UTC(2020, 0, 1)}000000`)
    await start()
    const bin = await city.device('bin-1-s')
    await bin.publish({ fillPct: 1 })
    await city.settled()
    const store = influxTelemetryStore({
      url: influx.url,
      bucket,
      offsets: { get: async () => 0, set: async () => false }
    })
    await store.retain(Date.now() - hours(48))
    await store.close()
    expect(await values('bin-1', 'fillPct')).toEqual([1])
    expect(await influx.query('SELECT count(tempC) FROM weather', { db: bucket })).toHaveLength(1)
  })
})

describe('a city that kept its history in Postgres', () => {
  it('goes on in InfluxDB with what comes now, and can go back', async () => {
    const options: TestSystemOptions = {}
    city = await startTestSystem(options)
    await city.importCsv(cityCsv([{ id: 'bin-1' }]))
    const report = async (...fillPct: number[]) => {
      const bin = await city.device('bin-1-s')
      for (const value of fillPct) await bin.publish({ fillPct: value })
      await city.settled()
    }
    await report(1, 2)
    options.influx = { url: influx.url, bucket: `city_${++buckets}` }
    await city.restart()
    await report(3, 4)
    expect((await values('bin-1', 'fillPct')).slice(-2)).toEqual([3, 4])
    await city.restart()
    await report(5)
    expect((await values('bin-1', 'fillPct')).slice(-3)).toEqual([3, 4, 5])

    options.influx = undefined
    await city.restart()
    await report(6)
    const inPostgres = await values('bin-1', 'fillPct')
    expect([inPostgres.slice(0, 2), inPostgres.at(-1)]).toEqual([[1, 2], 6])
  })
})
