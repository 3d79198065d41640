import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { historyOf, historyText } from '#db/backup/history'
import { readManifest, refuseUsed, restoreBackup } from '#db/backup/load'
import { AppError } from '#model/errors'
import { readConfig, type Config } from '../config.ts'
import { RESTORING } from '../system.ts'
import { asOwner, command, openDatabase, openJournal, otherOwner } from './open-data.ts'

const HELP = `Puts a backup into an empty DATA_DIR and an empty database. Mingjie must not run there.

  npm run restore -- --from <file>

  --from <file>   what npm run backup wrote
  --force         DATA_DIR is not empty: move what is there into a folder in it
  --help

DATA_DIR, DATABASE_URL and INFLUX_URL are read as npm start reads them. A database of DATABASE_URL must be empty, always.
Readings that InfluxDB keeps are not in the backup: the end says whether the InfluxDB of INFLUX_URL has them.

Ends with 0 when all is restored, 1 when nothing is, 2 when it is restored and InfluxDB lacks readings or was not seen.`

const HISTORY_FAULT = 2

/** What may lie in an empty DATA_DIR: what a restore moved aside, backups made before migrations, what a home has. */
const MAY_STAY = /^(\..*|before-restore-.*|backups|lost\+found)$/

await command(async () => {
  const { values } = parseArgs({
    options: {
      from: { type: 'string' },
      force: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) return console.log(HELP)
  if (!values.from) throw new AppError('bad-request', 'Say what: npm run restore -- --from <file>')
  const file = resolve(values.from)
  if (!existsSync(file)) throw new AppError('not-found', `There is no ${file}.`)
  const config = readConfig(process.env)
  const owner = otherOwner(config.dataDir)
  if (owner !== undefined) {
    throw new AppError('forbidden', `${config.dataDir} is another user’s. ${asOwner(owner)}`)
  }
  // All that can be wrong with the file is found before anything is touched.
  const manifest = await readManifest(file)
  const { takenAt, version } = manifest
  console.log(`${file}: whole, taken ${takenAt} by Mingjie ${version}`)
  if (config.databaseUrl) {
    const database = await openDatabase(config)
    await refuseUsed(database.pool).finally(database.close)
  }
  await makeRoom(config, values.force)

  const { dataDir } = config
  const mark = join(dataDir, RESTORING)
  await writeFile(mark, `${file}\n`)
  const database = await openDatabase(config)
  try {
    await restoreBackup({ file, pool: database.pool, dataDir, onSection: name => console.log(`  … ${name}`) })
  } finally {
    await database.close()
  }
  await rm(mark)
  console.log(`Restored into ${dataDir}. Now start Mingjie.`)
  const told = historyText(await historyOf(manifest, config.influx), manifest)
  if (told) console[told.fault ? 'error' : 'log'](told.text)
  if (told?.fault) process.exitCode = HISTORY_FAULT
})

async function makeRoom(config: Config, force: boolean): Promise<void> {
  const { dataDir } = config
  await mkdir(dataDir, { recursive: true })
  const there = (await readdir(dataDir)).filter(name => !MAY_STAY.test(name))
  if (there.length === 0) return
  if (!force) {
    throw new AppError(
      'conflict',
      `${dataDir} is not empty: --force moves what is there aside, into a folder in it.`
    )
  }
  await refuseRunning(config)
  const stamp = new Date().toISOString().replace(/\W/g, '')
  const aside = join(dataDir, `before-restore-${stamp}`)
  await mkdir(aside, { mode: 0o711 })
  for (const name of there) await rename(join(dataDir, name), join(aside, name))
  // Started as root, Postgres may lie elsewhere: it moves too, or the next start would find it again.
  const note = join(aside, 'postgres-home.json')
  if (existsSync(note)) {
    const { home } = JSON.parse(readFileSync(note, 'utf8')) as { home: string }
    const moved = `${home}-before-restore-${stamp}`
    await rename(home, moved)
    await writeFile(note, `${JSON.stringify({ home: moved })}\n`)
  }
  console.log(`What was there is in ${aside} now.`)
}

async function refuseRunning(config: Config): Promise<void> {
  if (existsSync(join(config.dataDir, 'journal'))) {
    const journal = await openJournal(config)
    if (!journal) throw new AppError('already-running', `Mingjie runs on ${config.dataDir}: stop it first.`)
    await journal.close()
  }
  if (config.databaseUrl) return
  // A Postgres left behind by a kill must not run on in a folder that moves. One that cannot start does not run.
  await openDatabase(config).then(
    database => database.close(),
    (error: unknown) => {
      if (error instanceof AppError && error.code === 'already-running') throw error
    }
  )
}
