import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { fileURLToPath } from 'node:url'
import { figure, FIGURE_IDS, reached, type FigureId, type Finding, type Measured } from './figures.ts'

const PAGE = fileURLToPath(new URL('../../docs/performance.md', import.meta.url))
const BEGIN = '<!-- bench: written by npm run bench -- --write -->'
const END = '<!-- bench: end -->'

/** What the figures are worth nothing without. */
export function conditions(): string[] {
  const git = (...words: string[]) => execFileSync('git', words, { encoding: 'utf8' }).trim()
  const changed = git('status', '--porcelain', '--', '*.ts', '*.svelte').length > 0 ? ' with changes' : ''
  const [cpu] = cpus()
  return [
    `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC, commit ${git('rev-parse', '--short', 'HEAD')}${changed}`,
    `${cpus().length} × ${cpu?.model.trim() || 'unnamed CPU'}, ${Math.round(totalmem() / 2 ** 30)} GB, ${type()} ${release()}, Node ${process.version}, embedded Postgres`,
    `load average before the run ${loadavg()[0]?.toFixed(1)}`
  ]
}

/** Three digits are as many as a run like this knows. */
function shown(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2
  return value.toFixed(digits).replace(/\B(?=(\d{3})+$)/g, ' ')
}

function budgetOf(id: FigureId): string {
  const { atLeast, atMost, aim } = figure(id)
  if (atLeast !== undefined) return `≥ ${shownWhole(atLeast)}${aim ? `, aim ${shownWhole(aim)}` : ''}`
  return atMost === undefined ? '' : `≤ ${shownWhole(atMost)}`
}
const shownWhole = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ' ')

function verdict(id: FigureId, value: number): string {
  const ok = reached(id, value)
  return ok === undefined ? '' : ok ? 'reached' : 'MISSED'
}

const rowsOf = (measured: Measured) =>
  FIGURE_IDS.flatMap(id => {
    const value = measured[id]
    return value === undefined ? [] : [{ id, value, ...figure(id) }]
  })

/** One line a figure, for the terminal. */
export const plain = (measured: Measured): string =>
  rowsOf(measured)
    .map(({ id, value, what, unit }) => {
      const budget = budgetOf(id)
      return `  ${what}: ${shown(value)} ${unit}${budget && `   (${budget}: ${verdict(id, value)})`}`
    })
    .join('\n')

export function markdown({ conditions, measured, notes = [] }: Finding & { conditions: string[] }): string {
  const rows = rowsOf(measured).map(
    ({ id, value, what, unit }) =>
      `| ${what} | ${shown(value)} ${unit} | ${budgetOf(id)} | ${verdict(id, value)} |`
  )
  return [
    conditions.join('; ') + '.',
    ['| what | measured | budget | |', '| --- | ---: | ---: | --- |', ...rows].join('\n'),
    ...notes
  ].join('\n\n')
}

/** Between the two markers of docs/performance.md. */
export function writeIntoDocs(text: string): void {
  const page = readFileSync(PAGE, 'utf8')
  const from = page.indexOf(BEGIN)
  const to = page.indexOf(END)
  if (from < 0 || to < from) throw new Error(`docs/performance.md lacks the markers ${BEGIN} and ${END}`)
  writeFileSync(PAGE, `${page.slice(0, from + BEGIN.length)}\n\n${text}\n\n${page.slice(to)}`)
}
