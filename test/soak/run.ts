import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { seconds as secondsOf } from '#model/time'
import { binsCsv } from '#test/bench/city'
import { loadOn } from '#test/bench/load'
import { startProgram, type Program } from '#test/bench/program'
import { conditions } from '#test/bench/report'
import { table, type Sample, type Window } from './table.ts'

const HELP = `npm run soak -- [--minutes 60] [--rate 5000] [--bins 1000]

Runs the real program on new data in a temporary folder under an even load from a second process, and looks at what
must not grow. The generator connects anew every five minutes. Ctrl-C ends it and prints what it has.

  --minutes   how long; default 60
  --rate      messages of three readings a second; default 5000
  --bins      devices, each with a connection; default 1000`

const WINDOW_MINUTES = 5
const SAMPLE_MS = secondsOf(1)
/** The first so many seconds of a window count for nothing in its p99: everybody connects. */
const WARMUP_SECONDS = 3

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    rate: { type: 'string', default: '5000' },
    bins: { type: 'string', default: '1000' },
    help: { type: 'boolean', default: false }
  }
})
if (values.help) {
  console.log(HELP)
  process.exit(0)
}
const [minutes, rate, bins] = [Number(values.minutes), Number(values.rate), Number(values.bins)]
if (!(minutes > 0 && rate > 0 && bins > 0)) {
  console.error(`${HELP}\n\nminutes, rate and bins are numbers above 0.`)
  process.exit(1)
}

const windows: Window[] = []
let stopping = false
// Ctrl-C reaches the program and the generator too: what fails after it is no failure.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => (stopping = true))

console.log(conditions().join('\n'))
const program = await startProgram()
try {
  const load = await loadOn(program, await program.import(binsCsv({ bins })))
  for (let left = minutes; left > 0 && !stopping; left -= WINDOW_MINUTES) {
    const seconds = Math.round(Math.min(left, WINDOW_MINUTES) * 60)
    const window: Window = { samples: [], p99Ms: undefined, sent: 0 }
    windows.push(window)
    const run = load.run({ rate, seconds, warmup: rate * WARMUP_SECONDS })
    const running = run.then(({ p99Ms, acked }) => {
      window.p99Ms = p99Ms
      window.sent = acked
      return 'over' as const
    })
    running.catch(() => {})
    while (!stopping) {
      const taken = await sampleOf(program)
      window.samples.push(taken)
      if ((await Promise.race([running, sleep(SAMPLE_MS)])) === 'over') break
    }
    console.log(`${Number((minutes - left + seconds / 60).toFixed(1))} of ${minutes} minutes …`)
  }
} catch (error) {
  if (!stopping) {
    console.error(error)
    process.exitCode = 1
  }
} finally {
  console.log(`\n${table(windows, { rate, bins })}`)
  await program.remove()
}
process.exit()

async function sampleOf({ pid, rssMb, standing }: Program): Promise<Sample> {
  const { head, state, store, journalBytes } = await standing()
  return {
    atMs: performance.now(),
    rssMb: rssMb(),
    files: readdirSync(`/proc/${pid}/fd`).length,
    stateBehind: head - state,
    storeBehind: head - store,
    journalMb: journalBytes / 2 ** 20
  }
}
