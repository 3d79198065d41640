import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * A text that no other process shares, not even one that gets the same pid later or after a reboot;
 * undefined when the process is not running (a zombie is not). On Windows only the pid speaks.
 */
export function stampOf(pid: number): string | undefined {
  if (!answersSignals(pid)) return undefined
  if (process.platform === 'win32') return 'running'
  if (process.platform !== 'linux') return ps(pid, 'lstart')
  const stat = read(`/proc/${pid}/stat`)
  // The second field is the program's name in parentheses and may hold spaces; state is the 3rd, start time the 22nd.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[19] === undefined) return undefined
  return `${read('/proc/sys/kernel/random/boot_id').trim()}:${fields[19]}`
}

export const isRunning = (pid: number): boolean => stampOf(pid) !== undefined

/** Whether this process was started with `text` among its arguments; unknown on Windows, where it answers true. */
export function wasStartedWith(pid: number, text: string): boolean {
  if (process.platform === 'win32') return true
  if (process.platform !== 'linux') return ps(pid, 'args')?.includes(text) ?? false
  return read(`/proc/${pid}/cmdline`).split('\0').includes(text)
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function ps(pid: number, column: string): string | undefined {
  try {
    return (
      execFileSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined
    )
  } catch {
    return undefined
  }
}
