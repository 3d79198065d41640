import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ImportResult } from '#model/api'
import type { PersonItem } from '#model/people'
import { asking, signIn, type Ask } from '#sim/api'
import { cityCsv } from '#sim/city-csv'
import { hireOverHttp } from '#sim/crews/hire'
import { CREWS, PEOPLE } from '#sim/crews/staff'
import { judge } from '#sim/judge'
import { playLive } from '#sim/live'
import type { TruthFile } from '#sim/truth/file'
import { truthCity } from '#sim/truth/setting'
import { freshDatabase, type TestDatabase } from '#test/fixtures/database'
import { ADMIN } from '#test/fixtures/system'
import { until } from '#test/fixtures/until'
import { silentLog } from '../../log.ts'
import { startSystem, type System } from '../../system.ts'

/** What `npm run sim` does, without its command line. */
describe('a live city', () => {
  const city = truthCity({ seed: 7, facilities: 50 })
  let database: TestDatabase
  let dir: string
  let system: System
  let ask: Ask
  const secrets = new Map<string, string>()

  const start = async (ports: { http: number; mqtt: number }): Promise<System> => {
    const started = await startSystem({
      config: {
        http: { host: '127.0.0.1', port: ports.http },
        mqtt: { host: '127.0.0.1', port: ports.mqtt },
        dataDir: dir,
        databaseUrl: database.url,
        influx: undefined,
        adminPassword: ADMIN.password,
        timeZone: 'Asia/Shanghai'
      },
      log: silentLog,
      onFatal: error => {
        throw error
      }
    })
    started.keepTicking()
    return started
  }

  beforeAll(async () => {
    database = await freshDatabase()
    dir = await mkdtemp(join(tmpdir(), 'mingjie-sim-'))
    system = await start({ http: 0, mqtt: 0 })
    ask = asking(system.httpUrl, await signIn(system.httpUrl, ADMIN.username, ADMIN.password))
    const { rows } = await ask<ImportResult>('/api/import', { method: 'POST', body: cityCsv(city) })
    for (const { id, secret } of rows) if (secret) secrets.set(id, secret)
  }, 180_000)
  afterAll(async () => {
    await system.close()
    await database.drop()
    await rm(dir, { recursive: true, force: true })
  })

  it('hires its people over the API: accounts of their roles, and crews; again, and by passwords of theirs', async () => {
    const given = { url: system.httpUrl, ask, passwords: undefined }
    const first = await hireOverHttp(given)
    expect(await first.desk.openTickets()).toEqual([])
    await first.leave()
    await expect(first.desk.openTickets()).rejects.toThrow(/cannot be read/)
    const again = await hireOverHttp(given)
    expect(await again.desk.openTickets()).toEqual([])
    await again.leave()

    const { items: people } = await ask<{ items: PersonItem[] }>('/api/people')
    const roles = new Map(people.map(({ username, role }) => [username, role]))
    for (const { username, role } of PEOPLE) expect(roles.get(username)).toBe(role)
    const { items: crews } = await ask<{ items: { id: string }[] }>('/api/crews')
    expect(crews.map(({ id }) => id)).toEqual(expect.arrayContaining(Object.keys(CREWS)))
    await expect(hireOverHttp({ ...given, passwords: {} })).rejects.toThrow(/no password of sim-desk/)
  }, 180_000)

  it('notices that the program was away, says so in its file, and can be judged by it', async () => {
    const file = join(dir, 'out.json')
    const staff = await hireOverHttp({ url: system.httpUrl, ask, passwords: undefined })
    const said: string[] = []
    const live = await playLive({
      city,
      url: system.mqttUrl,
      secrets,
      expect: { file, seed: 7, hoursLong: 0.3 },
      desk: staff.desk,
      say: line => said.push(line)
    })
    const written = async () => JSON.parse(await readFile(file, 'utf8')) as TruthFile
    expect(await written()).toMatchObject({ over: false, crews: true, outages: [] })
    // Its watch has seen them all connected.
    await new Promise(resolve => setTimeout(resolve, 1000))
    const ports = {
      http: Number(new URL(system.httpUrl).port),
      mqtt: Number(new URL(system.mqttUrl).port)
    }
    await system.close()
    system = await start(ports)
    await until('it is noticed', () => said.some(line => line.includes('was away')), { withinMs: 200_000 })
    await until('it is written', async () => (await written()).outages.length === 1)
    live.close()
    await live.ended
    await staff.leave()

    const last = await written()
    expect(last.over).toBe(true)
    expect(last.outages).toHaveLength(1)
    expect(Date.parse(last.to ?? '')).toBeLessThanOrEqual(Date.now())
    const { lines, right } = await judge(file, ask)
    expect(lines.filter(line => /^(MISSED|FALSE)/.test(line))).toEqual([])
    expect(lines.at(-1)).toMatch(/away 1 times/)
    // Nothing surely had to follow in so short a time: that proves nothing.
    expect(right).toBe(false)
  }, 300_000)
})
