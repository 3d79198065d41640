import { execFileSync, spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, posix } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { buildPageIfStale } from '../../scripts/build-page.ts'
import type { Finding } from './figures.ts'
import { removeData, signIn, PASSWORD } from './program.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const BUILD = join(ROOT, 'dashboard/build')
const DEMO_WITHIN_MS = 180_000

/** 6. What a browser loads to show the overview, and how long a first demo takes. */
export async function firstLook(): Promise<Finding> {
  await buildPageIfStale()
  const files = firstLoad()
  const bytes = [...files].reduce((sum, file) => sum + gzipSync(readFileSync(join(BUILD, file))).length, 0)
  const demo = await demoSeconds()
  return {
    measured: { pageJs: bytes / 1024, demoReady: demo.populated },
    notes: [
      `First load: ${files.size} files of JavaScript for the overview of somebody signed in. First demo, on a fresh clone of the commit with its ` +
        `packages installed: ${demo.ready.toFixed(1)} s until ready, of which ${demo.played} s are the day it plays (the page is built when packages are installed); then ${demo.facilities} facilities shown; ` +
        `started again on the same data: ${demo.again.toFixed(1)} s.`
    ]
  }
}

/** Every script the page at `/` needs: what index.html names, the modules of its route, and all they import at once. */
function firstLoad(): Set<string> {
  const html = readFileSync(join(BUILD, 'index.html'), 'utf8')
  const scripts = [...html.matchAll(/(?:src|href)="(\/[^"]+\.js)"/g)].map(match => match[1] as string)
  const app = scripts.find(file => /entry\/app\./.test(file)) as string
  const [, page, layouts] =
    /"\/\(app\)":\[(\d+),\[([\d,]+)\]/.exec(readFileSync(join(BUILD, app), 'utf8')) ?? []
  if (!page || !layouts) throw new Error('the built page names no route for /')
  const nodes = readdirSync(join(BUILD, '_app/immutable/nodes'))
  for (const node of ['0', page, ...layouts.split(',')]) {
    const file = nodes.find(name => name.startsWith(`${node}.`) && name.endsWith('.js'))
    scripts.push(`/_app/immutable/nodes/${file}`)
  }
  const found = new Set<string>()
  for (let file = scripts.pop(); file; file = scripts.pop()) {
    if (found.has(file)) continue
    found.add(file)
    const text = readFileSync(join(BUILD, file), 'utf8')
    for (const [, path] of text.matchAll(/(?:from|import)"(\.[^"]+\.js)"/g)) {
      scripts.push(posix.join(dirname(file), path as string))
    }
  }
  return found
}

/** Seconds of a first and a second `npm run demo`, in a clone of the commit that borrows our packages. */
async function demoSeconds() {
  const folder = await mkdtemp(join(tmpdir(), 'mingjie-demo-'))
  const checkout = join(folder, 'checkout')
  const dataDir = join(folder, 'data')
  try {
    execFileSync('git', ['clone', '--quiet', '--shared', ROOT, checkout])
    await symlink(join(ROOT, 'node_modules'), join(checkout, 'node_modules'))
    // What `npm ci` does there by itself (`prepare`); installing is not what is timed.
    execFileSync('npm', ['run', 'prepare'], { cwd: checkout, stdio: 'ignore' })
    const first = await demo(checkout, dataDir)
    const second = await demo(checkout, dataDir)
    return { ...first, again: second.populated }
  } finally {
    await removeData(dataDir)
    await rm(folder, { recursive: true, force: true })
  }
}

async function demo(checkout: string, dataDir: string) {
  const began = performance.now()
  const child = spawn('npm', ['run', 'demo'], {
    cwd: checkout,
    env: { ...process.env, HTTP_PORT: '0', MQTT_PORT: '0', DATA_DIR: dataDir, ADMIN_PASSWORD: PASSWORD },
    stdio: ['ignore', 'pipe', 'pipe'],
    // npm does not pass every signal on: the group gets it.
    detached: true
  })
  let said = ''
  const hear = (chunk: Buffer) => (said += chunk.toString())
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  try {
    let url: string | undefined
    while (!(url = /is ready[\s\S]*(http:\S+)\s/.exec(said)?.[1])) {
      if (child.exitCode !== null || performance.now() - began > DEMO_WITHIN_MS)
        throw new Error(`the demo did not start: ${said}`)
      await sleep(20)
    }
    const ready = (performance.now() - began) / 1000
    const headers = { authorization: `Bearer ${await signIn(url)}` }
    const answer = await fetch(`${url}/api/facilities?limit=500`, { headers })
    const { items } = (await answer.json()) as { items: { lastReportAt: string | null }[] }
    const facilities = items.filter(item => item.lastReportAt !== null).length
    if (facilities === 0) throw new Error('the demo shows no facility that reported')
    const played = /Played in ([\d.]+) s/.exec(said)?.[1] ?? '0'
    return { ready, played, populated: (performance.now() - began) / 1000, facilities }
  } finally {
    const exited = new Promise(resolve => child.once('exit', resolve))
    process.kill(-(child.pid as number), 'SIGTERM')
    if (child.exitCode === null) await exited
  }
}
