import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** What some tests need from the system beyond Node, as Debian packages. A new need is a new row. */
const SYSTEM_PACKAGES: readonly SystemPackage[] = [
  {
    package: 'chromium',
    why: 'the page is tested in a real browser',
    provides: '/usr/bin/chromium',
    neededBy: 'test/e2e/'
  },
  {
    package: 'fonts-noto-cjk',
    why: 'the page is shown in Chinese',
    provides: '/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc',
    neededBy: 'test/e2e/'
  },
  {
    package: 'influxdb',
    why: 'telemetry is kept in a real InfluxDB',
    provides: '/usr/bin/influxd',
    neededBy: 'test/contracts/telemetry-influx'
  },
  {
    package: 'influxdb',
    why: 'faults of a real InfluxDB are lived through',
    provides: '/usr/bin/influxd',
    neededBy: 'test/integration/influx'
  },
  {
    package: 'postgresql-15',
    why: 'somebody else’s Postgres of the oldest version that will do',
    provides: '/usr/lib/postgresql/15/bin/postgres',
    neededBy: 'postgres-15',
    // Debian makes and starts a cluster that nobody asked for; the tests make their own.
    unasked: { file: '/etc/postgresql/15/main', remove: ['pg_dropcluster', '--stop', '15', 'main'] }
  }
]

export interface SystemPackage {
  package: string
  why: string
  /** The file whose presence means it is installed, by this package or otherwise. */
  provides: string
  /** The start of the paths, from the project's root, of the test files that cannot run without it; or their Vitest project. */
  neededBy: string
  /** What an installation does beyond need: undone when we installed it and it was not there before. */
  unasked?: { file: string; remove: readonly string[] }
}

export interface TestFile {
  project: string
  path: string
}

export const needs = (file: TestFile, { neededBy }: SystemPackage): boolean =>
  file.project === neededBy || file.path.startsWith(neededBy)

/**
 * Installs what the given test files need and lack, where we may: on a Debian-like system, as root.
 * Answers what is still missing.
 */
export function installMissing(testFiles: readonly TestFile[]): SystemPackage[] {
  const wanted = SYSTEM_PACKAGES.filter(p => testFiles.some(file => needs(file, p)))
  const missing = () => wanted.filter(p => !existsSync(p.provides))
  const before = missing()
  const names = before.map(p => p.package)
  const unasked = before.flatMap(p => (p.unasked && !existsSync(p.unasked.file) ? [p.unasked] : []))
  if (names.length > 0 && existsSync('/usr/bin/apt-get') && process.getuid?.() === 0) {
    console.log(`installing ${names.join(', ')} …`)
    aptGet('update')
    aptGet('install', '-y', '--no-install-recommends', ...names)
    for (const { file, remove } of unasked) {
      const [command = '', ...words] = remove
      if (existsSync(file)) spawnSync(command, words, { stdio: ['ignore', 'ignore', 'inherit'] })
    }
  }
  return missing()
}

function aptGet(...args: string[]) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  spawnSync('apt-get', ['-qq', ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] })
}
