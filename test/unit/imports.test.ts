import { posix } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { projectFiles, textOf } from './project-files.ts'

/** Which folders the code of a folder may import from, besides its own. What is not listed here may import all. */
const MAY_IMPORT = {
  model: [],
  db: ['model'],
  broker: ['model', 'db'],
  ingest: ['model', 'db'],
  'dashboard/server': ['model', 'db', 'ingest'],
  'dashboard/src': ['model'],
  'firmware-sim': ['model']
} as const satisfies Record<string, readonly string[]>

/** Folders that may import only these packages, and nothing of Node's. */
const ONLY_PACKAGES: Partial<Record<Folder, readonly string[]>> = { model: ['typebox'] }

type Folder = keyof typeof MAY_IMPORT
const FOLDERS = Object.keys(MAY_IMPORT) as Folder[]

/** What is wrong with this import in this file, or undefined. */
function broken(file: string, specifier: string): string | undefined {
  const from = folderOf(file)
  if (!from) return undefined
  const target = pathOf(file, specifier)
  if (target === undefined) {
    const only = ONLY_PACKAGES[from]
    if (!only || only.includes(packageOf(specifier))) return undefined
    return `${file} imports '${specifier}': ${from} may use no package but ${only.join(', ')}`
  }
  const allowed: readonly string[] = MAY_IMPORT[from]
  const to = folderOf(target)
  if (to === from || (to && allowed.includes(to))) return undefined
  // A folder's own surroundings, like dashboard/svelte.config.js, and settings such as package.json are no layer.
  if (!to && target.endsWith('.json')) return undefined
  return `${file} imports '${specifier}': ${from} may import ${allowed.join(', ') || 'nothing of ours'}`
}

const folderOf = (path: string) => FOLDERS.find(folder => path.startsWith(`${folder}/`))

const packageOf = (specifier: string) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

/** The path from the root that an import of our own names; undefined for a package. */
function pathOf(file: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(file), specifier)
  if (specifier === '$lib' || specifier.startsWith('$lib/')) return `dashboard/src/lib/${specifier.slice(5)}`
  if (!specifier.startsWith('#')) return undefined
  const [alias, ...rest] = specifier.split('/')
  const folder = ALIASES[`${alias}/*`]
  return folder === undefined ? `unknown alias ${alias}` : posix.join(folder, ...rest)
}

const { imports } = JSON.parse(textOf('package.json')) as { imports: Record<string, string> }
const ALIASES = Object.fromEntries(
  Object.entries(imports).map(([alias, target]) => [alias, posix.normalize(posix.dirname(target))])
)

function importsOf(path: string): string[] {
  const text = textOf(path)
  const scripts = path.endsWith('.svelte')
    ? [...text.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map(match => match[1] ?? '')
    : [text]
  return scripts.flatMap(code =>
    ts.preProcessFile(code, true, true).importedFiles.map(found => found.fileName)
  )
}

describe('imports', () => {
  it('go one way: model ← db ← broker, db ← ingest ← dashboard/server, model ← dashboard/src and firmware-sim', () => {
    const faults = projectFiles()
      .filter(path => folderOf(path) && /\.(ts|js|svelte)$/.test(path))
      .flatMap(path => importsOf(path).map(specifier => broken(path, specifier)))
      .filter(fault => fault !== undefined)
    expect(faults).toEqual([])
  })

  it.each([
    ['db/journal.ts', '#model/time'],
    ['ingest/rules/step.ts', '../../db/journal.ts'],
    ['ingest/rules/step.ts', './due.ts'],
    ['model/api.ts', 'typebox/value'],
    ['dashboard/server/app.ts', '#ingest/live'],
    ['dashboard/src/routes/+page.svelte', '$lib/live.svelte'],
    ['main.ts', '#broker/broker'],
    ['test/e2e/city.test.ts', '#sim/city']
  ])('let %s import %s', (file, specifier) => {
    expect(broken(file, specifier)).toBeUndefined()
  })

  it.each([
    ['model/time.ts', 'node:fs', 'model may use no package but typebox'],
    ['model/time.ts', 'luxon', 'model may use no package but typebox'],
    ['model/time.ts', '#db/journal', 'model may import nothing of ours'],
    ['broker/gate.ts', '#ingest/decode', 'broker may import model, db'],
    ['broker/gate.ts', '../ingest/decode.ts', 'broker may import model, db'],
    ['firmware-sim/city.ts', '#db/journal', 'firmware-sim may import model'],
    ['dashboard/src/lib/live.ts', '../../server/app.ts', 'dashboard/src may import model'],
    ['ingest/decode.ts', '../main.ts', 'ingest may import model, db'],
    ['db/journal.ts', '#nowhere/x', 'db may import model']
  ])('never let %s import %s', (file, specifier, rule) => {
    expect(broken(file, specifier)).toBe(`${file} imports '${specifier}': ${rule}`)
  })
})
