import { existsSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { seconds as secondsOf } from '#model/time'
import { startInflux } from '#test/fixtures/influx-server'
import type { Finding, LineOptions } from './figures.ts'
import { cityDay } from './line-day.ts'
import { gateAlone } from './line-gate.ts'
import { largeCity } from './line-large.ts'
import { latencies } from './line-latency.ts'
import { firstLook } from './line-page.ts'
import { wholeRoad } from './line-road.ts'
import { stages } from './line-stages.ts'
import { conditions, markdown, plain, writeIntoDocs } from './report.ts'

/** `stores`: where it matters which store keeps telemetry, so it is measured with each. */
const LINES: Record<
  string,
  { title: string; stores?: boolean; run: (options: LineOptions) => Promise<Finding> }
> = {
  '1': { title: 'the gate alone at full speed', run: gateAlone },
  '2': { title: 'the whole road at full speed', stores: true, run: wholeRoad },
  '3': { title: 'latencies at 5 000 messages a second', stores: true, run: latencies },
  '4': { title: 'cost by stage, by profile', stores: true, run: stages },
  '5': { title: 'a city of 100 000 facilities, then 10 000 connections', stores: true, run: largeCity },
  '6': { title: 'the first load of the page and the first demo', run: firstLook },
  '7': { title: 'a day of 100 000 facilities through rules and tickets alone', run: cityDay }
}

const INFLUXD = '/usr/bin/influxd'

const HELP = `npm run bench -- [--only 2,3] [--store postgres] [--seconds 20] [--write] [--json file]

${Object.entries(LINES)
  .map(([no, { title }]) => `  ${no}  ${title}`)
  .join('\n')}

Each line runs the real program on new data in a temporary folder, the generator in a second process.
  --only      these lines only
  --store     postgres or influxdb only; default both, where ${INFLUXD} is there
  --seconds   how long each load lasts, about; default 20
  --write     puts the table into docs/performance.md, if every line came through
  --json      writes every figure to a file`

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    store: { type: 'string' },
    seconds: { type: 'string', default: '20' },
    write: { type: 'boolean', default: false },
    json: { type: 'string' },
    help: { type: 'boolean', default: false }
  }
})
if (values.help) {
  console.log(HELP)
  process.exit(0)
}
const chosen = values.only?.split(',') ?? Object.keys(LINES)
const unknown = chosen.filter(no => !LINES[no])
const seconds = Number(values.seconds)
if (unknown.length > 0 || !(seconds >= 1)) {
  console.error(`${HELP}\n\nThere is no line ${unknown.join(', ') || `of ${values.seconds} seconds`}.`)
  process.exit(1)
}

const stores = (['postgres', 'influxdb'] as const).filter(
  store => (!values.store || values.store === store) && (store === 'postgres' || existsSync(INFLUXD))
)
if (stores.length === 0) {
  console.error(`${HELP}\n\n--store is postgres, or influxdb where ${INFLUXD} is.`)
  process.exit(1)
}

const where = conditions()
console.log(where.join('\n'))
const found: Record<(typeof stores)[number], Finding & { notes: string[] }> = {
  postgres: { measured: {}, notes: [] },
  influxdb: { measured: {}, notes: [] }
}
let influxVersion: string | undefined
let failed = false
for (const no of chosen) {
  const line = LINES[no]!
  for (const store of line.stores ? stores : (['postgres'] as const)) await measure(no, line, store)
}
if (!existsSync(INFLUXD)) found.postgres.notes.push(`InfluxDB was left out: there is no ${INFLUXD}.`)
const { postgres, influxdb } = found
for (const { measured } of [postgres, influxdb]) {
  const { roadRate } = measured
  const { gateRate } = postgres.measured
  if (!gateRate || !roadRate) continue
  measured.roadToGate = (100 * roadRate) / gateRate
  console.log(`\n${plain({ roadToGate: measured.roadToGate })}`)
}
const influx = influxVersion === undefined ? undefined : { version: influxVersion, ...influxdb }
const all = { conditions: where, ...postgres, ...(influx && { influx }) }
if (values.json) writeFileSync(values.json, JSON.stringify(all, null, 2) + '\n')
if (values.write && !failed) writeIntoDocs(markdown(all))
process.exit(failed ? 1 : 0)

async function measure(no: string, { title, run }: (typeof LINES)[string], store: (typeof stores)[number]) {
  console.log(`\n${no}. ${title}${store === 'influxdb' ? ', with InfluxDB' : ''} …`)
  const began = performance.now()
  const influx = store === 'influxdb' ? await startInflux() : undefined
  try {
    if (influx) influxVersion = (await fetch(`${influx.url}/ping`)).headers.get('x-influxdb-version') ?? '?'
    const { measured, notes = [] } = await run({ seconds, influx })
    Object.assign(found[store].measured, measured)
    found[store].notes.push(...notes)
    console.log(plain(measured))
    for (const note of notes) console.log(`\n${note}`)
    console.log(`(${((performance.now() - began) / secondsOf(1)).toFixed(0)} s)`)
  } catch (error) {
    failed = true
    console.error(`line ${no} failed:`, error)
  } finally {
    await influx?.close()
  }
}
