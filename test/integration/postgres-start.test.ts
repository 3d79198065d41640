import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { sentenceOf, type PostgresTrouble } from '#db/postgres/troubles'
import type { SystemState } from '#model/api'
import { dataFolder, freePorts, runMain, type MainProcess } from '#test/fixtures/crash-process'
import { startOwnPostgres, type OwnPostgres } from '#test/fixtures/own-postgres'
import { until } from '#test/fixtures/until'
import { buildPageIfStale } from '../../scripts/build-page.ts'

let server: OwnPostgres
let folder: ReturnType<typeof dataFolder>
let ports: Awaited<ReturnType<typeof freePorts>>
let main: MainProcess | undefined
let databases = 0
let database = ''
let mendIt: () => Promise<unknown> = async () => {}
beforeAll(async () => {
  await buildPageIfStale()
  server = await startOwnPostgres({ root: inject('postgresRoot') })
}, 300_000)
beforeEach(async () => {
  database = await server.createDatabase(`start_${++databases}`)
  folder = dataFolder()
  ports = await freePorts()
})
afterEach(async () => {
  // A test that failed in the middle leaves no trouble to the next.
  await mendIt()
  mendIt = async () => {}
  await main?.stop('SIGKILL')
  main = undefined
  folder.remove()
})
afterAll(() => server?.close())

function start(parameters = ''): MainProcess {
  main = runMain({
    HTTP_PORT: String(ports.http),
    MQTT_PORT: String(ports.mqtt),
    DATA_DIR: folder.dataDir,
    DATABASE_URL: server.urlOf(database) + parameters,
    ADMIN_PASSWORD: 'correct horse'
  })
  return main
}

const ask = (path: string) => fetch(`http://127.0.0.1:${ports.http}${path}`)
const listens = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => (socket.destroy(), resolve(true)))
    socket.once('error', () => resolve(false))
  })

/** What a person, a load balancer and a device meet while it waits. */
async function waitsBecause(trouble: PostgresTrouble): Promise<void> {
  await main?.says('the start waits, devices are not let in yet')
  expect(main?.output()).toContain(sentenceOf(trouble))
  const ready = await ask('/readyz')
  const { troubles } = (await ready.json()) as Pick<SystemState, 'troubles'>
  expect([ready.status, troubles.map(({ part }) => part)]).toEqual([503, ['starting']])
  expect(troubles[0]?.detail).toContain(sentenceOf(trouble))
  expect((await ask('/healthz')).status).toBe(200)
  const page = await ask('/api/facilities')
  expect([page.status, ((await page.json()) as { code: string }).code]).toEqual([503, 'database-away'])
  expect(await listens(ports.mqtt)).toBe(false)
}

async function isReady(): Promise<void> {
  await main?.says('Mingjie 明洁 is ready')
  expect((await ask('/readyz')).status).toBe(200)
  expect(await listens(ports.mqtt)).toBe(true)
}

describe('a start without its Postgres', () => {
  it.each<[string, PostgresTrouble, () => Promise<unknown>, () => Promise<unknown>]>([
    ['is down', 'unreachable', () => server.stop(), () => server.start()],
    [
      'has another password',
      'login',
      () => server.sql(`alter role mingjie password 'another'`),
      () => server.sql(`alter role mingjie password '${server.password}'`)
    ],
    [
      'has no such database',
      'missing',
      () => server.sql(`alter database ${database} rename to later`),
      () => server.sql(`alter database later rename to ${database}`)
    ],
    [
      'is read-only',
      'readOnly',
      () => server.sql(`alter database ${database} set default_transaction_read_only = on`),
      () => server.sql(`alter database ${database} reset default_transaction_read_only`)
    ]
  ])('that %s waits, says why at every door, and goes on by itself', async (_, trouble, begin, mend) => {
    mendIt = mend
    await begin()
    start()
    await waitsBecause(trouble)
    await mend()
    mendIt = async () => {}
    await isReady()
    expect(await main?.stop()).toBe(0)
  })

  it('that does not speak TLS as asked waits too, and ends at once when it is told to', async () => {
    start('?sslmode=require')
    await waitsBecause('tls')
    expect(await main?.stop()).toBe(0)
    expect(main?.output()).toContain('Stopped.')
  })

  it('that goes away while the rules recover waits in the middle, and loses nothing it knew', async () => {
    start()
    await isReady()
    expect(await main?.stop('SIGKILL')).toBeNull()
    // Everything up to the recovery passes; the recovery reads what is locked away.
    const somebody = await server.client(database)
    await somebody.query('begin; lock table checkpoints')
    start('?lock_timeout=200')
    await until('it waits', () => main?.output().includes(sentenceOf('slow')))
    await waitsBecause('slow')
    await somebody.end()
    await isReady()
    expect(await main?.stop()).toBe(0)
  })
})
