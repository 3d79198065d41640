import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AppError } from '#model/errors'
import { stampOf } from './process-identity.ts'

/**
 * Takes a folder for this process until the returned function is called. Throws `already-running` naming the pid of
 * the process that has it. The lock of a process that is gone, also by kill -9 or a reboot, is taken over; its pid
 * may have gone to another process meanwhile, so the start time counts too.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'mingjie.lock')
  const mine = `${process.pid} ${stampOf(process.pid)}\n`
  const draft = `${path}.${process.pid}`
  try {
    writeFileSync(draft, mine, { mode: 0o644 })
  } catch (cause) {
    throw new AppError(
      'config-invalid',
      `cannot write to ${folder}: run Mingjie as the user who owns it, or set another DATA_DIR`,
      { cause }
    )
  }
  try {
    // A link appears whole or not at all: nobody can read a half-written lock.
    while (!link(draft, path)) removeStale(path, folder)
  } finally {
    rmSync(draft, { force: true })
  }
  return () => {
    if (content(path) === mine) rmSync(path, { force: true })
  }
}

function removeStale(path: string, folder: string): void {
  const seen = content(path)
  if (seen === undefined) return
  const pid = parseInt(seen, 10)
  if (seen === `${pid} ${stampOf(pid)}\n`) {
    throw new AppError(
      'already-running',
      `Mingjie already runs on ${folder} as process ${pid}; stop it first or set another DATA_DIR`
    )
  }
  // Two starts may both find it stale. Whoever moved away a fresh lock by mistake puts it back.
  const moved = `${path}.stale.${process.pid}`
  try {
    renameSync(path, moved)
  } catch {
    return
  }
  if (content(moved) !== seen) link(moved, path)
  rmSync(moved, { force: true })
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function content(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
