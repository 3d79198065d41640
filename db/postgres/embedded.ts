import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { AppError } from '#model/errors'
import { binary, installedBinaries } from './binaries.ts'
import { ensureCluster, ownedFolder, SERVER_ENV, SUPERUSER } from './cluster.ts'
import { lockFolder } from './folder-lock.ts'
import { isRunning, wasStartedWith } from './process-identity.ts'
import { type ServerHome, serverHome } from './server-home.ts'
import { type Address, addressFor, addressIn } from './server-address.ts'

export interface PostgresLog {
  info(details: object, text: string): void
  warn(details: object, text: string): void
  error(details: object, text: string): void
}

export interface EmbeddedPostgres {
  /** How to reach the database `mingjie`; the same for the life of this object, also over a restart of the server. */
  readonly connection: pg.PoolConfig
  readonly url: string
  /** The postmaster. */
  readonly pid: number
  /** Stops the server (a fast shutdown: running transactions are rolled back) and frees the folder. */
  close(): Promise<void>
}

const DATABASE = 'mingjie'
/** Until the server answers at all; then recovery after a crash may take as long as it needs. */
const ANSWERS_WITHIN_MS = 30_000
const WATCH_EVERY_MS = 500

/** On top of the defaults, of which `fsync` and `synchronous_commit` are on. */
const SETTINGS = {
  shared_buffers: '128MB',
  max_wal_size: '1GB',
  wal_compression: 'on',
  log_min_messages: 'warning',
  // One file a weekday, overwritten a week later.
  logging_collector: 'on',
  log_filename: 'postgres-%a.log',
  log_rotation_age: '1d',
  log_truncate_on_rotation: 'on'
}

/**
 * Starts the Postgres that npm installed as a server of our own on `dataDir`, made on the first start. It is no child in
 * our process group: Ctrl-C does not reach it, and after a kill -9 of Mingjie it lives on and the next start takes it over.
 * When it dies it is started again. Throws `already-running` when another Mingjie has the folder, `config-invalid`
 * when this machine cannot run it, `internal` with the end of the server's log when it does not come up.
 */
export async function startEmbeddedPostgres({
  dataDir,
  log
}: {
  dataDir: string
  log: PostgresLog
}): Promise<EmbeddedPostgres> {
  const place = serverHome(dataDir, await installedBinaries())
  const unlock = lockFolder(place.home)
  try {
    const { cluster, password } = await ensureCluster(place)
    log.info({ home: place.home, binaries: place.binaries.root, ...place.user }, 'embedded Postgres')
    const server: Server = { place, cluster, password, logs: join(place.home, 'log') }

    const orphan = await takeOver(server)
    if (orphan) log.warn({ pid: orphan.pid }, 'took over the Postgres that an earlier run left behind')
    let running = orphan ?? (await start(server, await addressFor(place)))
    const { address } = running
    await ensureDatabase(connectionTo(server, address, 'postgres'))

    const closing = new AbortController()
    const watching = (async () => {
      let pauseMs = WATCH_EVERY_MS
      while (await pause(pauseMs, closing.signal)) {
        pauseMs = WATCH_EVERY_MS
        if (isRunning(running.pid)) continue
        log.error({ pid: running.pid, tail: tailOf(server) }, 'Postgres died and is started again')
        try {
          running = await start(server, address)
        } catch (error) {
          log.error({ error }, 'Postgres could not be started again')
          pauseMs = 10 * WATCH_EVERY_MS
        }
      }
    })()

    const connection = connectionTo(server, address, DATABASE)
    return {
      connection,
      url: urlOf(connection),
      get pid() {
        return running.pid
      },
      async close() {
        if (closing.signal.aborted) return
        closing.abort()
        await watching
        await stop(server, running.pid)
        if (address.folder) rmSync(address.folder, { recursive: true, force: true })
        unlock()
      }
    }
  } catch (error) {
    unlock()
    throw error
  }
}

/** Resolves to false once aborted; does not keep the process alive. */
const pause = (ms: number, signal: AbortSignal): Promise<boolean> =>
  delay(ms, true, { ref: false, signal }).catch(() => false)

interface Server {
  place: ServerHome
  cluster: string
  password: string
  logs: string
}

interface Running {
  pid: number
  address: Address
}

async function start(server: Server, address: Address): Promise<Running> {
  const giveUpAt = Date.now() + ANSWERS_WITHIN_MS
  for (;;) {
    const running = { pid: await launch(server, address), address }
    if (await answers(server, running)) return running
    // When a postmaster was killed, its busy backends keep the shared memory until they notice.
    if (!/shared memory block/.test(tailOf(server)) || Date.now() > giveUpAt) {
      throw new AppError('internal', `Postgres did not start in ${server.place.home}:\n${tailOf(server)}`)
    }
    await delay(200)
  }
}

async function launch(server: Server, address: Address): Promise<number> {
  const { place, cluster } = server
  clearStalePid(cluster)
  const settings = { ...SETTINGS, ...address.settings, log_directory: ensureLogs(server) }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const output = openSync(join(place.home, 'startup.log'), 'w', 0o600)
  const child = spawn(binary(place.binaries, 'postgres'), ['-D', cluster, ...options], {
    ...place.user,
    cwd: place.home,
    detached: true,
    windowsHide: true,
    stdio: ['ignore', output, output],
    env: SERVER_ENV
  })
  closeSync(output)
  await once(child, 'spawn')
  child.unref()
  return child.pid!
}

/** The server an earlier run left on this cluster, once it takes connections; undefined when there is none (any more). */
async function takeOver(server: Server): Promise<Running | undefined> {
  const lines = pidFile(server.cluster)
  const pid = Number(lines[0])
  const address = addressIn(lines)
  if (!address || !isPostmaster(pid, server.cluster)) return undefined
  const running = { pid, address }
  return (await answers(server, running)) ? running : undefined
}

/** True once the server takes connections, false when it is gone; a server that is starting or stopping is waited for. */
async function answers(server: Server, { pid, address }: Running): Promise<boolean> {
  let giveUpAt = Date.now() + ANSWERS_WITHIN_MS
  for (let pauseMs = 10; isRunning(pid); pauseMs = Math.min(2 * pauseMs, 500)) {
    const client = new pg.Client({
      ...connectionTo(server, address, 'postgres'),
      connectionTimeoutMillis: 5_000
    })
    client.on('error', () => {})
    try {
      await client.connect()
      return true
    } catch (error) {
      const { code, message } = error as { code?: string; message: string }
      // 57P03: there, but still recovering or already shutting down.
      if (code === '57P03') giveUpAt = Date.now() + ANSWERS_WITHIN_MS
      else if (Date.now() > giveUpAt) {
        throw new AppError(
          'internal',
          `Postgres (process ${pid}) does not answer: ${message}\n${tailOf(server)}`,
          { cause: error }
        )
      }
    } finally {
      await client.end().catch(() => {})
    }
    await delay(pauseMs)
  }
  return false
}

async function stop({ place, cluster }: Server, pid: number): Promise<void> {
  if (!isRunning(pid)) return
  if (process.platform === 'win32') {
    await once(spawn(binary(place.binaries, 'pg_ctl'), ['stop', '-D', cluster, '-m', 'fast', '-w']), 'exit')
    return
  }
  // SIGINT is the fast shutdown; SIGQUIT leaves the rest to recovery at the next start.
  for (const [signal, waitMs] of [
    ['SIGINT', 60_000],
    ['SIGQUIT', 10_000]
  ] as const) {
    process.kill(pid, signal)
    const until = Date.now() + waitMs
    while (Date.now() < until) {
      if (!isRunning(pid)) return
      await delay(10)
    }
  }
}

/** A pid that was recycled by another program would make Postgres refuse to start. */
function clearStalePid(cluster: string): void {
  const pid = Number(pidFile(cluster)[0])
  if (pid && !isPostmaster(pid, cluster)) rmSync(join(cluster, 'postmaster.pid'), { force: true })
}

const isPostmaster = (pid: number, cluster: string): boolean =>
  pid > 0 && isRunning(pid) && wasStartedWith(pid, cluster)

function pidFile(cluster: string): string[] {
  try {
    return readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')
  } catch {
    return []
  }
}

function ensureLogs({ logs, place }: Server): string {
  return statSync(logs, { throwIfNoEntry: false }) ? logs : ownedFolder(logs, place.user)
}

function tailOf({ place, logs }: Server): string {
  const named = (folder: string) => {
    try {
      return readdirSync(folder)
        .filter(name => name.endsWith('.log'))
        .map(name => join(folder, name))
    } catch {
      return []
    }
  }
  return [...named(place.home), ...named(logs)]
    .sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
    .slice(-2)
    .map(path => readFileSync(path, 'utf8').trim().split('\n').slice(-15).join('\n'))
    .join('\n')
}

const connectionTo = (server: Server, address: Address, database: string): pg.PoolConfig => ({
  host: address.host,
  port: address.port,
  user: SUPERUSER,
  password: server.password,
  database
})

const urlOf = ({ host, port, user, password, database }: pg.PoolConfig): string =>
  `postgres://${user}:${password as string}@/${database}?host=${encodeURIComponent(host!)}&port=${port}`

async function ensureDatabase(connection: pg.PoolConfig): Promise<void> {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    const found = await client.query('select 1 from pg_database where datname = $1', [DATABASE])
    if (found.rowCount === 0) await client.query(`create database ${DATABASE}`)
  } finally {
    await client.end()
  }
}
