import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ImportResult } from '#model/api'
import type { InfluxFixture } from '#test/fixtures/influx-server'

const READY_WITHIN_MS = 120_000
/** Of `admin` in everything the bench starts. */
export const PASSWORD = 'measured, not guessed'
/** CPU time in /proc is counted in hundredths of a second on every Linux. */
const TICK_US = 10_000

/** CPU time in µs since its start, by who spent it. */
export interface Cpu {
  /** The thread that runs our JavaScript. */
  main: number
  /** Everything else in our process: LevelDB's disk work, garbage collection, the socket pool. */
  otherThreads: number
  postgres: number
  /** 0 when Postgres keeps telemetry. */
  influx: number
}

/** Where the journal and its consumers stand. */
export interface Standing {
  head: number
  /** Records through the rules and committed. */
  state: number
  /** Records in the telemetry store. */
  store: number
  pausedSockets: number
  gateBytes: number
  journalBytes: number
  /** Longest turn of the event loop since it was asked last, in ms. */
  stallMs: number
}

/** The real program in a process of its own on a folder of its own, watched from outside. */
export interface Program {
  pid: number
  dir: string
  httpUrl: string
  mqttPort: number
  /** From its start until it said that it is ready. */
  readyMs: number
  headers: { authorization: string }
  /** Registers what the file says as any city is registered; answers the new devices' secrets. */
  import(csv: string): Promise<Record<string, string>>
  standing(): Promise<Standing>
  /** Until the rules and the store have everything up to `seq`. */
  untilHandled(seq: number): Promise<void>
  cpu(): Promise<Cpu>
  rssMb(): number
  /** Ends it in order; its data stays. */
  stop(): Promise<void>
  /** Ends it and takes its data away. */
  remove(): Promise<void>
}

/** Starts `main.ts`, on new data or where `dir` says; without `influx` Postgres keeps telemetry. */
export async function startProgram({
  dir,
  nodeOptions = [],
  influx
}: {
  dir?: string | undefined
  nodeOptions?: string[]
  influx?: InfluxFixture | undefined
} = {}): Promise<Program> {
  const dataDir = dir ?? (await mkdtemp(join(tmpdir(), 'mingjie-bench-')))
  const began = performance.now()
  const child = spawn(process.execPath, [...nodeOptions, '--import', 'tsx', 'main.ts'], {
    env: {
      ...process.env,
      HTTP_PORT: '0',
      MQTT_PORT: '0',
      DATA_DIR: dataDir,
      ADMIN_PASSWORD: PASSWORD,
      INFLUX_URL: influx?.url ?? ''
    },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const pid = child.pid as number
  let stopping = false
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  let said = ''
  const hear = (chunk: Buffer) => (said = (said + chunk.toString()).slice(-20_000))
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)

  const address = (scheme: string) => new RegExp(`${scheme}://127\\.0\\.0\\.1:(\\d+)`).exec(said)
  while (!/is ready/.test(said) || !address('mqtt')) {
    if (child.exitCode !== null || performance.now() - began > READY_WITHIN_MS) {
      child.kill('SIGKILL')
      throw new Error(`the program did not start: ${said}`)
    }
    await sleep(10)
  }
  const readyMs = performance.now() - began
  child.once('exit', code => {
    if (!stopping) console.error(`the program ended with ${code}: ${said}`)
  })
  const httpUrl = (address('http') as RegExpExecArray)[0]
  const headers = { authorization: `Bearer ${await signIn(httpUrl)}` }

  async function standing(): Promise<Standing> {
    const text = await (await fetch(`${httpUrl}/metrics`, { headers })).text()
    const read = (name: string) => Number(new RegExp(`^mingjie_${name} (\\S+)$`, 'm').exec(text)?.[1] ?? NaN)
    const head = read('journal_head')
    return {
      head,
      state: head - read('state_behind_records'),
      store: head - read('store_behind_records'),
      pausedSockets: read('mqtt_paused_sockets'),
      gateBytes: read('gate_bytes'),
      journalBytes: read('journal_bytes'),
      stallMs: read('nodejs_eventloop_lag_max_seconds') * 1000
    }
  }

  async function stop(): Promise<void> {
    stopping = true
    if (child.exitCode === null) child.kill('SIGTERM')
    await exited
  }

  return {
    pid,
    dir: dataDir,
    httpUrl,
    mqttPort: Number((address('mqtt') as RegExpExecArray)[1]),
    readyMs,
    headers,
    async import(csv) {
      const answer = await fetch(`${httpUrl}/api/import`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'text/csv' },
        body: csv
      })
      const { rows, failed } = (await answer.json()) as ImportResult
      if (!answer.ok || failed > 0) throw new Error(`import: ${JSON.stringify(rows?.find(row => !row.ok))}`)
      return Object.fromEntries(rows.flatMap(({ id, secret }) => (secret ? [[id, secret]] : [])))
    },
    standing,
    async untilHandled(seq) {
      for (let at = await standing(); at.state < seq || at.store < seq; at = await standing()) await sleep(50)
    },
    async cpu() {
      const whole = cpuOf(`/proc/${pid}/stat`)
      const main = cpuOf(`/proc/${pid}/task/${pid}/stat`)
      let postgres = 0
      for (const one of await descendants(pid)) postgres += cpuOf(`/proc/${one}/stat`)
      return { main, otherThreads: whole - main, postgres, influx: cpuOf(`/proc/${influx?.pid()}/stat`) }
    },
    rssMb: () => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024,
    stop,
    async remove() {
      await stop()
      await removeData(dataDir)
    }
  }
}

/** A data folder, and the cluster that lies elsewhere when root's folders are closed to Postgres. */
export async function removeData(dataDir: string): Promise<void> {
  const note = join(dataDir, 'postgres-home.json')
  if (existsSync(note)) {
    const { home } = JSON.parse(readFileSync(note, 'utf8')) as { home: string }
    await rm(home, { recursive: true, force: true })
  }
  await rm(dataDir, { recursive: true, force: true })
}

/** A session as admin; its token serves as a bearer too. */
export async function signIn(httpUrl: string): Promise<string> {
  const answer = await fetch(`${httpUrl}/api/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'admin', password: PASSWORD })
  })
  const token = /mingjie_session=([^;]+)/.exec(answer.headers.get('set-cookie') ?? '')?.[1]
  if (!token) throw new Error(`signing in answered ${answer.status}`)
  return token
}

/** User and system time of a process or thread, and of its children that have ended. */
function cpuOf(file: string): number {
  try {
    const stat = readFileSync(file, 'utf8')
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    return (fields[11]! + fields[12]! + fields[13]! + fields[14]!) * TICK_US
  } catch {
    // It ended between the listing and the look.
    return 0
  }
}

/** Children, their children and so on: the embedded server and its backends. */
async function descendants(pid: number): Promise<number[]> {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => [])
  const children = tasks.flatMap(task => {
    try {
      return readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean)
    } catch {
      return []
    }
  })
  const deeper = await Promise.all(children.map(child => descendants(Number(child))))
  return [...children.map(Number), ...deeper.flat()]
}
