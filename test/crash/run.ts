import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { quantile } from '#test/bench/quantile'
import type { Store } from './points.ts'
import { crashRounds, type CrashReport } from './rounds.ts'

const HELP = `npm run crash -- [--rounds 200] [--seed n] [--store postgres|influx] [--json]

Runs the real program on new data in a temporary folder under load and kills it again and again: Node, Postgres and
InfluxDB, alone and together, at moments of chance, and Node at named points between a write and what must follow it.
Then holds every acknowledged reading, every episode and every open ticket against what must be there.

  --rounds   how many kills; default 200, about 3 s each
  --seed     plays the same plan again; which instruction it hits stays chance
  --store    who keeps telemetry; influx runs a real influxd
  --json     the report as JSON instead of a table

Ends with 1 if anything is lost, doubled or different.`

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string' },
    store: { type: 'string', default: 'postgres' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false }
  }
})
if (values.help) {
  console.log(HELP)
  process.exit(0)
}
const rounds = Number(values.rounds)
const seed = values.seed === undefined ? randomInt(1_000_000) : Number(values.seed)
const store = values.store as Store
if (!(
  Number.isInteger(rounds) &&
  rounds > 0 &&
  Number.isInteger(seed) &&
  /^(postgres|influx)$/.test(store)
)) {
  console.error(
    `${HELP}\n\nI cannot do that: rounds and seed are whole numbers, the store is postgres or influx.`
  )
  process.exit(1)
}

console.error(`seed ${seed}`)
try {
  const report = await crashRounds({ rounds, seed, store, say: line => console.error(line) })
  console.log(values.json ? JSON.stringify(report, null, 2) : table(report))
  for (const fault of report.faults.slice(0, 50)) console.error(fault)
  process.exitCode = report.faults.length > 0 ? 1 : 0
} catch (error) {
  console.error(error)
  process.exitCode = 1
}

function table({
  rows,
  rounds,
  store,
  seed,
  tookMs,
  acknowledged,
  episodes,
  tickets,
  faults
}: CrashReport): string {
  const inSeconds = (ms: number | undefined) => (ms === undefined ? '–' : `${(ms / 1000).toFixed(1)} s`)
  const lines = rows.map(({ fault, rounds, lost, doubled, tickets, recoveredMs }) => {
    const recovery = [0.5, 1].map(q =>
      inSeconds(recoveredMs.length > 0 ? quantile(recoveredMs, q) : undefined)
    )
    return [fault, ...[rounds, lost, doubled, tickets].map(String), ...recovery]
  })
  const all = [['killed', 'rounds', 'lost', 'doubled', 'tickets differing', 'recovery p50', 'max'], ...lines]
  const widths = all[0]!.map((_, column) => Math.max(...all.map(line => line[column]!.length)))
  const text = all.map(line =>
    line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')
  )
  return (
    `\n${text.join('\n')}\n\n${rounds} rounds on ${store} in ${inSeconds(tookMs)}, seed ${seed}: ` +
    `${acknowledged} messages acknowledged, ${episodes} episodes, ${tickets} tickets, ` +
    (faults.length === 0 ? 'no difference.' : `${faults.length} DIFFERENCES.`)
  )
}
