import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { seconds as secondsOf } from '#model/time'
import type { Finding } from './figures.ts'
import { gateAlone } from './line-gate.ts'
import { largeCity } from './line-large.ts'
import { latencies } from './line-latency.ts'
import { firstLook } from './line-page.ts'
import { wholeRoad } from './line-road.ts'
import { stages } from './line-stages.ts'
import { conditions, markdown, plain, writeIntoDocs } from './report.ts'

const LINES: Record<string, { title: string; run: (options: { seconds: number }) => Promise<Finding> }> = {
  '1': { title: 'the gate alone at full speed', run: gateAlone },
  '2': { title: 'the whole road at full speed', run: wholeRoad },
  '3': { title: 'latencies at 5 000 messages a second', run: latencies },
  '4': { title: 'cost by stage, by profile', run: stages },
  '5': { title: 'a city of 100 000 facilities, then 10 000 connections', run: largeCity },
  '6': { title: 'the first load of the page and the first demo', run: firstLook }
}

const HELP = `npm run bench -- [--only 2,3] [--seconds 20] [--write] [--json file]

${Object.entries(LINES)
  .map(([no, { title }]) => `  ${no}  ${title}`)
  .join('\n')}

Each line runs the real program on new data in a temporary folder, the generator in a second process.
  --only      these lines only
  --seconds   how long each load lasts, about; default 20
  --write     puts the table into docs/performance.md, if every line came through
  --json      writes every figure to a file`

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
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

const where = conditions()
console.log(where.join('\n'))
const found: Finding = { measured: {}, notes: [] }
let failed = false
for (const no of chosen) {
  const { title, run } = LINES[no]!
  console.log(`\n${no}. ${title} …`)
  const began = performance.now()
  try {
    const { measured, notes = [] } = await run({ seconds })
    Object.assign(found.measured, measured)
    found.notes?.push(...notes)
    console.log(plain(measured))
    for (const note of notes) console.log(`\n${note}`)
    console.log(`(${((performance.now() - began) / secondsOf(1)).toFixed(0)} s)`)
  } catch (error) {
    failed = true
    console.error(`line ${no} failed:`, error)
  }
}
const { gateRate, roadRate } = found.measured
if (gateRate && roadRate) {
  found.measured.roadToGate = (100 * roadRate) / gateRate
  console.log(`\n${plain({ roadToGate: found.measured.roadToGate })}`)
}
if (values.json) writeFileSync(values.json, JSON.stringify({ conditions: where, ...found }, null, 2) + '\n')
if (values.write && !failed) writeIntoDocs(markdown({ conditions: where, ...found }))
process.exit(failed ? 1 : 0)
