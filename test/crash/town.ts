import { fileURLToPath } from 'node:url'
import type { ImportResult, SystemState } from '#model/api'
import { days, minutes, type Millis } from '#model/time'
import { cityCsv } from '#test/fixtures/city-csv'
import { crashDevice, type CrashDevice } from '#test/fixtures/crash-load'
import {
  dataFolder,
  freePorts,
  isOver,
  isRunning,
  killAll,
  postgresProcesses,
  runMain
} from '#test/fixtures/crash-process'
import { startInflux } from '#test/fixtures/influx-server'
import { ADMIN } from '#test/fixtures/system'
import { until } from '#test/fixtures/until'
import { PARTS, type Part, type Store } from './points.ts'
import type { Order, Strike } from './victim.ts'

const VICTIM = fileURLToPath(new URL('./victim.ts', import.meta.url))

/** What the program says when it serves; Postgres says of itself too that it is ready. */
export const READY = 'Mingjie 明洁 is ready'

/** One page of a list of the API. */
export interface List<T> {
  items: T[]
  nextCursor: string | null
}

/**
 * The real program on a folder of its own, started again by hand whenever it is killed, and devices that publish to
 * it whatever happens. Everything is read through its API.
 */
export async function town(options: { store: Store; bins: number; pauseMs: Millis; strike?: Strike }) {
  const { store, bins, pauseMs } = options
  const ports = await freePorts()
  const influx = store === 'influx' ? await startInflux() : undefined
  // Last: what fails before leaves no folder behind.
  const { dataDir, remove } = dataFolder()
  const url = `http://127.0.0.1:${ports.http}`
  /** Within what is kept, and long enough ago that no device catches up with now. */
  const from = Date.now() - days(34)
  let closed = false
  let main = start(options.strike)
  let cookie = ''
  let devices: CrashDevice[] = []

  function start(strike?: Strike) {
    if (closed) throw new Error('the town is closed')
    const env = {
      DATA_DIR: dataDir,
      HTTP_PORT: String(ports.http),
      MQTT_PORT: String(ports.mqtt),
      ADMIN_PASSWORD: ADMIN.password,
      ...(influx && { INFLUX_URL: influx.url })
    }
    const started = runMain(env, [], VICTIM)
    if (strike) started.child.send(strike)
    return { ...started, startedAt: performance.now() }
  }

  async function get<T>(path: string): Promise<T> {
    const answer = await fetch(url + path, { headers: { cookie } })
    if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${await answer.text()}`)
    return (await answer.json()) as T
  }

  async function signIn(): Promise<void> {
    const answer = await fetch(`${url}/api/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(ADMIN)
    })
    cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0] as string
  }

  return {
    dataDir,
    from,
    main: () => main,
    devices: () => devices,
    get,
    /** All pages of a list; `path` ends in `?` or `&`. */
    async all<T>(path: string): Promise<T[]> {
      const items: T[] = []
      for (let cursor = ''; ;) {
        const page = await get<List<T>>(`${path}limit=1000${cursor}`)
        items.push(...page.items)
        if (page.nextCursor === null) return items
        cursor = `&cursor=${encodeURIComponent(page.nextCursor)}`
      }
    },

    /** Registers the bins `bin-0…`; each has a device that publishes from then on. */
    async settle(): Promise<void> {
      await main.says(READY, minutes(2))
      await signIn()
      const facilities = Array.from({ length: bins }, (_, no) => ({ id: `bin-${no}` }))
      const answer = await fetch(`${url}/api/import`, {
        method: 'POST',
        headers: { 'content-type': 'text/csv', cookie, origin: url },
        body: cityCsv(facilities)
      })
      const { rows, failed } = (await answer.json()) as ImportResult
      if (failed > 0) throw new Error(`import: ${JSON.stringify(rows)}`)
      const secrets = new Map(rows.map(row => [row.id, row.secret ?? '']))
      devices = facilities.map(({ id }, no) => {
        const password = secrets.get(`${id}-s`) as string
        return crashDevice({ id: `${id}-s`, no, port: ports.mqtt, password, from, pauseMs })
      })
    },

    /** Lets Node kill itself, or write a checkpoint. One that is just ending hears nothing any more. */
    order: (order: Order) => void main.child.send(order, () => {}),
    /** Starts Node again, once it has ended. */
    async again(): Promise<void> {
      await main.exited
      main = start()
    },

    /** `kill -9` of these at one moment; answers which of them ran until then, once they are gone. */
    async kill(parts: Part[]): Promise<Part[]> {
      const node = parts.includes('node') && !isOver(main.child) ? main : undefined
      const postgres = parts.includes('postgres') ? postgresProcesses(dataDir) : []
      const stopped = parts.includes('influx') && influx?.pid() ? influx.stop('SIGKILL') : undefined
      killAll([...(node ? [node.child.pid as number] : []), ...postgres])
      const [ended] = await Promise.all([node?.exited, stopped])
      if (ended && ended[1] !== 'SIGKILL')
        throw new Error(`Node ended with ${ended.join(' ')} and not by kill -9`)
      await until('the killed processes are gone', () => !postgres.some(isRunning))
      return PARTS.filter(part => ({ node, postgres: postgres[0], influx: stopped })[part] !== undefined)
    },
    startInflux: async () => (closed ? undefined : influx?.start()),
    /** Its administrator's InfluxQL; undefined where Postgres is the store. */
    influxQuery: influx?.query,
    postmaster: () => postgresProcesses(dataDir)[0],

    /** Everything that is in the journal is decided and stored, but for the newest `records`. */
    caughtUp: (records: number) =>
      until(
        `rules and store are at most ${records} behind`,
        async () => {
          const { behind, ready } = await get<SystemState>('/api/system')
          return ready && behind.state <= records && behind.store <= records
        },
        { withinMs: minutes(2) }
      ),

    async close(): Promise<void> {
      closed = true
      for (const device of devices) device.close()
      await main.stop('SIGKILL')
      await influx?.close()
      remove()
    }
  }
}
export type Town = Awaited<ReturnType<typeof town>>
