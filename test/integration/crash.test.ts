import { randomInt } from 'node:crypto'
import { expect, it } from 'vitest'
import { crashRounds } from '#test/crash/rounds'

const ROUNDS = 20

it(`loses and doubles neither reading, episode nor ticket in ${ROUNDS} times kill -9 at every point`, async () => {
  const report = await crashRounds({ rounds: ROUNDS, seed: randomInt(1_000_000), store: 'postgres' })
  const recovered = report.rows.flatMap(({ recoveredMs }) => recoveredMs).sort((a, b) => a - b)
  const inSeconds = (ms = NaN) => `${(ms / 1000).toFixed(1)} s`
  console.log(
    `crash: ${ROUNDS} kills in ${inSeconds(report.tookMs)}, seed ${report.seed}, ` +
      `${report.acknowledged} messages acknowledged, ${report.episodes} episodes, ${report.tickets} tickets; ` +
      `recovered after ${inSeconds(recovered[recovered.length >> 1])} (median), ` +
      `${inSeconds(recovered.at(-1))} (longest)`
  )
  expect(report.faults).toEqual([])
  expect(report.judged).toBe(true)
  expect(report.rows.every(({ rounds }) => rounds > 0)).toBe(true)
  expect(report.acknowledged).toBeGreaterThan(0)
}, 900_000)
