import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const PAGE = join(ROOT, 'dashboard')
export const BUILD = join(PAGE, 'build')
const HASH_FILE = join(BUILD, '.hash')

/**
 * Builds the SvelteKit page into dashboard/build when its sources changed since the last build, judged by content.
 * Where vite is not installed (production) the build that is there counts as fresh. Throws when a build is needed and fails.
 */
export async function buildPageIfStale({ force = false } = {}): Promise<'built' | 'fresh'> {
  if (!existsSync(join(PAGE, 'svelte.config.js'))) return 'fresh'
  const vite = findVite()
  if (!vite) {
    if (existsSync(BUILD)) return 'fresh'
    throw new Error(
      'dashboard/build is missing and vite is not installed: run `npm ci` and `npm run build` once'
    )
  }
  const hash = sourcesHash()
  if (!force && existsSync(HASH_FILE) && readFileSync(HASH_FILE, 'utf8') === hash) return 'fresh'

  console.log('Building the page, about ten seconds; only when its sources changed …')
  // Vite reads the settings that SvelteKit writes, so those come first.
  run(join(dirname(vite), '../../@sveltejs/kit/svelte-kit.js'), ['sync'])
  run(vite, ['build', '--logLevel', 'warn'])
  mkdirSync(BUILD, { recursive: true })
  writeFileSync(HASH_FILE, hash)
  return 'built'
}

/** Says nothing unless it fails: then everything the tool said. */
function run(tool: string, words: string[]): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [tool, ...words], {
    cwd: PAGE,
    encoding: 'utf8',
    // A test run sets NODE_ENV=test; the page people load is always the production one.
    env: { ...process.env, NODE_ENV: 'production' }
  })
  if (status === 0) return
  console.error(stdout, stderr)
  throw new Error('the page does not build, see above')
}

function findVite(): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('vite/package.json')), 'bin/vite.js')
  } catch {
    return undefined
  }
}

/** Everything the page is made of: its own sources and settings, the shared words, and the locked packages. */
function sourcesHash(): string {
  const settings = readdirSync(PAGE).filter(name => /\.(js|ts|json)$/.test(name))
  const sources = [
    ...settings.map(name => join(PAGE, name)),
    ...[join(PAGE, 'src'), join(PAGE, 'static'), join(ROOT, 'model')].flatMap(filesIn),
    join(ROOT, 'package-lock.json')
  ].sort()
  const hash = createHash('sha256')
  for (const file of sources)
    hash
      .update(`${relative(ROOT, file)}\0`)
      .update(readFileSync(file))
      .update('\0')
  return hash.digest('hex')
}

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map(name => join(folder, name))
    .filter(path => statSync(path).isFile())
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // `npm ci --omit=dev` brings no vite: there the page comes ready made.
  const installing = process.argv.includes('--after-install') && !findVite()
  if (installing) process.exit(0)
  console.log(`page: ${await buildPageIfStale({ force: process.argv.includes('--force') })}`)
}
