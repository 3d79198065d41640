import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export const textOf = (path: string): string => readFileSync(ROOT + path, 'utf8')

/** What .gitignore leaves out, read here because a copy of the project need not be a git repository. */
const IGNORED = ['.git/', ...textOf('.gitignore').split('\n')].filter(line => line !== '')

function isIgnored(path: string): boolean {
  return IGNORED.some(line => {
    if (line.startsWith('*')) return path.endsWith(line.slice(1))
    return path === line || path.endsWith(`/${line}`)
  })
}

/** The project's own files, as paths from its root with `/`. */
export function projectFiles(folder = ''): string[] {
  return readdirSync(ROOT + folder, { withFileTypes: true }).flatMap(entry => {
    const path = folder + entry.name + (entry.isDirectory() ? '/' : '')
    if (isIgnored(path)) return []
    return entry.isDirectory() ? projectFiles(path) : [path]
  })
}
