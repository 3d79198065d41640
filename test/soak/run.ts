import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { minutes as minutesOf, seconds, type Millis } from '#model/time'
import { binsCsv } from '#test/bench/city'
import { secondProcess, secretsFile, type Load } from '#test/bench/load'
import { startProgram, type Program } from '#test/bench/program'
import { conditions } from '#test/bench/report'
import { dataFolder } from '#test/fixtures/crash-process'
import { startInflux, type InfluxFixture } from '#test/fixtures/influx-server'
import type { Minute, Sample } from './findings.ts'
import { progress, table } from './table.ts'

const HELP = `npm run soak -- [--minutes 60] [--rate 5000] [--together 1] [--bins 1000] [--store postgres|influx]

Runs the real program on new data in a temporary folder under an even load from a second process, looks at what must
not grow, says so each minute, and ends with a table and a verdict. All devices connect anew each minute, which takes
a second or two of it. Ctrl-C ends everything, takes the data away and prints what it has.

  --minutes  how long; default 60
  --rate     messages of three readings a second; default 5000
  --together a device sends so many of them at once, as the bench does at full speed; default 1
  --bins     devices, each with a connection; default 1000
  --store    who keeps telemetry; influx runs a real influxd

Ends with 1 if something grew, fell behind or was slow.`

const SAMPLE_MS = seconds(1)
/** The first so many seconds of a minute count for nothing in its p99: everybody connects. */
const WARMUP_SECONDS = 3
const SHORTEST_SECONDS = 5
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    rate: { type: 'string', default: '5000' },
    together: { type: 'string', default: '1' },
    bins: { type: 'string', default: '1000' },
    store: { type: 'string', default: 'postgres' },
    help: { type: 'boolean', default: false }
  }
})
if (values.help) {
  console.log(HELP)
  process.exit(0)
}
const { store } = values
const [minutes, rate, bins] = [Number(values.minutes), Number(values.rate), Number(values.bins)]
const together = Number(values.together)
if (!(minutes > 0 && rate > 0 && bins > 0 && together > 0 && /^(postgres|influx)$/.test(store))) {
  console.error(
    `${HELP}\n\nminutes, rate, together and bins are numbers above 0, the store is postgres or influx.`
  )
  process.exit(1)
}

const all: Minute[] = []
const stopping = new AbortController()
let code = 0
// Ctrl-C reaches the program and the generator too: what fails after it is no failure.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping.signal.aborted) return
    code = EXIT_CODES[signal]
    console.error('\nStopping: ending what runs, taking its data away …')
    stopping.abort()
  })
}

console.log(conditions().join('\n'))
const folder = dataFolder()
let influx: InfluxFixture | undefined
let program: Program | undefined
let generator: ReturnType<typeof secondProcess> | undefined
try {
  influx = store === 'influx' ? await startInflux() : undefined
  program = await startProgram({ dir: folder.dataDir, influx })
  await soak(program)
} catch (error) {
  if (!stopping.signal.aborted) {
    console.error(error)
    code = 1
  }
} finally {
  generator?.kill()
  await program?.stop()
  await influx?.close()
  folder.remove()
}
const { text, passed } = table(all, { rate, together, bins, store })
console.log(`\n${text}`)
process.exit(code || Number(!passed))

async function soak(program: Program): Promise<void> {
  const secrets = await secretsFile(program, await program.import(binsCsv({ bins })))
  const startedMs = performance.now()
  const endsMs = startedMs + minutesOf(minutes)
  while (!stopping.signal.aborted) {
    const leftMs = Math.min(endsMs - performance.now(), minutesOf(1))
    if (leftMs < seconds(SHORTEST_SECONDS)) return
    const minute: Minute = { samples: [], p99Ms: undefined, acknowledged: 0 }
    all.push(minute)
    await loaded({ program, secrets, minute, forMs: leftMs })
    if (!stopping.signal.aborted) console.log(progress(minute, startedMs))
  }
}

/** One run of the generator, watched until it is over. */
async function loaded(options: {
  program: Program
  secrets: string
  minute: Minute
  forMs: Millis
}): Promise<void> {
  const { program, secrets, minute, forMs } = options
  generator = secondProcess('generator.ts', {
    port: program.mqttPort,
    clients: bins,
    'secrets-file': secrets,
    rate,
    together,
    seconds: Math.max(1, Math.round(forMs / 1000) - WARMUP_SECONDS),
    warmup: rate * WARMUP_SECONDS
  })
  const running = generator.answer.then(answer => {
    const { p99Ms, acked } = answer as Load
    minute.p99Ms = p99Ms
    minute.acknowledged = acked
    return 'over' as const
  })
  running.catch(() => {})
  while (!stopping.signal.aborted) {
    minute.samples.push(await sampleOf(program))
    const slept = sleep(SAMPLE_MS, undefined, { signal: stopping.signal }).catch(() => {})
    if ((await Promise.race([running, slept])) === 'over') return
  }
}

async function sampleOf({ pid, httpUrl, headers, rssMb }: Program): Promise<Sample> {
  const answer = await fetch(`${httpUrl}/metrics`, { headers })
  const text = await answer.text()
  const read = (name: string) => {
    const line = text.split('\n').find(line => line.startsWith(`mingjie_${name} `))
    if (line === undefined) throw new Error(`/metrics answers ${answer.status} and does not tell ${name}`)
    return Number(line.split(' ').at(-1))
  }
  return {
    atMs: performance.now(),
    rssMb: rssMb(),
    oldSpaceMb: read('nodejs_heap_space_size_used_bytes{space="old"}') / 2 ** 20,
    files: readdirSync(`/proc/${pid}/fd`).length,
    stateBehind: read('state_behind_records'),
    storeBehind: read('store_behind_records'),
    journalMb: read('journal_bytes') / 2 ** 20
  }
}
