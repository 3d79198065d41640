import type { Millis } from '#model/time'
import { median, precision, recall, total, type RuleScore, type Tally } from './score.ts'

const HEADINGS = [
  'rule',
  'expected',
  'found',
  'false',
  'precision',
  'recall',
  'delay p50',
  'delay max',
  'ends',
  'claims'
]

const duration = (ms: Millis | undefined): string =>
  ms === undefined ? '' : ms < 60_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`
const row = (one: RuleScore): string[] => [
  one.rule,
  String(one.expected),
  String(one.found),
  String(one.falseTickets),
  precision(one).toFixed(3),
  recall(one).toFixed(3),
  duration(median(one.delays)),
  duration(one.delays.length > 0 ? Math.max(...one.delays) : undefined),
  tally(one.ends),
  tally(one.claims)
]

const tally = ({ right, wrong }: Tally): string => (right + wrong === 0 ? '' : `${right}/${wrong}`)

function table(rows: readonly string[][]): string[] {
  const widths = HEADINGS.map((_, i) => Math.max(...rows.map(cells => (cells[i] as string).length)))
  return rows.map(cells =>
    cells
      .map((text, i) => (i === 0 ? text.padEnd(widths[i] as number) : text.padStart(widths[i] as number)))
      .join('  ')
  )
}

/** How each rule did, a line for each, and all of them together in the last. */
export const scoreCard = (rules: readonly RuleScore[]): string[] =>
  table([HEADINGS, ...rules.map(row), row(total(rules))])
