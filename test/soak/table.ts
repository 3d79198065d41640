import { minutes } from '#model/time'
import { findings, leastOldSpace, type Minute, type Sample } from './findings.ts'

const HEADS = [
  'minute',
  'RSS MB',
  'old space MB',
  'files',
  'rules behind',
  'store behind',
  'p99 PUBACK ms',
  'journal MB'
]

/** The most of a minute; of the old space the least. */
export function cellsOf(minute: Minute, startedMs: number): string[] {
  const { samples, p99Ms } = minute
  const most = (key: keyof Sample) => Math.max(...samples.map(sample => sample[key]))
  const end = samples.at(-1)
  if (!end) return HEADS.map(() => '–')
  return [
    ((end.atMs - startedMs) / minutes(1)).toFixed(1),
    most('rssMb').toFixed(0),
    (leastOldSpace(samples)[0]?.mb ?? NaN).toFixed(0),
    String(most('files')),
    String(most('stateBehind')),
    String(most('storeBehind')),
    p99Ms?.toFixed(1) ?? '–',
    most('journalMb').toFixed(0)
  ]
}

/** The same in one line, while it runs. */
export const progress = (minute: Minute, startedMs: number): string =>
  cellsOf(minute, startedMs)
    .map((cell, i) => `${HEADS[i]} ${cell}`)
    .join(', ')

/** A line for each minute, what was found over all, and the verdict. */
export function table(
  all: Minute[],
  { rate, together, bins, store }: { rate: number; together: number; bins: number; store: string }
): { text: string; passed: boolean } {
  const samples = all.flatMap(minute => minute.samples)
  const [first, last] = [samples[0], samples.at(-1)]
  if (!first || !last) return { text: 'Nothing was measured.', passed: true }
  const lines = [HEADS, ...all.filter(one => one.samples.length > 0).map(one => cellsOf(one, first.atMs))]
  const widths = HEADS.map((_, i) => Math.max(...lines.map(line => line[i]!.length)))
  const found = findings(all, { rate })
  const passed = found.every(({ ok }) => ok !== false)
  const told = found.some(({ ok }) => ok === undefined)
  const words = { true: 'ok     ', false: 'FAILED ', undefined: '–      ' }
  const acknowledged = all.reduce((sum, minute) => sum + minute.acknowledged, 0)
  const text = [
    ...lines.map(line => line.map((cell, i) => cell.padStart(widths[i]!)).join('  ')),
    '',
    `${bins} devices, ${rate} messages a second, ${together} of a device together, ${store} keeps telemetry; ${acknowledged} acknowledged in whole minutes.`,
    `The most of each minute, of the old space the least. RSS ${first.rssMb.toFixed(0)} MB at the start, ${last.rssMb.toFixed(0)} MB at the end.`,
    '',
    ...found.map(({ what, ok }) => `${words[String(ok) as keyof typeof words]}${what}`),
    '',
    `Verdict: ${passed ? (told ? 'nothing wrong, but too short to tell of everything' : 'passed') : 'FAILED'}.`
  ].join('\n')
  return { text, passed }
}
