import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { backup } from '#db/backup/dump'
import { refuseExisting, writeBackup } from '#db/backup/file'
import { backupName, keepNewest } from '#db/backup/rotation'
import type { Problem } from '#model/api'
import { AppError } from '#model/errors'
import { seconds, systemClock } from '#model/time'
import { openSettings, readConfig, type Config } from '../config.ts'
import { urlHost, VERSION } from '../system.ts'
import { asOwner, command, megabytes, openDatabase, openJournal, otherOwner } from './open-data.ts'
import { fetchOwnDoor } from './own-door.ts'

const HELP = `Writes everything a new start elsewhere needs into one file, while Mingjie runs or not.

  npm run backup -- --out <file>
  npm run backup -- --dir <folder> --keep 14

  --out <file>            where to; it is whole when it bears this name
  --force                 replace a file of that name
  --dir <folder>          instead: a file named by the time, mingjie-20261121T020000Z.mjb
  --keep <n>              then delete all such files but the newest n
  --quiet                 say nothing when all went well, as cron likes it
  --url <url>             where Mingjie runs              (from HTTP_HOST and HTTP_PORT)
  --token-file <file>     an API token of an admin
  --username <name>       or who asks it, an admin        (admin)
  --password-file <file>  and that account's password     (ADMIN_PASSWORD or ADMIN_PASSWORD_FILE)
  --help

DATA_DIR, DATABASE_URL and the others are read as npm start reads them. A running Mingjie is asked over HTTP, with the
token or the password; one that does not run needs none. The file holds password hashes: keep it as you keep the database.

Ends with 0 when the backup is written and checked, 1 when there is none, 2 when it is there and old ones could not be deleted.`

const PROGRESS_MS = seconds(5)
const NOT_TIDIED = 2

await command(async () => {
  const { values } = parseArgs({
    options: {
      out: { type: 'string' },
      force: { type: 'boolean', default: false },
      dir: { type: 'string' },
      keep: { type: 'string' },
      quiet: { type: 'boolean', default: false },
      url: { type: 'string' },
      'token-file': { type: 'string' },
      username: { type: 'string', default: 'admin' },
      'password-file': { type: 'string' },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) return console.log(HELP)
  const { dir, quiet } = values
  if (!values.out === !dir) {
    throw new AppError('bad-request', 'Say where to: npm run backup -- --out <file>, or --dir <folder>')
  }
  const keep = values.keep === undefined ? undefined : Number(values.keep)
  if (keep !== undefined && (!dir || !(Number.isInteger(keep) && keep > 0))) {
    throw new AppError('bad-request', '--keep is a whole number from 1 on, and goes with --dir.')
  }
  const file = resolve(dir ? join(dir, backupName(systemClock.now())) : (values.out as string))
  refuseExisting(file, values.force)
  const config = readConfig(process.env)

  let toldAt = performance.now()
  const write = async (bytes: AsyncIterable<Uint8Array>): Promise<void> => {
    const size = await writeBackup({
      file,
      bytes,
      replace: values.force,
      onProgress(size) {
        if (quiet || performance.now() - toldAt < PROGRESS_MS) return
        toldAt = performance.now()
        console.log(`  … ${megabytes(size)}`)
      }
    })
    if (!quiet) console.log(`${file}: ${megabytes(size)}, checked`)
  }

  const owner = otherOwner(config.dataDir)
  const journal = values.url || owner !== undefined ? undefined : await openJournal(config)
  if (journal) {
    const database = await openDatabase(config)
    try {
      const { pool } = database
      const { dataDir, influx } = config
      const settings = openSettings(config)
      await write(backup({ pool, journal, dataDir, version: VERSION, influx, settings }))
    } finally {
      await database.close()
      await journal.close()
    }
  } else {
    const url = values.url ?? urlOf(config)
    const via = !values.url && config.tls ? fetchOwnDoor(config.tls.certFile) : fetch
    const server: Server = { url, via, ...(owner !== undefined && { otherwise: asOwner(owner) }) }
    const token = await textIn(values['token-file'])
    if (token) await fromServer({ server, headers: { authorization: `Bearer ${token}` }, write })
    else {
      const password = (await textIn(values['password-file'])) ?? config.adminPassword
      if (!password) {
        throw new AppError(
          'bad-request',
          'Mingjie runs: give an API token of an admin by --token-file, or the password by --password-file.'
        )
      }
      await signedIn({ server, username: values.username, password }, headers =>
        fromServer({ server, headers, write })
      )
    }
  }
  if (!dir || keep === undefined) return
  // The new one is whole and there: what fails now has cost no backup.
  await keepNewest(dir, keep).then(
    deleted => void (!quiet && deleted.length > 0 && console.log(`deleted ${deleted.join(', ')}`)),
    (error: unknown) => {
      console.error(`The backup is there; old ones could not be deleted: ${(error as Error).message}`)
      process.exitCode = NOT_TIDIED
    }
  )
})

async function textIn(file: string | undefined): Promise<string | undefined> {
  return file === undefined ? undefined : (await readFile(file, 'utf8')).trim()
}

function urlOf({ http, tls }: Config): string {
  return `http${tls ? 's' : ''}://${urlHost(http.host)}:${http.port}`
}

interface Server {
  url: string
  via: (url: URL, init: RequestInit) => Promise<Response>
  /** What else to do when it does not answer. */
  otherwise?: string
}

async function fromServer(options: {
  server: Server
  headers: Record<string, string>
  write: (bytes: AsyncIterable<Uint8Array>) => Promise<void>
}): Promise<void> {
  const { server, headers, write } = options
  const { body } = await ask(server, '/api/backup', { method: 'POST', headers })
  if (!body) throw new AppError('internal', `${server.url} answered nothing.`)
  await write(body as AsyncIterable<Uint8Array>)
}

/** Does `work` with the headers of a session that ends with it. */
async function signedIn(
  { server, username, password }: { server: Server; username: string; password: string },
  work: (headers: Record<string, string>) => Promise<void>
): Promise<void> {
  const { origin } = new URL(server.url)
  const session = await ask(server, '/api/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin },
    body: JSON.stringify({ username, password })
  })
  const cookie = session.headers
    .getSetCookie()
    .map(one => one.split(';')[0])
    .join('; ')
  const headers = { cookie, origin }
  try {
    await work(headers)
  } finally {
    await ask(server, '/api/session', { method: 'DELETE', headers }).catch(() => {})
  }
}

async function ask({ url, via, otherwise }: Server, path: string, init: RequestInit): Promise<Response> {
  const answer = await via(new URL(path, url), init).catch((cause: unknown) => {
    const { message, cause: deeper } = cause as Error
    const why = (deeper as Error | undefined)?.message || message
    const instead = otherwise ?? 'Name another by --url.'
    throw new AppError('internal', `${url} does not answer: ${why}. ${instead}`, { cause })
  })
  if (answer.ok) return answer
  const problem = (await answer.json().catch(() => undefined)) as Problem | undefined
  throw new AppError('forbidden', `${url}${path} was refused: ${problem?.detail ?? answer.statusText}`)
}
