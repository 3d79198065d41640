import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Finding } from './figures.ts'

const DAY = fileURLToPath(new URL('day.ts', import.meta.url))

/** 7. What deciding costs by itself, in a city as large as is promised. */
export async function cityDay(): Promise<Finding> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', DAY], {
    maxBuffer: 1_000_000
  })
  const day = JSON.parse(stdout) as Record<
    | 'messages'
    | 'readings'
    | 'usPerMessage'
    | 'slowestMinuteMs'
    | 'opened'
    | 'transitions'
    | 'rssMB'
    | 'checkpointMB',
    number
  >
  const { messages, readings, opened, transitions, checkpointMB } = day
  const millions = (n: number) => (n / 1e6).toFixed(1)
  return {
    measured: {
      dayCost: day.usPerMessage,
      dayTime: (messages * day.usPerMessage) / 1e6,
      daySlowest: day.slowestMinuteMs,
      dayRss: day.rssMB
    },
    notes: [
      `A day of 100 000 facilities: ${millions(messages)} million messages with ${millions(readings)} million readings opened ${opened} tickets ` +
        `with ${transitions} entries in their histories; the checkpoint at its end has ${checkpointMB.toFixed(0)} MB before it is packed.`
    ]
  }
}
