import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

const POSTGRES = 'test/fixtures/postgres-server.ts'

const project = (name: string, timeoutMs: number) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    setupFiles: name === 'unit' ? ['test/fixtures/property-seed.ts'] : [],
    testTimeout: timeoutMs,
    hookTimeout: Math.max(timeoutMs, 60_000),
    // As long as `until` and the browser wait: a busy machine is slow, not wrong.
    expect: { poll: { timeout: 30_000 } }
  }
})

/** The suites that need a database share one real Postgres, started once for the run. */
function withPostgres(name: string, timeoutMs: number) {
  const { test } = project(name, timeoutMs)
  return { test: { ...test, globalSetup: existsSync(POSTGRES) ? [POSTGRES] : [] } }
}

/**
 * What runs a second time, against Debian's Postgres 15: every suite that opens a database of the run's Postgres. Left out
 * are those about InfluxDB, page, TLS and waiting, which are the same on any Postgres, and the long ones of crashes and simulated days.
 */
const OPENS_DATABASE = /fixtures\/(database|system|running-server|state-world|own-postgres)'/
const ABOUT_OTHERS = /^(influx|sim-|crash|backup|server-page|tls|postgres-start)/
const onPostgres15 = ['test/contracts', 'test/integration'].flatMap(folder =>
  readdirSync(folder)
    .filter(name => name.endsWith('.test.ts') && !ABOUT_OTHERS.test(name))
    .map(name => `${folder}/${name}`)
    .filter(path => OPENS_DATABASE.test(readFileSync(path, 'utf8')))
)

export default defineConfig({
  test: {
    maxWorkers: 2,
    passWithNoTests: false,
    projects: [
      project('unit', 30_000),
      withPostgres('contracts', 60_000),
      withPostgres('integration', 120_000),
      {
        test: {
          ...project('postgres-15', 120_000).test,
          include: onPostgres15,
          globalSetup: ['test/fixtures/postgres-15-server.ts']
        }
      },
      // Last and one at a time: each holds a whole system and a browser.
      { test: { ...withPostgres('e2e', 180_000).test, fileParallelism: false, sequence: { groupOrder: 1 } } }
    ]
  }
})
