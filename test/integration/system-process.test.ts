import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { FacilitySummary, SystemState } from '#model/api'
import { minutes } from '#model/time'
import {
  dataFolder,
  freePorts,
  postgresProcesses,
  runMain,
  type MainProcess
} from '#test/fixtures/crash-process'
import { until } from '#test/fixtures/until'
import { buildPageIfStale } from '../../scripts/build-page.ts'

describe('main.ts as a process', () => {
  let started: MainProcess[] = []
  let folders: { remove: () => void }[] = []

  beforeAll(async () => void (await buildPageIfStale()), 300_000)
  afterEach(async () => {
    await Promise.all(started.map(one => one.stop('SIGKILL')))
    for (const folder of folders) folder.remove()
    started = []
    folders = []
  })

  function newFolder(): string {
    const folder = dataFolder()
    folders.push(folder)
    return folder.dataDir
  }
  function main(env: Record<string, string>, words: string[] = []): MainProcess {
    const one = runMain({ HTTP_PORT: '0', MQTT_PORT: '0', ...env }, words)
    started.push(one)
    return one
  }
  const pageOf = (one: MainProcess) => /Page +(\S+)/.exec(one.output())?.[1] as string
  const secretOf = (one: MainProcess) => /Sign in +admin +(\S+)/.exec(one.output())?.[1]
  const signIn = (one: MainProcess, password: string) =>
    fetch(`${pageOf(one)}/api/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'admin', password })
    })

  it('prints a random password at the first start and never again; no other opens the door', async () => {
    const env = { DATA_DIR: newFolder() }
    const first = main(env)
    await first.says('is ready')
    const secret = secretOf(first) as string
    expect(secret.length).toBeGreaterThanOrEqual(16)
    for (const guess of ['admin', 'password', 'mingjie', 'changeme', ' '])
      expect((await signIn(first, guess)).status).toBe(401)
    expect((await signIn(first, secret)).status).toBe(200)
    expect(await first.stop()).toBe(0)

    const second = main({ ...env, ADMIN_PASSWORD: 'only counts at first' })
    await second.says('is ready')
    expect(second.output()).not.toMatch(/Sign in|shown this once/)
    expect((await signIn(second, 'only counts at first')).status).toBe(401)
    expect((await signIn(second, secret)).status).toBe(200)
    expect(await second.stop()).toBe(0)
    expect(postgresProcesses(env.DATA_DIR)).toEqual([])
  })

  it('refuses a second start on the same data, naming the process that has it', async () => {
    const env = { DATA_DIR: newFolder(), ADMIN_PASSWORD: 'correct horse' }
    const first = main(env)
    await first.says('is ready')
    expect(secretOf(first)).toBeUndefined()
    const second = main(env)
    expect((await second.exited)[0]).toBe(1)
    expect(second.output()).toMatch(new RegExp(`already runs on .* as process ${first.child.pid}`))
    expect((await signIn(first, 'correct horse')).status).toBe(200)
    expect(await first.stop()).toBe(0)
  })

  it('says everything that is wrong with its settings at once', async () => {
    const one = main({ DATA_DIR: newFolder(), HTTP_PORT: 'web', CITY_TZ: 'Nanjing', ADMIN_PASSWORD: 'short' })
    expect((await one.exited)[0]).toBe(1)
    for (const name of ['HTTP_PORT', 'CITY_TZ', 'ADMIN_PASSWORD']) expect(one.output()).toContain(name)
  })

  it('says which port is taken and leaves nothing running', async () => {
    const { http } = await freePorts()
    const [one, other] = [newFolder(), newFolder()]
    const first = main({ DATA_DIR: one, HTTP_PORT: String(http) })
    await first.says('is ready')
    const second = main({ DATA_DIR: other, HTTP_PORT: String(http) })
    expect((await second.exited)[0]).toBe(1)
    expect(second.output()).toMatch(new RegExp(`${http}`))
    expect(postgresProcesses(other)).toEqual([])
  })

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'takes %s while it is still starting, and leaves nothing running',
    async signal => {
      const dataDir = newFolder()
      const one = main({ DATA_DIR: dataDir })
      await until('Postgres is there', () => postgresProcesses(dataDir).length > 0, {
        everyMs: 5
      })
      expect(await one.stop(signal)).toBe(0)
      expect(postgresProcesses(dataDir)).toEqual([])
    }
  )

  it('ends the demo in order on Ctrl-C, also while it plays its day; the next start is live with it', async () => {
    const env = { DATA_DIR: newFolder(), ADMIN_PASSWORD: 'correct horse' }
    const first = main(env, ['--demo'])
    await first.says('playing its last 24 hours', minutes(2))
    await first.says('25 %', minutes(2))
    expect(await first.stop('SIGINT')).toBe(0)
    expect(first.output()).toContain('Stopped.')
    // It was not played to its end first.
    expect(first.output()).not.toContain('is ready')
    expect(postgresProcesses(env.DATA_DIR)).toEqual([])

    const second = main(env, ['--demo'])
    await second.says('is ready')
    expect(second.output()).not.toContain('playing')
    const cookie = ((await signIn(second, 'correct horse')).headers.get('set-cookie') ?? '').split(
      ';'
    )[0] as string
    const get = async <T>(path: string) =>
      (await (await fetch(pageOf(second) + path, { headers: { cookie } })).json()) as T
    await until('devices report', async () => (await get<SystemState>('/api/system')).connections > 100)
    const { items } = await get<{ items: FacilitySummary[] }>('/api/facilities?limit=1000')
    expect(items.filter(({ lastReportAt }) => lastReportAt !== null).length).toBeGreaterThan(300)
    expect(await second.stop('SIGINT')).toBe(0)
    expect(postgresProcesses(env.DATA_DIR)).toEqual([])
  }, 300_000)
})
