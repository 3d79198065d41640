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

/** With `influx` a second column: the lines where it matters which store keeps telemetry. */
export function markdown(
  found: Finding & { conditions: string[]; influx?: Finding & { version: string } }
): string {
  const { conditions, measured, influx } = found
  const rows = FIGURE_IDS.flatMap(id => {
    const values = influx ? [measured[id], influx.measured[id]] : [measured[id]]
    if (values.every(value => value === undefined)) return []
    const { what, unit } = figure(id)
    const cells = values.map(value => (value === undefined ? '' : `${shown(value)} ${unit}`))
    const verdicts = [...new Set(values.flatMap(value => (value === undefined ? [] : [verdict(id, value)])))]
    return [`| ${what} | ${cells.join(' | ')} | ${budgetOf(id)} | ${verdicts.join(', ')} |`]
  })
  const columns = influx ? ['Postgres', `InfluxDB ${influx.version}`] : ['measured']
  const notes = [
    ...(found.notes ?? []),
    ...(influx?.notes?.length ? [`With InfluxDB ${influx.version} as the store:`, ...influx.notes] : [])
  ]
  return [
    conditions.join('; ') + '.',
    [
      `| what | ${columns.join(' | ')} | budget | |`,
      `| --- | ${columns.map(() => '---: | ').join('')}---: | --- |`,
      ...rows
    ].join('\n'),
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
