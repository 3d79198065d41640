import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hours, type Millis } from '#model/time'
import { cityCsv } from '#test/fixtures/city-csv'
import { freshDatabase } from '#test/fixtures/database'
import { startInflux, type InfluxFixture } from '#test/fixtures/influx-server'
import { ADMIN, startTestSystem, type TestSystem } from '#test/fixtures/system'
import { until } from '#test/fixtures/until'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'mingjie-influx-backup-'))
const passwordFile = join(folder, 'password')
writeFileSync(passwordFile, ADMIN.password)
let influx: InfluxFixture
beforeAll(async () => {
  influx = await startInflux()
})
afterAll(async () => {
  await influx?.close()
  rmSync(folder, { recursive: true, force: true })
})

function run(script: 'backup' | 'restore', words: string[], env: Record<string, string> = {}) {
  return new Promise<{ code: number; said: string }>(resolve => {
    const child = execFile(
      process.execPath,
      ['--import', 'tsx', join('scripts', `${script}.ts`), ...words],
      { cwd: ROOT, env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env } },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, said: stdout + stderr })
    )
  })
}

async function levels(city: TestSystem, from: Millis): Promise<number[]> {
  const { items } = await city.get<{ items: { value: number }[] }>(
    `/api/facilities/bin-1/telemetry?metric=fillPct&limit=1000&from=${new Date(from).toISOString()}`
  )
  return items.map(({ value }) => value)
}
const points = async (bucket: string): Promise<number> =>
  Number((await influx.query('SELECT count(seq) FROM telemetry', { db: bucket }))[0]?.[1] ?? 0)

async function report(city: TestSystem, at: Millis, ...values: number[]): Promise<void> {
  const bin = await city.device('bin-1-s')
  for (const fillPct of values) await bin.publish({ fillPct }, at + fillPct)
  await city.settled()
}

describe('a backup with InfluxDB as the store', () => {
  const bucket = 'city'
  const at = Date.now() - hours(1)
  const file = join(folder, 'city.mjb')
  const [early, late] = [join(folder, 'early'), join(folder, 'late')]
  let restores = 0

  beforeAll(async () => {
    const city = await startTestSystem({ influx: { url: influx.url, bucket, token: undefined } })
    await city.importCsv(cityCsv([{ id: 'bin-1' }]))
    await report(city, at, 1, 2, 3)
    await influx.backup(bucket, early)
    // Each stop is a checkpoint, after which the journal lets go of what is stored.
    await city.restart()
    await report(city, at, 4, 5)
    await city.restart()
    await city.restart()
    // Confirmed is what is let go; the newest batches of the journal know it a little late.
    const before = city.system.journal.head()
    await until('the journal has let go', () => {
      const { store, state } = city.system.journal.health().confirmed
      return Math.min(store, state) >= before - 2
    })
    await report(city, at, 6)
    const words = ['--out', file, '--url', city.system.httpUrl, '--password-file', passwordFile]
    expect((await run('backup', words)).said).toContain('checked')
    await influx.backup(bucket, late)
    await city.close()
    expect(city.fatal).toEqual([])
  }, 300_000)

  /** Restores Mingjie beside the InfluxDB that is there; what the command said, and what the city then shows. */
  async function restored(env: Record<string, string> = { INFLUX_URL: influx.url, INFLUX_BUCKET: bucket }) {
    const database = await freshDatabase()
    const dataDir = join(folder, `restored-${++restores}`)
    const told = await run('restore', ['--from', file], {
      DATA_DIR: dataDir,
      DATABASE_URL: database.url,
      ...env
    })
    return {
      ...told,
      async shows(): Promise<{ levels: number[]; points: number; said: string[] }> {
        const said: string[] = []
        const warn = (_: object, message: string) => void said.push(message)
        const city = await startTestSystem({
          dataDir,
          databaseUrl: database.url,
          influx: { url: influx.url, bucket, token: undefined },
          log: { info: () => {}, warn, error: warn }
        })
        await city.settled()
        const shown = { levels: await levels(city, at - 1), points: await points(bucket), said }
        await city.close()
        expect(city.fatal).toEqual([])
        await database.drop()
        return shown
      },
      drop: () => database.drop()
    }
  }

  it('finds the InfluxDB that was kept: everything is there, once', async () => {
    const city = await restored()
    expect(city.said).toContain('InfluxDB has all readings up to record')
    expect(city.code).toBe(0)
    expect(await city.shows()).toEqual({ levels: [1, 2, 3, 4, 5, 6], points: 6, said: [] })
  })

  it('says that InfluxDB was emptied, and the start writes again what its journal has', async () => {
    await influx.query(`DROP DATABASE ${bucket}`)
    const city = await restored()
    expect(city.code).toBe(2)
    expect(city.said).toContain('lacks records 1 to ')
    expect(city.said).toContain('it has no reading from before the backup')
    expect(await influx.query('SHOW DATABASES')).not.toContainEqual([bucket])
    const { said, ...shown } = await city.shows()
    expect(shown).toEqual({ levels: [6], points: 1 })
    expect(said.join()).toContain('has them only up to 0 (none at all)')
  })

  it('says from when on an InfluxDB restored from an older backup lacks readings', async () => {
    await influx.query(`DROP DATABASE ${bucket}`)
    await influx.restore(bucket, early)
    const city = await restored()
    expect(city.code).toBe(2)
    expect(city.said).toMatch(/readings from 20\S+Z to shortly before 20\S+Z are missing/)
    const { said, ...shown } = await city.shows()
    expect(shown).toEqual({ levels: [1, 2, 3, 6], points: 4 })
    expect(said.join()).toMatch(/has them only up to [1-9]\d* \(written 20/)
  })

  it("is whole with InfluxDB's own backup taken after it", async () => {
    await influx.query(`DROP DATABASE ${bucket}`)
    await influx.restore(bucket, late)
    const city = await restored()
    expect([city.code, city.said]).toEqual([0, expect.stringContaining('has all readings up to record')])
    expect(await city.shows()).toEqual({ levels: [1, 2, 3, 4, 5, 6], points: 6, said: [] })
  })

  it('does not take silence or a missing INFLUX_URL for a whole history', async () => {
    const silent = await restored({ INFLUX_URL: 'http://127.0.0.1:9' })
    expect([silent.code, silent.said]).toEqual([2, expect.stringContaining('cannot be reached')])
    await silent.drop()
    const none = await restored({})
    expect([none.code, none.said]).toEqual([2, expect.stringContaining('INFLUX_URL is not set here')])
    expect(none.said).toContain(`${bucket} at ${influx.url}`)
    await none.drop()
  })
})

describe('an InfluxDB that lost what it had', () => {
  async function start(bucket: string) {
    const said: string[] = []
    const warn = (_: object, message: string) => void said.push(message)
    const city = await startTestSystem({
      influx: { url: influx.url, bucket, token: undefined },
      log: { info: () => {}, warn, error: warn }
    })
    await city.importCsv(cityCsv([{ id: 'bin-1' }]))
    return { city, said }
  }
  const at = Date.now() - hours(1)

  it('is given again all that the journal has, and no checkpoint meanwhile deletes it', async () => {
    const { city, said } = await start('lost')
    await report(city, at, 1, 2, 3)
    const file = join(folder, 'lost.mjb')
    const words = ['--out', file, '--url', city.system.httpUrl, '--password-file', passwordFile]
    await run('backup', words)
    await city.stop()
    await influx.query('DROP DATABASE lost')
    const database = await freshDatabase()
    const dataDir = join(folder, 'lost')
    const told = await run('restore', ['--from', file], {
      DATA_DIR: dataDir,
      DATABASE_URL: database.url,
      INFLUX_URL: influx.url,
      INFLUX_BUCKET: 'lost'
    })
    expect([told.code, told.said]).toEqual([0, expect.stringContaining('the next start writes them again')])
    await influx.stop()
    const again = await startTestSystem({
      dataDir,
      databaseUrl: database.url,
      influx: { url: influx.url, bucket: 'lost', token: undefined }
    })
    // Away while the rules make a checkpoint and confirm: the records must outlive that, and a restart.
    await again.restart()
    await again.restart()
    await influx.start()
    await again.settled()
    expect(await levels(again, at - 1)).toEqual([1, 2, 3])
    expect(said).toEqual([])
    await again.close()
    await city.close()
    await database.drop()
  })

  it('under a running city is said in the log, and history goes on', async () => {
    const { city, said } = await start('running')
    await report(city, at, 1, 2)
    await influx.query('DROP DATABASE running')
    await report(city, at, 3)
    await until('the log says it', () => said.some(line => line.includes('has them only up to')))
    expect(said.join()).toContain('restore its own backup')
    expect(await levels(city, at - 1)).toEqual([3])
    await city.close()
  })
})
