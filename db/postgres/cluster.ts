import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { AppError } from '#model/errors'
import { binary } from './binaries.ts'
import type { ServerHome, ServerUser } from './server-home.ts'

export const SUPERUSER = 'mingjie'

/** What the server and initdb see of our environment: no secrets, no `PG…` that would change what they do. */
export const SERVER_ENV: NodeJS.ProcessEnv = {
  ...Object.fromEntries(
    ['PATH', 'SystemRoot', 'TEMP', 'TMP'].flatMap(name =>
      process.env[name] ? [[name, process.env[name]]] : []
    )
  ),
  LC_ALL: 'C',
  TZ: 'UTC'
}

/**
 * Makes the cluster on the first start and answers with its superuser's password. It is made beside and renamed, so an
 * interrupted first start leaves nothing that looks finished. Only that one account exists and only with its password.
 */
export async function ensureCluster(place: ServerHome): Promise<{ cluster: string; password: string }> {
  const cluster = join(place.home, 'cluster')
  const secret = join(place.home, 'password')
  if (existsSync(cluster)) return { cluster, password: readFileSync(secret, 'utf8') }

  const password = randomBytes(24).toString('base64url')
  rmSync(secret, { force: true })
  writeFileSync(secret, password, { mode: 0o600, flush: true })
  const draft = ownedFolder(join(place.home, 'cluster.new'), place.user)
  const passwordFolder = ownedFolder(join(place.home, 'initdb'), place.user)
  const passwordFile = join(passwordFolder, 'password')
  writeFileSync(passwordFile, password, { mode: 0o600, flag: 'wx' })
  if (place.user) chownSync(passwordFile, place.user.uid, place.user.gid)
  const options = [
    `--pgdata=${draft}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // Sorted the same on every machine, whatever locales it has.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8'
  ]
  try {
    await promisify(execFile)(binary(place.binaries, 'initdb'), options, {
      ...place.user,
      cwd: place.home,
      env: SERVER_ENV,
      timeout: 300_000
    })
  } catch (cause) {
    const { stderr, message } = cause as Error & { stderr?: string }
    throw new AppError('internal', `Postgres could not set up ${place.home}: ${stderr?.trim() || message}`, {
      cause
    })
  } finally {
    rmSync(passwordFolder, { recursive: true, force: true })
  }
  renameSync(draft, cluster)
  return { cluster, password }
}

/** A new, empty folder that only the server's user may enter. */
export function ownedFolder(path: string, user: ServerUser | undefined): string {
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path, { mode: 0o700 })
  if (user) chownSync(path, user.uid, user.gid)
  return path
}
