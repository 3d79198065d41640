import { copyFileSync, openSync, closeSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { sentenceOf, type PostgresTrouble } from '#db/postgres/troubles'
import { seconds } from '#model/time'
import { cityUnderLoad, type CityUnderLoad } from '#test/fixtures/city-load'
import { databaseProxy } from '#test/fixtures/database-proxy'
import { startOwnPostgres, type OwnPostgres } from '#test/fixtures/own-postgres'
import { smallDisk } from '#test/fixtures/small-disk'
import { until } from '#test/fixtures/until'

const PLACES = 20
/** For its superuser: `superuser_reserved_connections`. */
const RESERVED = 3

let server: OwnPostgres
let disk: ReturnType<typeof smallDisk>
let load: CityUnderLoad | undefined
let proxy: Awaited<ReturnType<typeof databaseProxy>> | undefined
let databases = 0
let mend: (() => Promise<unknown> | void) | undefined
beforeAll(async () => {
  server = await startOwnPostgres({ root: inject('postgresRoot'), settings: { max_connections: PLACES } })
  disk = smallDisk(server)
  if (disk) await server.sql(`create tablespace small location '${disk.path}'`)
})
afterEach(async () => {
  // A test that failed in the middle leaves no trouble to the next.
  await mend?.()
  mend = undefined
  await load?.close()
  await proxy?.close()
  load = proxy = undefined
})
afterAll(async () => {
  await server.stop('immediate')
  disk?.close()
  await server.close()
})

interface Fault {
  /** What the DATABASE_URL says more. */
  parameters?: string
  /** What stands still first; the rules otherwise, and history with them. */
  parts?: string[]
  begin(database: string): Promise<unknown> | void
  /** Nothing where it mends by itself. */
  mend?(database: string): Promise<unknown> | void
}

/** A fault a real server has, for every trouble that is waited out; `tls` shows at the start, `data` is no waiting. */
const FAULTS: Record<Exclude<PostgresTrouble, 'tls' | 'data'>, Fault> = {
  unreachable: { begin: () => server.stop('fast'), mend: () => server.start() },
  silent: { parameters: '?statement_timeout=2000', begin: () => proxy?.forget() },
  stopping: {
    async begin(database) {
      somebody = await server.client()
      server.askToStop('smart')
      await until('it stops', () => server.log().includes('smart shutdown request'))
      await somebody.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${database}'`
      )
    },
    async mend() {
      await somebody?.end()
      await until('it has stopped', () => !server.runs())
      await server.start()
    }
  },
  login: {
    async begin(database) {
      await server.sql(`alter role mingjie password 'another'`)
      await server.cut(database)
    },
    mend: () => server.sql(`alter role mingjie password '${server.password}'`)
  },
  missing: {
    begin: database =>
      until('it has another name', async () => {
        await server.cut(database)
        return server.sql(`alter database ${database} rename to ${database}_away`)
      }),
    mend: database => server.sql(`alter database ${database}_away rename to ${database}`)
  },
  foreign: {
    begin: database =>
      server.sql(
        'alter schema public rename to elsewhere; create schema public authorization mingjie',
        database
      ),
    mend: database => server.sql('drop schema public; alter schema elsewhere rename to public', database)
  },
  forbidden: {
    begin: database => server.sql('revoke all on all tables in schema public from mingjie', database),
    mend: database => server.sql('grant all on all tables in schema public to mingjie', database)
  },
  readOnly: {
    async begin() {
      await server.sql('alter system set default_transaction_read_only = on')
      await server.sql('select pg_reload_conf()')
    },
    async mend() {
      await server.sql('alter system reset default_transaction_read_only')
      await server.sql('select pg_reload_conf()')
    }
  },
  // Whichever needs a new page first.
  full: { parts: ['rules', 'store'], begin: () => disk?.fill(), mend: () => disk?.free() },
  connections: {
    async begin(database) {
      const taken = (crowd = takeEveryPlace())
      await until('every place is taken', async () => {
        if (taken.size() < PLACES - RESERVED) await server.cut(database)
        return taken.size() >= PLACES - RESERVED
      })
    },
    mend: () => crowd?.leave()
  },
  resources: {
    async begin() {
      somebody = await server.client()
      const allLocks = 'select pg_advisory_lock(n) from generate_series(1, 1000000) n'
      await expect(somebody.query(allLocks)).rejects.toMatchObject({ code: '53200' })
    },
    mend: () => somebody?.end()
  },
  slow: {
    parameters: '?lock_timeout=500',
    async begin(database) {
      somebody = await server.client(database)
      await somebody.query('begin; lock table offsets')
    },
    mend: () => somebody?.end()
  },
  damaged: {
    async begin(database) {
      const [found] = await server.sql<{ path: string }>(
        `select pg_relation_filepath('offsets') as path`,
        database
      )
      damagedFile = join(server.data, found?.path ?? '')
      await server.stop()
      copyFileSync(damagedFile, join(server.folder, 'undamaged'))
      const file = openSync(damagedFile, 'r+')
      writeSync(file, Buffer.alloc(512, 0x5a), 0, 512, 0)
      closeSync(file)
      await server.start()
    },
    async mend() {
      await server.stop()
      copyFileSync(join(server.folder, 'undamaged'), damagedFile)
      await server.start()
    }
  }
}
let somebody: pg.Client | undefined
let crowd: ReturnType<typeof takeEveryPlace> | undefined
let damagedFile = ''

/** Connects again and again, so that a place that is free is taken by us. */
function takeEveryPlace() {
  const clients: pg.Client[] = []
  let staying = true
  const pressing = (async () => {
    while (staying) {
      const one = new pg.Client(server.connection)
      one.on('error', () => {})
      await one.connect().then(
        () => clients.push(one),
        () => sleep(20)
      )
    }
  })()
  return {
    size: () => clients.length,
    async leave() {
      staying = false
      await pressing
      await Promise.all(clients.map(one => one.end()))
    }
  }
}

async function start({ parameters = '', parts }: Partial<Fault> = {}): Promise<string> {
  const database = await server.createDatabase(`city_${++databases}`, parts && disk ? 'tablespace small' : '')
  const url = server.urlOf(database)
  proxy = await databaseProxy({ connection: { connectionString: url }, url })
  load = await cityUnderLoad({ databaseUrl: proxy.url + parameters })
  await load.goesOn()
  await load.city.settled()
  return database
}

describe('somebody else’s Postgres', () => {
  it.each(Object.entries(FAULTS) as [PostgresTrouble, Fault][])(
    'in trouble (%s): it is named with its fix, every PUBACK is kept once, and it goes on by itself',
    async (trouble, fault) => {
      if (trouble === 'full' && !disk)
        throw new Error('there is no small disk here: see fixtures/small-disk.ts')
      const database = await start(fault)
      const { city, goesOn, fire, troubles, ready, reckon } = load as CityUnderLoad
      const page = await city.live({ view: 'none' })

      mend = () => fault.mend?.(database)
      await fault.begin(database)
      await fire()
      const parts = fault.parts ?? ['rules']
      await until(
        'readiness names it',
        async () => {
          const found = await troubles()
          if (found.some(one => parts.includes(one.part) && one.detail.includes(sentenceOf(trouble))))
            return true
          throw new Error(JSON.stringify(found))
        },
        { withinMs: seconds(30) }
      )
      await until('the page names it', () =>
        page.some(
          message =>
            'system' in message &&
            message.system?.troubles.some(({ detail }) => detail.includes(sentenceOf(trouble)))
        )
      )
      expect((await city.api('/healthz')).status).toBe(200)
      if (fault.mend) await goesOn()

      await mend()
      mend = undefined
      await ready()
      await goesOn()
      await reckon(server, database)
    }
  )

  it('refuses readings for their data (data): those are in quarantine, all others stored, nothing is in trouble', async () => {
    const database = await start()
    const { city, troubles } = load as CityUnderLoad
    await server.sql('alter table telemetry add check (value <> 7.25)', database)
    const bin = await city.device('bin-2-s')
    await bin.publish({ tiltDeg: 7.25 })
    await bin.publish({ tiltDeg: 8.25 })
    await city.settled()
    expect(await troubles()).toEqual([])
    const { items } = await city.get<{ items: { device: string; reason: string }[] }>('/api/quarantine')
    expect(items.map(({ device, reason }) => `${device} ${reason}`)).toEqual(['bin-2-s store-refused'])
    expect(await server.sql('select value from telemetry where value in (7.25, 8.25)', database)).toEqual([
      { value: 8.25 }
    ])
  })
})
