import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { influxServer } from '#db/telemetry/influx/server'
import { buckets, points } from '#db/telemetry/influx/readings'
import { postgresTelemetryStore } from '#db/telemetry/postgres'
import type { TelemetryRow, TelemetryStore } from '#db/telemetry/store'
import { days, hours, minutes } from '#model/time'
import { freshDatabase, type TestDatabase } from '#test/fixtures/database'
import { startInflux, type InfluxFixture } from '#test/fixtures/influx-server'
import { moveTelemetry, type Progress } from '../../scripts/move-telemetry.ts'

const FROM = Date.now() - days(3)
const METRICS = ['fillPct', 'tempC', 'tiltDeg']
const DEVICES = 20
const RECORDS = 4_000
const ROWS = RECORDS * METRICS.length + 2

let influx: InfluxFixture
let database: TestDatabase
let postgres: TelemetryStore
let moves = 0
beforeAll(async () => {
  influx = await startInflux()
  database = await freshDatabase()
  postgres = await postgresTelemetryStore(database.pool)
  const rows = Array.from({ length: RECORDS }, (_, i) => rowsOfRecord(i)).flat()
  // A duplicate within the record and one after it.
  const [first] = rowsOfRecord(0) as [TelemetryRow]
  await postgres.write(
    [...rows, { ...first, seq: RECORDS + 1, value: -1 }, { ...first, seq: RECORDS + 2, value: -2 }],
    RECORDS + 2
  )
})
afterAll(async () => {
  await influx?.close()
  await database?.drop()
})

const rowsOfRecord = (i: number): TelemetryRow[] =>
  METRICS.map((metric, m) => {
    const measuredAt = FROM + minutes(i)
    const quality = i % 7 === 0 ? 'skewed' : 'good'
    return {
      device: `B-${i % DEVICES}`,
      metric,
      measuredAt,
      receivedAt: measuredAt + 9,
      seq: i + 1,
      value: i / 10 + m,
      quality
    }
  })
const query = (device: string, metric: string) => ({
  devices: [{ device }],
  metric,
  from: FROM - hours(1),
  to: FROM + days(4),
  limit: 100_000
})

describe('npm run move-telemetry', () => {
  let bucket: string
  let dataDir: string
  let server: ReturnType<typeof influxServer>
  beforeEach(() => {
    bucket = `moved_${++moves}`
    dataDir = mkdtempSync(join(tmpdir(), 'mingjie-move-'))
    server = influxServer({ url: influx.url, bucket })
  })
  afterEach(() => {
    server.close()
    rmSync(dataDir, { recursive: true })
  })

  const pointsIn = async () =>
    Number((await influx.query('SELECT count(seq) FROM telemetry', { db: bucket }))[0]?.[1])
  async function expectAll(): Promise<void> {
    expect(await pointsIn()).toBe(RECORDS + 2)
    for (const device of ['B-0', 'B-7', 'B-19']) {
      for (const metric of METRICS) {
        const one = query(device, metric)
        expect(await points(server.ask, one)).toEqual(await postgres.points(one))
        const inHours = { ...one, stepMs: hours(1) }
        const expected = (await postgres.buckets(inHours)).map(({ avg, ...bucket }) => ({
          ...bucket,
          avg: expect.closeTo(avg) as number
        }))
        expect(await buckets(server.ask, inHours)).toEqual(expected)
      }
    }
  }
  async function run(...words: string[]): Promise<{ code: number; output: string }> {
    const running = spawn(process.execPath, ['--import', 'tsx', 'scripts/move-telemetry.ts', ...words], {
      env: {
        ...process.env,
        DATABASE_URL: database.url,
        DATA_DIR: dataDir,
        INFLUX_URL: influx.url,
        INFLUX_BUCKET: bucket
      }
    })
    let output = ''
    for (const stream of [running.stdout, running.stderr])
      stream.on('data', (data: Buffer) => (output += data.toString()))
    const [code] = (await once(running, 'close')) as [number]
    return { code, output }
  }

  it('copies every row with its quality, duplicates counted once, and says how far it is', async () => {
    const { code, output } = await run()
    expect(output).toContain(`Copied ${ROWS} rows.`)
    expect(output).toMatch(/telemetry_\d{8} \(day 2 of \d\): \d+ rows, \d+ a second/)
    expect(code).toBe(0)
    await expectAll()
    const again = await run()
    expect(again.output).toContain('Going on at telemetry_')
    await expectAll()
  })

  it('goes on where it was when InfluxDB fails in between', async () => {
    let progress: Progress | undefined
    const told: Progress[] = []
    const move = (put: typeof server.put) =>
      moveTelemetry({
        pool: database.pool,
        influx: { put },
        progress,
        done: where => {
          progress = where
          told.push(where)
        },
        say: () => {}
      })
    let writes = 0
    const failing = move(async rows => {
      if (++writes > 2) throw new Error('away')
      await server.put(rows)
    })
    await expect(failing).rejects.toThrow('away')
    const copied = told.length
    expect(copied).toBe(2)
    const { rows } = await move(server.put)
    expect(rows).toBeLessThan(ROWS)
    expect(told[copied]!.day >= told[copied - 1]!.day).toBe(true)
    await expectAll()
  })

  it('leaves what InfluxDB refuses, names it and copies the rest', async () => {
    await server.ask('SHOW MEASUREMENTS')
    await influx.write(bucket, `telemetry,device=somebody tiltDeg=1i ${FROM}000000`)
    const { code, output } = await run()
    expect(output).toMatch(/left: B-\d+ tiltDeg of .*field type conflict/)
    expect(output).toMatch(/InfluxDB refused \d+, named above/)
    expect(code).toBe(0)
    expect(await points(server.ask, query('B-7', 'fillPct'))).toEqual(
      await postgres.points(query('B-7', 'fillPct'))
    )
  })

  it('--help says what it does and how to run it beside a running Mingjie', async () => {
    const { output } = await run('--help')
    expect(output).toContain('copies the history that Postgres keeps into InfluxDB')
    expect(output).toContain('DATABASE_URL=')
  })
})
