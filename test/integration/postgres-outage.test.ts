import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { sentenceOf, type PostgresTrouble } from '#db/postgres/troubles'
import { minutes, seconds } from '#model/time'
import { cityUnderLoad, type CityUnderLoad } from '#test/fixtures/city-load'
import { databaseProxy } from '#test/fixtures/database-proxy'
import { startOwnPostgres, type OwnPostgres, type StopMode } from '#test/fixtures/own-postgres'
import { until } from '#test/fixtures/until'

/** How long Postgres is away in the long outage; an hour by `POSTGRES_DOWN_MINUTES=60 npx vitest run …/postgres-outage.test.ts`. */
const DOWN_MS = minutes(Number(process.env['POSTGRES_DOWN_MINUTES'] ?? 0.1))
const DATABASE = 'city'

const closeLater: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closeLater.splice(0).reverse()) await close()
})

async function server(options: { settings?: Record<string, string>; copyOf?: OwnPostgres } = {}) {
  const one = await startOwnPostgres({ root: inject('postgresRoot'), ...options })
  closeLater.push(() => one.close())
  return one
}

async function cityOn(databaseUrl: string): Promise<CityUnderLoad> {
  const load = await cityUnderLoad({ databaseUrl })
  closeLater.push(() => load.close())
  await load.goesOn()
  return load
}

const named = (load: CityUnderLoad, trouble: PostgresTrouble) =>
  until(
    'readiness names it',
    async () => (await load.troubles()).some(({ detail }) => detail.includes(sentenceOf(trouble))),
    { withinMs: seconds(30) }
  )

describe('somebody else’s Postgres under load', () => {
  it.each<[StopMode, string]>([
    ['fast', 'running transactions are rolled back'],
    ['immediate', 'as after a crash']
  ])('is restarted three times (%s: %s): nothing is lost or doubled', async mode => {
    const postgres = await server()
    const load = await cityOn(postgres.urlOf(await postgres.createDatabase(DATABASE)))
    for (let round = 0; round < 3; round++) {
      await postgres.stop(mode)
      await load.fire()
      await load.goesOn()
      await postgres.start()
      await load.ready()
      await load.goesOn()
    }
    await load.reckon(postgres, DATABASE)
  })

  it('ends every connection again and again: nothing is lost or doubled', async () => {
    const postgres = await server()
    const load = await cityOn(postgres.urlOf(await postgres.createDatabase(DATABASE)))
    await load.fire()
    let ended = 0
    for (let round = 0; round < 100; round++) {
      ended += (await postgres.cut(DATABASE)).length
      await sleep(20)
    }
    expect(ended).toBeGreaterThan(20)
    await load.ready()
    await load.reckon(postgres, DATABASE)
  })

  it(
    `is away for ${DOWN_MS / 1000} s: MQTT goes on, and everything is caught up`,
    { timeout: 3 * DOWN_MS + minutes(3) },
    async () => {
      const postgres = await server()
      const load = await cityOn(postgres.urlOf(await postgres.createDatabase(DATABASE)))
      await postgres.stop()
      const before = load.acknowledged()
      await load.fire()
      await named(load, 'unreachable')
      await sleep(DOWN_MS)
      await load.goesOn()
      const waited = load.acknowledged() - before
      await postgres.start()
      const back = performance.now()
      await load.ready(minutes(1) + DOWN_MS)
      console.log(
        `Postgres away ${DOWN_MS / 1000} s: ${waited} messages waited, ready ${Math.round(performance.now() - back)} ms after it was back`
      )
      await load.reckon(postgres, DATABASE)
    }
  )

  it('fails over to a standby: read-only until that is promoted, and nothing that was acknowledged is lost', async () => {
    const primary = await server()
    await primary.sql(`create database ${DATABASE} owner mingjie`)
    await primary.stop()
    writeFileSync(join(primary.data, 'standby.signal'), '')
    const standby = await server({
      copyOf: primary,
      settings: {
        primary_conninfo: `host=127.0.0.1 port=${primary.port} user=boss password='${primary.password}' application_name=standby`
      }
    })
    rmSync(join(primary.data, 'standby.signal'))
    // A commit waits for the standby, or a failover would lose what it had not yet.
    appendFileSync(join(primary.data, 'postgresql.auto.conf'), `synchronous_standby_names = 'standby'\n`)
    await primary.start()
    await until(
      'it follows',
      async () => (await primary.sql(`select 1 from pg_stat_replication where sync_state = 'sync'`)).length
    )
    const url = primary.urlOf(DATABASE)
    const proxy = await databaseProxy({ connection: { connectionString: url }, url })
    closeLater.push(() => proxy.close())
    const load = await cityOn(proxy.url)

    await primary.stop('immediate')
    proxy.leadTo(standby.port)
    await load.fire()
    await named(load, 'readOnly')
    await load.goesOn()
    await standby.sql('select pg_promote()')
    await load.ready()
    await load.goesOn()
    await load.reckon(standby, DATABASE)
  })
})
