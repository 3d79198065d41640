import { hours } from '#model/time'

export interface Sample {
  atMs: number
  rssMb: number
  /** Open files and sockets of the Node process. */
  files: number
  /** Records not yet through the rules, and not yet stored. */
  stateBehind: number
  storeBehind: number
  journalMb: number
}

export interface Window {
  samples: Sample[]
  /** Undefined for one that was cut short. */
  p99Ms: number | undefined
  /** Acknowledged messages. */
  sent: number
}

/** One line a window, the worst of each, and over all the slope of what must not grow. */
export function table(windows: Window[], { rate, bins }: { rate: number; bins: number }): string {
  const samples = windows.flatMap(window => window.samples)
  const [first, last] = [samples[0], samples.at(-1)]
  if (!first || !last) return 'Nothing was measured.'
  const heads = ['minute', 'RSS MB', 'files', 'rules behind', 'store behind', 'p99 PUBACK ms', 'journal MB']
  const lines = windows.flatMap(({ samples, p99Ms }) => {
    const end = samples.at(-1)
    if (!end) return []
    const most = (key: keyof Sample) => Math.max(...samples.map(sample => sample[key]))
    return [
      [
        ((end.atMs - first.atMs) / 60_000).toFixed(1),
        most('rssMb').toFixed(0),
        String(most('files')),
        String(most('stateBehind')),
        String(most('storeBehind')),
        p99Ms?.toFixed(1) ?? '–',
        most('journalMb').toFixed(0)
      ]
    ]
  })
  const widths = heads.map((head, i) => Math.max(head.length, ...lines.map(line => line[i]!.length)))
  const text = [heads, ...lines].map(line => line.map((cell, i) => cell.padStart(widths[i]!)).join('  '))
  // The first minute loads code and fills caches: no slope of anything.
  const settled = samples.filter(({ atMs }) => atMs - first.atMs > 60_000)
  const slope = settled.length > 60 ? `${slopeOf(settled).toFixed(1)} MB an hour` : 'too short to tell'
  const sent = windows.reduce((sum, window) => sum + window.sent, 0)
  return [
    ...text,
    '',
    `${bins} devices, ${rate} messages a second; ${sent} acknowledged in whole windows. The most of each window.`,
    `RSS ${first.rssMb.toFixed(0)} MB at the start, ${last.rssMb.toFixed(0)} MB at the end; slope after the first minute: ${slope}.`
  ].join('\n')
}

/** Least squares of RSS over time, MB an hour. */
function slopeOf(samples: Sample[]): number {
  const mean = (of: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length
  const [at, rss] = [mean(sample => sample.atMs), mean(sample => sample.rssMb)]
  const covariance = mean(sample => (sample.atMs - at) * (sample.rssMb - rss))
  return (covariance / mean(sample => (sample.atMs - at) ** 2)) * hours(1)
}
