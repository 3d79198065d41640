import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { Readable } from 'node:stream'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ATTACHMENTS, fileAttachments } from '#db/attachments'
import { writeBackup } from '#db/backup/file'
import { packed } from '#db/backup/format'
import { databaseOn } from '#db/database'
import { leveldbJournal } from '#db/journal-leveldb'
import { migrateDatabase } from '#db/migrate'
import type { Episode, TicketSummary } from '#model/api'
import type { AttachmentItem } from '#model/attachment-shapes'
import { minutes, systemClock, type Millis } from '#model/time'
import { cityCsv } from '#test/fixtures/city-csv'
import { postgresProcesses } from '#test/fixtures/crash-process'
import { freshDatabase } from '#test/fixtures/database'
import { form, phonePhoto } from '#test/fixtures/photos'
import { ADMIN, startTestSystem, type Answer, type TestSystem } from '#test/fixtures/system'
import { until } from '#test/fixtures/until'
import { readConfig } from '../../config.ts'

interface List<T> {
  items: T[]
}
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'mingjie-backup-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const passwordFile = join(folder, 'password')
writeFileSync(passwordFile, `${ADMIN.password}\n`)

/** `npm run backup` or `restore` as a process of its own; what it said, when it is done. */
function run(script: 'backup' | 'restore', words: string[], env: Record<string, string> = {}) {
  return new Promise<{ code: number; said: string }>(resolve => {
    const child = execFile(
      process.execPath,
      ['--import', 'tsx', join('scripts', `${script}.ts`), ...words],
      { cwd: ROOT, env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env } },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, said: stdout + stderr })
    )
  })
}
async function done(running: ReturnType<typeof run>): Promise<string> {
  const { code, said } = await running
  if (code !== 0) throw new Error(said)
  return said
}

async function facts(city: TestSystem) {
  const { items: tickets } = await city.get<List<TicketSummary>>('/api/tickets?status=all')
  const { items: episodes } = await city.get<List<Episode>>('/api/facilities/bin-1/episodes')
  return { tickets, episodes }
}
const readings = async (city: TestSystem, facility: string, from: Millis) =>
  (
    await city.get<List<{ at: string; value: number }>>(
      `/api/facilities/${facility}/telemetry?metric=tempC&limit=5000&from=${new Date(from).toISOString()}`
    )
  ).items.map(({ value }) => value)

describe('a backup of a running system', () => {
  const base = Date.now() - minutes(60)
  const file = join(folder, 'running.mjb')
  let city: TestSystem
  let url: string
  let before: Awaited<ReturnType<typeof facts>>
  let acknowledged: number[]
  let photo: Answer<AttachmentItem>

  beforeAll(async () => {
    city = await startTestSystem()
    await city.importCsv(cityCsv([{ id: 'bin-1' }, { id: 'bin-2' }, { id: 'bin-3' }]))
    const [one, two, three] = [
      await city.device('bin-1-s'),
      await city.device('bin-2-s'),
      await city.device('bin-3-s')
    ]
    await one.publish({ tempC: 80 }, base)
    await one.publish({ fillPct: 95 }, base + minutes(1))
    // Held for a minute of the ten when the backup is taken.
    await three.publish({ fillPct: 95 }, base)
    await three.publish({ fillPct: 95 }, base + minutes(1))
    await city.settled()
    before = await facts(city)
    const { headers, payload } = form(await phonePhoto())
    photo = await city.api('/api/attachments', { method: 'POST', headers, body: new Uint8Array(payload) })

    acknowledged = []
    let stop = false
    const traffic = (async () => {
      for (let n = 1; !stop; n++) {
        await two.publish({ tempC: n / 100 }, base + n * 100)
        acknowledged.push(n / 100)
      }
    })()
    await until('messages come in', () => acknowledged.length > 200)
    const began = [...acknowledged]
    url = city.system.httpUrl
    await done(run('backup', ['--out', file, '--url', url, '--password-file', passwordFile]))
    stop = true
    await traffic
    acknowledged = began
  })
  afterAll(async () => {
    await city.close()
    expect(city.fatal).toEqual([])
  })

  it('is for an admin only, for its owner only on disk, and replaces no other file', async () => {
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder).filter(name => name.endsWith('.part'))).toEqual([])
    const again = await run('backup', ['--out', file, '--url', url, '--password-file', passwordFile])
    expect(again).toMatchObject({ code: 1 })
    expect(again.said).toContain('there already')
    writeFileSync(join(folder, 'wrong'), 'another one')
    const words = ['--out', join(folder, 'none.mjb'), '--url', url, '--password-file', join(folder, 'wrong')]
    expect((await run('backup', words)).said).toContain('refused')
    expect(existsSync(join(folder, 'none.mjb'))).toBe(false)
    expect(readFileSync(file).includes(ADMIN.password)).toBe(false)
  })

  it('goes on elsewhere: the same tickets and episodes, every reading acknowledged before, and holds that run', async () => {
    const database = await freshDatabase()
    const dataDir = join(folder, 'elsewhere')
    await done(run('restore', ['--from', file], { DATA_DIR: dataDir, DATABASE_URL: database.url }))
    const restored = await startTestSystem({ dataDir, databaseUrl: database.url })
    for (const [device, secret] of city.secrets) restored.secrets.set(device, secret)
    await restored.settled()
    const fire = (all: Awaited<ReturnType<typeof facts>>) => ({
      tickets: all.tickets.map(({ id, rule, facility, state, openedAt }) => ({
        id,
        rule,
        facility,
        state,
        openedAt
      })),
      episodes: all.episodes
    })
    expect(before.tickets.map(({ rule }) => rule)).toEqual(['bin-fire'])
    expect(fire(await facts(restored))).toEqual(fire(before))
    const picture = await fileAttachments({
      db: databaseOn(database.pool),
      dir: join(dataDir, ATTACHMENTS),
      clock: systemClock
    })
    const { item, bytes } = await picture.open(photo.body.id)
    expect(item).toEqual(photo.body)
    const digest = createHash('sha256')
      .update(Buffer.concat((await bytes.toArray()) as Buffer[]))
      .digest('hex')
    expect(digest).toBe(photo.body.id)
    await picture.close()

    const kept = await readings(restored, 'bin-2', base)
    expect(kept.slice(0, acknowledged.length)).toEqual(acknowledged)
    expect(new Set(kept).size).toBe(kept.length)

    const three = await restored.device('bin-3-s')
    await three.publish({ fillPct: 95 }, base + minutes(11))
    const full = await until('the hold ends in a ticket', async () =>
      (await facts(restored)).tickets.find(
        ({ rule, facility }) => rule === 'bin-full' && facility === 'bin-3'
      )
    )
    const { items } = await restored.get<List<Episode>>('/api/facilities/bin-3/episodes')
    expect(items.map(({ startedAt }) => Date.parse(startedAt) - base)).toEqual([0])
    expect(full.state).toBe('new')
    await restored.importCsv(cityCsv([{ id: 'bin-4' }]))
    await (await restored.device('bin-4-s')).publish({ tempC: 20 })
    await restored.restart()
    await restored.settled()
    expect(restored.fatal).toEqual([])
    await restored.close()
    await database.drop()
  })

  it('is refused when it is damaged, cut short, of a newer version, or its place is taken', async () => {
    const database = await freshDatabase()
    const env = { DATA_DIR: join(folder, 'empty'), DATABASE_URL: database.url }
    const bytes = readFileSync(file)
    writeFileSync(join(folder, 'short.mjb'), bytes.subarray(0, bytes.length - 100))
    const flipped = Buffer.from(bytes)
    flipped[bytes.length >> 1]! ^= 1
    writeFileSync(join(folder, 'flipped.mjb'), flipped)
    writeFileSync(
      join(folder, 'other.mjb'),
      'something else entirely, and long enough to hold a digest and more'
    )
    const manifest = {
      takenAt: '',
      version: '9.0.0',
      migration: Date.parse('2100-01-01'),
      telemetryDays: null,
      journal: { head: 0, confirmed: { store: 0, state: 0 } },
      settings: {}
    }
    const newer = packed(Readable.from([{ header: { manifest }, chunks: [] }]))
    await writeBackup({ file: join(folder, 'newer.mjb'), bytes: newer })
    for (const [name, words] of [
      ['short', 'damaged'],
      ['flipped', 'damaged'],
      ['other', 'no backup'],
      ['newer', 'newer Mingjie (9.0.0)']
    ] as const) {
      const { code, said } = await run('restore', ['--from', join(folder, `${name}.mjb`)], env)
      expect([name, code]).toEqual([name, 1])
      expect(said).toContain(words)
    }
    expect(existsSync(env.DATA_DIR)).toBe(false)

    const taken = join(folder, 'taken')
    mkdirSync(taken)
    writeFileSync(join(taken, 'demo.json'), 'precious')
    const refused = await run('restore', ['--from', file], { ...env, DATA_DIR: taken })
    expect(refused.said).toContain('not empty')
    await done(run('restore', ['--from', file, '--force'], { ...env, DATA_DIR: taken }))
    const aside = readdirSync(taken).find(name => name.startsWith('before-restore-')) as string
    expect(readFileSync(join(taken, aside, 'demo.json'), 'utf8')).toBe('precious')

    const full = await run('restore', ['--from', file], { ...env, DATA_DIR: join(folder, 'second') })
    expect(full.said).toContain('database is not empty')
    await database.drop()
  })
})

describe('a backup of a system that does not run', () => {
  it('needs no password, and starts again with its own Postgres', async () => {
    const database = await freshDatabase()
    const city = await startTestSystem({ databaseUrl: database.url })
    await city.importCsv(cityCsv([{ id: 'bin-1' }]))
    await (await city.device('bin-1-s')).publish({ tempC: 80 })
    await city.settled()
    const before = await facts(city)
    const env = { DATA_DIR: city.dataDir, DATABASE_URL: database.url }
    const file = join(folder, 'stopped.mjb')
    expect((await run('backup', ['--out', file], env)).said).toContain('--password-file')
    await city.stop()
    expect(await done(run('backup', ['--out', file], env))).toContain('checked')
    await city.restart()
    expect((await facts(city)).tickets.map(({ id }) => id)).toEqual(before.tickets.map(({ id }) => id))

    const own = { DATA_DIR: mkdtempSync(join(tmpdir(), 'mingjie-own-')) }
    chmodSync(own.DATA_DIR, 0o755)
    await done(run('restore', ['--from', file], own))
    const copy = join(folder, 'copy.mjb')
    await done(run('backup', ['--out', copy], own))
    await done(run('restore', ['--from', copy, '--force'], own))
    expect(postgresProcesses(own.DATA_DIR)).toEqual([])
    rmSync(own.DATA_DIR, { recursive: true, force: true })
    await city.close()
    await database.drop()
  }, 300_000)

  it('is not taken of nothing', async () => {
    const { code, said } = await run('backup', ['--out', join(folder, 'x')], { DATA_DIR: join(folder, 'no') })
    expect(code).toBe(1)
    expect(said).toContain('no data')
    expect(existsSync(join(folder, 'no'))).toBe(false)
  })
})

describe('a folder of backups, as a timer makes them', () => {
  it('keeps the newest by --keep, touches nothing else, says nothing, and ends with a code that tells', async () => {
    const city = await startTestSystem()
    await city.importCsv(cityCsv([{ id: 'bin-1' }]))
    const dir = join(folder, 'nightly')
    mkdirSync(dir)
    const old = [
      'mingjie-20200101T020000Z.mjb',
      'mingjie-20200102T020000Z.mjb',
      'mingjie-20200103T020000Z.mjb'
    ]
    const others = ['mingjie-20200101.mjb', 'notes.txt', 'mingjie-20200101T020000Z.mjb.bak']
    for (const name of [...old, ...others]) writeFileSync(join(dir, name), 'x')
    const tokenFile = join(folder, 'token')
    writeFileSync(tokenFile, `${await city.system.people.createToken('admin', 'bearer')}\n`)
    const words = ['--dir', dir, '--keep', '2', '--quiet', '--url', city.system.httpUrl]

    expect(await run('backup', [...words, '--token-file', tokenFile])).toEqual({ code: 0, said: '' })
    const made = readdirSync(dir).filter(name => ![...old, ...others].includes(name))
    expect(made).toEqual([expect.stringMatching(/^mingjie-\d{8}T\d{6}Z\.mjb$/)])
    expect(readdirSync(dir).sort()).toEqual([...others, old[2], made[0]].sort())

    writeFileSync(tokenFile, 'of nobody')
    const refused = await run('backup', [...words, '--token-file', tokenFile])
    expect(refused).toMatchObject({ code: 1, said: expect.stringContaining('refused') })
    expect(readdirSync(dir)).toHaveLength(others.length + 2)

    // What looks like an old backup and cannot be deleted as a file: the new one is there all the same.
    mkdirSync(join(dir, old[0] as string))
    await sleep(1000)
    const untidy = await run('backup', [...words, '--password-file', passwordFile])
    expect(untidy).toMatchObject({ code: 2, said: expect.stringContaining('could not be deleted') })
    expect(readdirSync(dir).filter(name => name > (made[0] as string))).toContainEqual(
      expect.stringMatching(/^mingjie-\d{8}T\d{6}Z\.mjb$/)
    )
    const wrong = await run('backup', ['--out', join(folder, 'y'), '--keep', '2'])
    expect(wrong).toMatchObject({ code: 1, said: expect.stringContaining('goes with --dir') })
    await city.close()
  })
})

describe('an upgrade', () => {
  const old = join(folder, 'old-migrations')

  beforeAll(() => {
    cpSync(join(ROOT, 'db/migrations'), old, { recursive: true })
    const journal = join(old, 'meta/_journal.json')
    const all = JSON.parse(readFileSync(journal, 'utf8')) as { entries: unknown[] }
    writeFileSync(journal, JSON.stringify({ ...all, entries: all.entries.slice(0, 1) }))
  })

  it('is preceded by a backup, which an older schema makes and a newer one takes in', async () => {
    const database = await freshDatabase()
    await migrateDatabase(database.pool, { folder: old })
    await database.pool.query(
      `insert into people (username, name, role, password_hash) values ('old', 'Old', 'admin', 'x')`
    )
    const city = await startTestSystem({ databaseUrl: database.url })
    const backups = join(city.dataDir, 'backups')
    expect(readdirSync(backups)).toEqual(['before-0001_registry_change.mjb'])
    await city.restart()
    expect(readdirSync(backups)).toHaveLength(1)

    const other = await freshDatabase()
    const dataDir = join(folder, 'upgraded')
    const file = join(backups, 'before-0001_registry_change.mjb')
    await done(run('restore', ['--from', file], { DATA_DIR: dataDir, DATABASE_URL: other.url }))
    const restored = await startTestSystem({ dataDir, databaseUrl: other.url })
    const { rows } = await other.pool.query('select username from people order by 1')
    expect(rows).toEqual([{ username: 'admin' }, { username: 'old' }])
    await restored.close()
    await city.close()
    await Promise.all([database.drop(), other.drop()])
  })

  it('goes without one where the operator said so', async () => {
    const database = await freshDatabase()
    await migrateDatabase(database.pool, { folder: old })
    const city = await startTestSystem({ databaseUrl: database.url, backupBeforeMigration: false })
    expect(existsSync(join(city.dataDir, 'backups'))).toBe(false)
    await city.close()
    await database.drop()
    expect(readConfig({}).backupBeforeMigration).toBe(true)
    expect(readConfig({ BACKUP_BEFORE_MIGRATION: 'off' }).backupBeforeMigration).toBe(false)
    expect(() => readConfig({ BACKUP_BEFORE_MIGRATION: 'no' })).toThrow('neither on nor off')
  })
})

describe('the journal while it is copied', () => {
  it('deletes nothing that is confirmed meanwhile, and afterwards does', async () => {
    const dir = join(folder, 'kept')
    const journal = await leveldbJournal({ dir, clock: systemClock })
    const append = () => journal.append({ kind: 'tick', deviceId: '', payload: Buffer.from('1') })
    for (let n = 0; n < 5; n++) await append()
    const letGo = journal.keep()
    for (const consumer of ['store', 'state'] as const) await journal.confirm(consumer, 4)
    await journal.close()
    const again = await leveldbJournal({ dir, clock: systemClock })
    expect(await firstOf(again)).toBe(1)
    letGo()
    for (const consumer of ['store', 'state'] as const) await again.confirm(consumer, 4)
    await again.close()
    const trimmed = await leveldbJournal({ dir, clock: systemClock })
    expect(await firstOf(trimmed)).toBe(5)
    await trimmed.close()
  })
})

async function firstOf(journal: Awaited<ReturnType<typeof leveldbJournal>>): Promise<number | undefined> {
  const { signal } = new AbortController()
  for await (const [record] of journal.read(0, { maxBytes: 1000, signal })) return record?.seq
  return undefined
}
