import { existsSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

const POSTGRES = 'test/fixtures/postgres-server.ts'

const project = (name: string, timeoutMs: number) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: timeoutMs,
    hookTimeout: Math.max(timeoutMs, 30_000)
  }
})

/** The suites that need a database share one real Postgres, started once for the run. */
function withPostgres(name: string, timeoutMs: number) {
  const { test } = project(name, timeoutMs)
  return { test: { ...test, globalSetup: existsSync(POSTGRES) ? [POSTGRES] : [] } }
}

export default defineConfig({
  test: {
    maxWorkers: 2,
    passWithNoTests: false,
    projects: [
      project('unit', 5_000),
      withPostgres('contracts', 20_000),
      withPostgres('integration', 60_000),
      // Last and one at a time: each holds a whole system and a browser.
      { test: { ...withPostgres('e2e', 120_000).test, fileParallelism: false, sequence: { groupOrder: 1 } } }
    ]
  }
})
