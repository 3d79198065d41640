import { describe, expect, it } from 'vitest'
import type { TelemetryRow } from '#db/telemetry/store'
import type { FoundEpisode } from '#ingest/backtest/backtest'
import { differences, figuresOf, within } from '#ingest/backtest/comparison'
import { backtestJobs } from '#ingest/backtest/jobs'
import { pastRows } from '#ingest/backtest/past-rows'
import { DEFAULT_RULES } from '#model/default-rules'
import { days, hours, minutes, type Millis } from '#model/time'

const RANGE = { from: 0, to: hours(10) }
/** In minutes. */
const episode = (subject: string, from: number, to: number | null, ticket = 't'): FoundEpisode => ({
  subject,
  startedAt: minutes(from),
  firedAt: minutes(from),
  endedAt: to === null ? null : minutes(to),
  ticket
})

describe('the figures of a back-test', () => {
  it('count time within the range only, tickets once, and an episode soon after the last as a flap', () => {
    const found = within(
      [
        episode('b', 30, 60),
        episode('a', -60, 30),
        episode('b', 119, 130),
        episode('b', 190, null),
        episode('c', -9, 0)
      ],
      RANGE
    )
    expect(figuresOf(found, RANGE)).toEqual({
      episodes: 4,
      tickets: 1,
      minutes: 30 + 30 + 11 + 410,
      flaps: 1
    })
  })

  it('compare by subject and overlap', () => {
    const draft = [episode('a', 0, 30), episode('b', 5, 40), episode('b', 100, 110), episode('c', 0, null)]
    const present = [
      episode('a', 0, 30),
      episode('b', 10, 40),
      episode('c', 5, 9),
      episode('c', 20, 30),
      episode('d', 1, 2)
    ]
    expect(
      differences(draft, present).map(({ subject, what, from, to }) => [
        subject,
        what,
        from / 60_000,
        to && to / 60_000
      ])
    ).toEqual([
      ['c', 'other-times', 0, null],
      ['d', 'only-present', 1, 2],
      ['b', 'other-times', 5, 40],
      ['c', 'only-present', 20, 30],
      ['b', 'only-draft', 100, 110]
    ])
  })
})

describe('stored readings, read again', () => {
  const row = (seq: number, measured: number, received: number): TelemetryRow => ({
    device: 'd',
    metric: 'fillPct',
    measuredAt: minutes(measured),
    receivedAt: minutes(received),
    seq,
    value: seq,
    quality: 'good'
  })
  async function readAgain(rows: TelemetryRow[], most = Infinity) {
    const asked: Millis[] = []
    const telemetry = {
      async rows({ from, to, receivedFrom }: { from: Millis; to: Millis; receivedFrom: Millis }) {
        asked.push(to - from)
        const found = rows.filter(
          one => one.measuredAt >= from && one.measuredAt < to && one.receivedAt >= receivedFrom
        )
        return { rows: found.slice(0, most), whole: found.length <= most }
      }
    }
    const seqs: number[] = []
    for await (const { records, until } of pastRows({
      telemetry,
      metrics: ['fillPct'],
      from: 0,
      to: hours(9)
    })) {
      for (const record of records) {
        seqs.push(...record.map(({ seq }) => seq))
        expect(record.every(({ receivedAt }) => receivedAt < until)).toBe(true)
      }
    }
    return { seqs, asked }
  }

  it('come in the order of the journal, what was long on its way in its turn', async () => {
    const late = row(7, 1, 400)
    const rows = [late, row(8, 401, 401), row(2, 5, 5), row(1, -30, 2), row(9, 500, 600)]
    // The first was measured before the range; the last was received after it.
    expect((await readAgain(rows)).seqs).toEqual([1, 2, 7, 8])
  })

  it('are asked for in shorter stretches where there are many', async () => {
    const rows = Array.from({ length: 300 }, (_, i) => row(i + 1, i / 10, i / 10))
    const { seqs, asked } = await readAgain(rows, 50)
    expect(seqs).toEqual(rows.map(({ seq }) => seq))
    expect(Math.min(...asked)).toBeLessThan(minutes(6))
  })
})

it('readings are looked for while those before them go through the rules', async () => {
  const asked: Millis[] = []
  const stream = pastRows({
    telemetry: {
      rows({ to }) {
        asked.push(to)
        return Promise.resolve({ rows: [], whole: true })
      }
    },
    metrics: ['fillPct'],
    from: 0,
    to: days(30)
  })
  const first = await stream.next()
  expect(first.done).toBe(false)
  expect(asked.at(-1)).toBeGreaterThan((first.value as { until: Millis }).until)
  expect(asked.at(-2)).toBe((first.value as { until: Millis }).until)
})

describe('back-tests that wait', () => {
  const [rule] = DEFAULT_RULES as [(typeof DEFAULT_RULES)[0]]
  const request = { draft: rule, present: rule, others: [], from: 0, to: 1 }

  it('run one after the other, the cancelled one not at all, and the newest 20 are kept', async () => {
    const running: (() => void)[] = []
    const errors: unknown[] = []
    const jobs = backtestJobs({
      run: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          running.push(() => reject(new Error('broken')))
          signal.addEventListener('abort', () => reject(new Error('aborted')))
        }),
      onError: error => errors.push(error)
    })
    const turn = () => new Promise(resolve => setImmediate(resolve))
    const asked = [1, 2, 3].map(at => jobs.ask(request, 'mei', at))
    expect(asked.map(({ state }) => state)).toEqual(['running', 'waiting', 'waiting'])
    jobs.cancel(asked[1]?.id as string)
    running[0]?.()
    await turn()
    expect(asked.map(({ state }) => state)).toEqual(['failed', 'cancelled', 'running'])
    expect(errors).toHaveLength(1)
    for (let i = 0; i < 5; i++) jobs.ask(request, 'mei', i)
    expect(() => jobs.ask(request, 'mei', 9)).toThrow('Others wait')
    await jobs.close()
    expect(asked[2]?.state).toBe('cancelled')
    for (let i = 0; i < 30; i++) jobs.cancel(jobs.ask(request, 'mei', i).id)
    expect(jobs.get(asked[0]?.id as string)).toBeUndefined()
    await jobs.close()
  })
})
