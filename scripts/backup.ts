import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { backup } from '#db/backup/dump'
import { refuseExisting, writeBackup } from '#db/backup/file'
import type { Problem } from '#model/api'
import { AppError } from '#model/errors'
import { seconds } from '#model/time'
import { openSettings, readConfig, type Config } from '../config.ts'
import { urlHost, VERSION } from '../system.ts'
import { command, megabytes, openDatabase, openJournal } from './open-data.ts'

const HELP = `Writes everything a new start elsewhere needs into one file, while Mingjie runs or not.

  npm run backup -- --out <file>

  --out <file>            where to; it is whole when it bears this name
  --force                 replace a file of that name
  --url <url>             where Mingjie runs              (from HTTP_HOST and HTTP_PORT)
  --username <name>       who asks it, an admin           (admin)
  --password-file <file>  that account's password         (ADMIN_PASSWORD or ADMIN_PASSWORD_FILE)
  --help

DATA_DIR, DATABASE_URL and the others are read as npm start reads them. A running Mingjie is asked over HTTP, with the
password; one that does not run needs none. The file holds password hashes: keep it as you keep the database.`

const PROGRESS_MS = seconds(5)

await command(async () => {
  const { values } = parseArgs({
    options: {
      out: { type: 'string' },
      force: { type: 'boolean', default: false },
      url: { type: 'string' },
      username: { type: 'string', default: 'admin' },
      'password-file': { type: 'string' },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) return console.log(HELP)
  if (!values.out) throw new AppError('bad-request', 'Say where to: npm run backup -- --out <file>')
  const file = resolve(values.out)
  refuseExisting(file, values.force)
  const config = readConfig(process.env)

  let toldAt = performance.now()
  const write = async (bytes: AsyncIterable<Uint8Array>): Promise<void> => {
    const size = await writeBackup({
      file,
      bytes,
      replace: values.force,
      onProgress(size) {
        if (performance.now() - toldAt < PROGRESS_MS) return
        toldAt = performance.now()
        console.log(`  … ${megabytes(size)}`)
      }
    })
    console.log(`${file}: ${megabytes(size)}, checked`)
  }

  const journal = values.url ? undefined : await openJournal(config)
  if (journal) {
    const database = await openDatabase(config)
    try {
      const { pool } = database
      const { dataDir } = config
      await write(backup({ pool, journal, dataDir, version: VERSION, settings: openSettings(config) }))
    } finally {
      await database.close()
      await journal.close()
    }
  } else {
    const url = values.url ?? urlOf(config)
    const password = values['password-file']
      ? (await readFile(values['password-file'], 'utf8')).trim()
      : config.adminPassword
    if (!password) {
      throw new AppError('bad-request', 'Mingjie runs: give the password of an admin by --password-file.')
    }
    await fromServer({ url, username: values.username, password, write })
  }
})

function urlOf({ http, tls }: Config): string {
  return `http${tls ? 's' : ''}://${urlHost(http.host)}:${http.port}`
}

async function fromServer(options: {
  url: string
  username: string
  password: string
  write: (bytes: AsyncIterable<Uint8Array>) => Promise<void>
}): Promise<void> {
  const { url, username, password, write } = options
  const { origin } = new URL(url)
  const session = await ask(url, '/api/session', {
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
    const { body } = await ask(url, '/api/backup', { method: 'POST', headers })
    if (!body) throw new AppError('internal', `${url} answered nothing.`)
    await write(body as AsyncIterable<Uint8Array>)
  } finally {
    await ask(url, '/api/session', { method: 'DELETE', headers }).catch(() => {})
  }
}

async function ask(url: string, path: string, init: RequestInit): Promise<Response> {
  const answer = await fetch(new URL(path, url), init).catch((cause: unknown) => {
    const why = (cause as { cause?: { message?: string } }).cause?.message ?? String(cause)
    throw new AppError('internal', `${url} does not answer: ${why}. Name another by --url.`, { cause })
  })
  if (answer.ok) return answer
  const problem = (await answer.json().catch(() => undefined)) as Problem | undefined
  throw new AppError('forbidden', `${url}${path} was refused: ${problem?.detail ?? answer.statusText}`)
}
