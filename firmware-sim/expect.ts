import { rename, writeFile } from 'node:fs/promises'
import { hours, minutes, seconds, type Millis } from '#model/time'
import { UsageError } from './api.ts'
import { hardDays } from './hard-days.ts'
import { NO_ORDERS, ordersFor, plannedStop } from './orders.ts'
import { reportStream } from './reports.ts'
import { RULE_IDS } from './truth/domain.ts'
import { foreseenOf, type Expectation, type Played } from './truth/expectation.ts'
import { expectationFile } from './truth/file.ts'
import type { City } from './city.ts'

/** What a step of `npm run truth` takes; and live, where a report is sent when it is due, a busy moment. */
const STEP_MS = minutes(2)
const LIVE_STEP_MS = seconds(20)

/**
 * The hard days of a city, and what must follow from them. `thought`: with a stop of the program and an office that announces work and
 * changes rules, neither of which can be played live.
 */
export function plannedDays(options: { city: City; from: Millis; hoursLong: number; thought: boolean }): {
  played: Played
  expectation: Expectation
} {
  const { city, from, hoursLong, thought } = options
  const to = from + hours(hoursLong)
  const stepMs = thought ? STEP_MS : LIVE_STEP_MS
  const hard = hardDays({ city, from, to, rules: new Set(RULE_IDS) })
  const more = thought ? ordersFor({ city, from, to, faults: hard }) : { orders: NO_ORDERS, faults: [] }
  const faults = [...hard, ...more.faults].sort((a, b) => a.from - b.from)
  const outages = thought ? plannedStop(from, to, stepMs) : []
  const live = !thought && { liveLateMs: LIVE_STEP_MS }
  const played: Played = { city, faults, from, to, stepMs, ...live, outages, orders: more.orders }
  return { played, expectation: foreseenOf(played) }
}

/** Never half written. Rejects with a `UsageError` where it cannot be. */
export async function writeExpectation(
  file: string,
  what: Parameters<typeof expectationFile>[0]
): Promise<void> {
  try {
    await writeFile(`${file}.new`, `${JSON.stringify(expectationFile(what), null, 2)}\n`)
    await rename(`${file}.new`, file)
  } catch (cause) {
    throw new UsageError(`${file} cannot be written: ${(cause as Error).message}`, { cause })
  }
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
