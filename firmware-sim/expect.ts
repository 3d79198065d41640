import { rename, writeFile } from 'node:fs/promises'
import { hours, minutes, type Millis } from '#model/time'
import { hardDays } from './hard-days.ts'
import { NO_ORDERS, ordersFor } from './orders.ts'
import { reportStream } from './reports.ts'
import { RULE_IDS } from './truth/domain.ts'
import { foreseenOf, type Expectation, type Played } from './truth/expectation.ts'
import { expectationFile } from './truth/file.ts'
import type { City } from './city.ts'

/** What a step of `npm run truth` takes, and a live report at most. */
const STEP_MS = minutes(2)

/** The hard days of a city, and what must follow from them; with what an office does, if there is one to do it. */
export function plannedDays(options: { city: City; from: Millis; hoursLong: number; office: boolean }): {
  played: Played
  expectation: Expectation
} {
  const { city, from, hoursLong, office } = options
  const to = from + hours(hoursLong)
  const hard = hardDays({ city, from, to, rules: new Set(RULE_IDS) })
  const more = office ? ordersFor({ city, from, to, faults: hard }) : { orders: NO_ORDERS, faults: [] }
  const faults = [...hard, ...more.faults].sort((a, b) => a.from - b.from)
  const played: Played = { city, faults, from, to, stepMs: STEP_MS, orders: more.orders }
  return { played, expectation: foreseenOf(played) }
}

/** Never half written. Rejects with the system's own words where it cannot be. */
export async function writeExpectation(
  file: string,
  seed: number,
  days: ReturnType<typeof plannedDays>
): Promise<void> {
  const text = JSON.stringify(expectationFile({ seed, ...days }), null, 2)
  await writeFile(`${file}.new`, `${text}\n`)
  await rename(`${file}.new`, file)
}

/** Lets the devices of a city report without a network; says each quarter of the time how far it is. */
export function playAlone({ played, say }: { played: Played; say: (line: string) => void }): {
  messages: number
  readings: number
} {
  const { city, from, to, faults } = played
  const stream = reportStream({ city, from, faults })
  let messages = 0
  let readings = 0
  for (let quarter = 1; quarter <= 4; quarter++) {
    for (const { entries } of stream.until(from + ((to - from) * quarter) / 4)) {
      messages++
      for (const { values } of entries) readings += Object.keys(values).length
    }
    say(`  … ${quarter * 25} %, ${messages} messages`)
  }
  return { messages, readings }
}
