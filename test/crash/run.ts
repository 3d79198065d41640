import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import type { Store } from './points.ts'
import { crashRounds } from './rounds.ts'
import { table } from './table.ts'

const HELP = `npm run crash -- [--rounds 200] [--seed n] [--store postgres|influx] [--json]

Runs the real program on new data in a temporary folder under load and kills it again and again: Node, Postgres and
InfluxDB, alone and together, at moments of chance, and Node at named points between a write and what must follow it.
Then holds every acknowledged reading, every episode and every ticket against what must be there.

  --rounds   how many kills; default 200, about 5 s each. 0 kills nothing: what is different then is no matter of kills
  --seed     plays the same plan again; which instruction it hits stays chance
  --store    who keeps telemetry; influx runs a real influxd
  --json     the report as JSON instead of a table

Ends with 1 if anything is lost, doubled or different. Ctrl-C ends everything, takes the data away and prints the
table so far.`

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

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
  rounds >= 0 &&
  Number.isInteger(seed) &&
  /^(postgres|influx)$/.test(store)
)) {
  console.error(
    `${HELP}\n\nI cannot do that: rounds and seed are whole numbers, the store is postgres or influx.`
  )
  process.exit(1)
}

const stopping = new AbortController()
let code = 0
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping.signal.aborted) return
    code = EXIT_CODES[signal]
    console.error('\nStopping: ending what runs, taking its data away …')
    stopping.abort()
  })
}

console.error(`seed ${seed}`)
try {
  const say = (line: string) => {
    if (!stopping.signal.aborted) console.error(line)
  }
  const report = await crashRounds({ rounds, seed, store, say, signal: stopping.signal })
  console.log(values.json ? JSON.stringify(report, null, 2) : table(report))
  for (const fault of report.faults.slice(0, 50)) console.error(fault)
  if (report.faults.length > 0) code = 1
} catch (error) {
  console.error(error)
  code = 1
}
// Of a run that was stopped, timers of the round may be left.
process.exit(code)
