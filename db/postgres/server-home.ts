import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { dirname, join } from 'node:path'
import { AppError } from '#model/errors'
import type { Binaries } from './binaries.ts'

/** The account the server runs as when we are root, which Postgres refuses to run as. */
export interface ServerUser {
  uid: number
  gid: number
}

/** Where the server lives: `home` is ours, the folders in it that the server writes are its own user's. */
export interface ServerHome {
  home: string
  binaries: Binaries
  user?: ServerUser
}

const ROOT_HOME = '/var/lib/mingjie'

/**
 * Decides where cluster and binaries lie: `postgres` in the data folder and the installed package, unless we are root and
 * the unprivileged server could not reach them (a 0700 home above). Then they are under /var/lib/mingjie, and
 * `postgres-home.json` in the data folder says so, so that the next start finds the same cluster whatever the modes are then.
 */
export function serverHome(dataDir: string, installed: Binaries): ServerHome {
  mkdirSync(dataDir, { recursive: true, mode: 0o711 })
  const folder = realpathSync(dataDir)
  const note = join(folder, 'postgres-home.json')
  const noted = existsSync(note)
    ? (JSON.parse(readFileSync(note, 'utf8')) as { home: string }).home
    : undefined
  const inside = join(folder, 'postgres')
  if (process.getuid?.() !== 0) return { home: made(noted ?? inside), binaries: installed }

  const user = unprivilegedUser()
  const binaries = canRead(user, installed.root) ? installed : copied(installed)
  if (noted === undefined && canEnter(user, folder)) return { home: made(inside), binaries, user }
  const home = noted ?? join(ROOT_HOME, createHash('sha256').update(folder).digest('hex').slice(0, 12))
  made(home)
  if (noted === undefined) writeFileSync(note, JSON.stringify({ home }) + '\n')
  return { home, binaries, user }
}

/** Whom the server runs as when we are root. Throws `config-invalid` when there is nobody. */
export function unprivilegedUser(): ServerUser {
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag: string) =>
        Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }))
      return { uid: id('-u'), gid: id('-g') }
    } catch {
      continue
    }
  }
  throw new AppError(
    'config-invalid',
    'Postgres does not run as root and there is no user postgres or nobody: create one, start Mingjie as another user, or set DATABASE_URL'
  )
}

function made(home: string): string {
  mkdirSync(home, { recursive: true, mode: 0o711 })
  return home
}

/** One copy per version, placed by a rename so that an interrupted copy is never used. */
function copied(installed: Binaries): Binaries {
  const root = join(ROOT_HOME, `binaries-${installed.version}`)
  if (!existsSync(root)) {
    const draft = `${made(ROOT_HOME)}/copying-${process.pid}`
    rmSync(draft, { recursive: true, force: true })
    cpSync(installed.root, draft, { recursive: true, verbatimSymlinks: true })
    openForAll(draft)
    try {
      renameSync(draft, root)
    } catch (error) {
      rmSync(draft, { recursive: true, force: true })
      if (!existsSync(root)) throw error
    }
  }
  return { ...installed, root }
}

function openForAll(folder: string): void {
  chmodSync(folder, 0o755)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) openForAll(path)
    else if (entry.isFile()) chmodSync(path, statSync(path).mode & 0o100 ? 0o755 : 0o644)
  }
}

const canRead = (user: ServerUser, root: string): boolean =>
  [join(root, 'bin', 'postgres'), join(root, 'share', 'postgresql', 'postgres.bki'), join(root, 'lib')].every(
    path => allows(user, path, 4) && canEnter(user, dirname(path))
  )

export function canEnter(user: ServerUser, folder: string): boolean {
  return allows(user, folder, 1) && (dirname(folder) === folder || canEnter(user, dirname(folder)))
}

function allows({ uid, gid }: ServerUser, path: string, bit: 1 | 4): boolean {
  const { mode, uid: owner, gid: group } = statSync(path)
  const shift = owner === uid ? 6 : group === gid ? 3 : 0
  return ((mode >> shift) & bit) !== 0
}
