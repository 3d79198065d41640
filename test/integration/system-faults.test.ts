import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Episode, SystemState, TicketDetail, TicketSummary } from '#model/api'
import type { ServerMessage } from '#model/live'
import { minutes, seconds, type Millis } from '#model/time'
import { cityCsv } from '#test/fixtures/city-csv'
import { freshDatabase, type TestDatabase } from '#test/fixtures/database'
import { databaseProxy } from '#test/fixtures/database-proxy'
import { faultyDisk } from '#test/fixtures/faulty-disk'
import { startTestSystem, type TestSystem } from '#test/fixtures/system'
import { until } from '#test/fixtures/until'

interface List<T> {
  items: T[]
}

const settle = (ms: Millis) => new Promise(resolve => setTimeout(resolve, ms))
const valuesOf = async (city: TestSystem, facility: string) =>
  (await city.get<List<{ value: number }>>(`/api/facilities/${facility}/telemetry?metric=tempC`)).items.map(
    ({ value }) => value
  )
/** Parts in trouble, as readiness names them. */
async function troubles(city: TestSystem): Promise<{ status: number; parts: string[]; details: string }> {
  const { status, body } = await city.api<Pick<SystemState, 'troubles'>>('/readyz')
  return {
    status,
    parts: body.troubles.map(({ part }) => part),
    details: body.troubles.map(({ detail }) => detail).join()
  }
}

describe('a disk that takes nothing', () => {
  const disk = faultyDisk()
  let city: TestSystem

  beforeEach(async () => {
    city = await startTestSystem({ aroundJournalWrite: disk.aroundWrite })
    await city.importCsv(cityCsv([{ id: 'bin-1' }, { id: 'bin-2' }]))
  })
  afterEach(async () => {
    disk.heal()
    await city.close()
    expect(city.fatal).toEqual([])
  })

  it('withholds every PUBACK, says so everywhere, and when it is back has all of it once', async () => {
    const [one, two] = [await city.device('bin-1-s'), await city.device('bin-2-s')]
    const page = await city.live({ view: 'none' })
    await one.publish({ tempC: 1 }, Date.now() - seconds(20))
    expect((await city.api('/readyz')).status).toBe(200)

    disk.fail('ENOSPC: no space left on device, write')
    let acknowledged = 0
    const at = Date.now() - seconds(10)
    const sent = [2, 3, 4].flatMap(tempC => [
      one.publish({ tempC }, at + tempC),
      two.publish({ tempC }, at + tempC)
    ])
    for (const one of sent) void one.then(() => acknowledged++)
    await until('readiness names it', async () => (await troubles(city)).status === 503)
    expect(await troubles(city)).toMatchObject({ parts: ['journal'] })
    expect((await troubles(city)).details).toContain('ENOSPC')
    const told = (message: ServerMessage) =>
      'system' in message && message.system?.troubles[0]?.part === 'journal'
    await until('the page names it', () => page.some(told))
    await settle(600)
    expect(acknowledged).toBe(0)
    expect(one.client.connected && two.client.connected).toBe(true)
    // Everything but MQTT goes on.
    expect((await city.api('/api/facilities')).status).toBe(200)

    disk.heal()
    await Promise.all(sent)
    await until('readiness is back', async () => (await city.api('/readyz')).status === 200)
    await city.settled()
    expect(await valuesOf(city, 'bin-1')).toEqual([1, 2, 3, 4])
    expect(await valuesOf(city, 'bin-2')).toEqual([2, 3, 4])
  })
})

describe('Postgres away', () => {
  let database: TestDatabase
  let proxy: Awaited<ReturnType<typeof databaseProxy>>
  let city: TestSystem

  beforeEach(async () => {
    database = await freshDatabase()
    proxy = await databaseProxy(database)
    city = await startTestSystem({ databaseUrl: proxy.url })
    await city.importCsv(cityCsv([{ id: 'bin-1' }, { id: 'bin-2' }]))
  })
  afterEach(async () => {
    proxy.mend()
    await city.close()
    await proxy.close()
    await database.drop()
    expect(city.fatal).toEqual([])
  })

  it.each(['cut', 'stall'] as const)(
    'does not hold up acknowledgements (%s): readiness says what stands still, and tickets catch up, each once',
    async how => {
      const [one, two] = [await city.device('bin-1-s'), await city.device('bin-2-s')]
      const base = Date.now() - minutes(60)
      await one.publish({ tempC: 20 }, base)
      await city.settled()

      const before = city.system.journal.head()
      proxy[how]()
      await one.publish({ tempC: 70 }, base + minutes(5))
      await two.publish({ tempC: 20 }, base + minutes(5))
      for (let n = 0; n < 5; n++) await one.publish({ tempC: 21 + n }, base + minutes(10 + 3 * n))
      await one.publish({ tempC: 90 }, base + minutes(30))
      // All of it has its PUBACK, and nothing of it is decided.
      expect(city.system.ingest.state.committed()).toBeLessThanOrEqual(before)

      // History follows the rules, so it is them who stand still.
      await until('readiness names it', async () => (await troubles(city)).parts.includes('rules'))
      expect((await troubles(city)).status).toBe(503)
      expect((await city.api('/healthz')).status).toBe(200)
      await settle(500)

      proxy.mend()
      await until('readiness is back', async () => (await city.api('/readyz')).status === 200, {
        withinMs: minutes(1)
      })
      await city.settled()
      expect(await valuesOf(city, 'bin-1')).toEqual([20, 70, 21, 22, 23, 24, 25, 90])
      expect(await valuesOf(city, 'bin-2')).toEqual([20])
      const { items } = await city.get<List<TicketSummary>>('/api/tickets?status=all')
      expect(items.map(({ rule, facility, state }) => `${rule} ${facility} ${state}`).sort()).toEqual([
        'bin-fire bin-1 closed',
        'bin-fire bin-1 new'
      ])
      const { items: episodes } = await city.get<List<Episode>>('/api/facilities/bin-1/episodes')
      expect(episodes.map(({ startedAt }) => Date.parse(startedAt) - base).sort()).toEqual([
        minutes(30),
        minutes(5)
      ])
    },
    120_000
  )

  it('answers people that the database is away, and takes their repeated action once when it is back', async () => {
    const sensor = await city.device('bin-1-s')
    await sensor.publish({ tempC: 80 })
    const [ticket] = await until('the ticket is open', async () => {
      const { items } = await city.get<List<TicketSummary>>('/api/tickets')
      return items.length > 0 && items
    })
    const comment = () =>
      city.post<TicketDetail & { code: string }>(
        `/api/tickets/${ticket?.id}/actions`,
        { action: 'comment', note: 'smoke' },
        { 'idempotency-key': 'k-1' }
      )
    proxy.cut()
    expect(await comment()).toMatchObject({ status: 503, body: { code: 'database-away' } })
    proxy.mend()
    const { body } = await until('it is taken', async () => {
      const answer = await comment()
      return answer.status === 200 && answer
    })
    expect(body.history.filter(({ note }) => note === 'smoke')).toHaveLength(1)
  })
})
