import { quantile } from '#test/bench/quantile'
import type { Millis } from '#model/time'
import { NAMES, PARTS } from './points.ts'
import type { CrashReport, Row } from './rounds.ts'

const HEADS = [
  'killed',
  'rounds',
  ...PARTS.map(part => NAMES[part]),
  'lost',
  'doubled',
  'differing',
  'recovery p50',
  'max'
]

/** One line a fault and one for all, then the run in a sentence. What was not judged has no figure. */
export function table(report: CrashReport): string {
  const { rows, rounds, store, seed, tookMs, judged, acknowledged, episodes, tickets, faults } = report
  const cellsOf = ({ fault, rounds, killed, lost, doubled, differing, recoveredMs }: Row): string[] => [
    fault,
    String(rounds),
    ...PARTS.map(part => String(killed[part])),
    ...[lost, doubled, differing].map(count => (judged ? String(count) : '–')),
    ...[0.5, 1].map(q => inSeconds(recoveredMs.length > 0 ? quantile(recoveredMs, q) : undefined))
  ]
  const lines = [HEADS, ...rows.map(cellsOf), cellsOf(totalOf(rows))]
  const widths = HEADS.map((_, column) => Math.max(...lines.map(line => line[column]!.length)))
  const text = lines.map(line =>
    line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')
  )
  const verdict = !judged
    ? 'stopped before the end: nothing was judged.'
    : `${acknowledged} messages acknowledged, ${episodes} episodes, ${tickets} tickets, ` +
      (faults.length === 0 ? 'no difference.' : `${faults.length} DIFFERENCES.`)
  return `\n${text.join('\n')}\n\n${rounds} rounds on ${store} in ${inSeconds(tookMs)}, seed ${seed}: ${verdict}`
}

function totalOf(rows: Row[]): Row {
  const sum = (of: (row: Row) => number) => rows.reduce((total, row) => total + of(row), 0)
  return {
    fault: 'all',
    rounds: sum(row => row.rounds),
    killed: {
      node: sum(row => row.killed.node),
      postgres: sum(row => row.killed.postgres),
      influx: sum(row => row.killed.influx)
    },
    lost: sum(row => row.lost),
    doubled: sum(row => row.doubled),
    differing: sum(row => row.differing),
    recoveredMs: rows.flatMap(row => row.recoveredMs)
  }
}

const inSeconds = (ms: Millis | undefined): string => (ms === undefined ? '–' : `${(ms / 1000).toFixed(1)} s`)
