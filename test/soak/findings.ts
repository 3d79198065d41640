import { hours, minutes, type Millis } from '#model/time'

/** One look at the program, about one a second. */
export interface Sample {
  atMs: Millis
  rssMb: number
  /** What lives long in V8's heap, and what of it is dead and not yet collected. */
  oldSpaceMb: number
  /** Open files and sockets of the Node process. */
  files: number
  /** Records not yet through the rules, and not yet stored. */
  stateBehind: number
  storeBehind: number
  journalMb: number
}

export interface Minute {
  samples: Sample[]
  /** From publish to PUBACK; undefined for a minute that was cut short. */
  p99Ms: number | undefined
  /** Acknowledged messages. */
  acknowledged: number
}

/** What must be true in the end. The growths are what 24 hours could bear many times over, and above an hour's noise. */
const LIMITS = {
  rssMbPerHour: 60,
  oldSpaceMbPerHour: 20,
  moreFiles: 20,
  /** Of messages, at the end of a minute. */
  behindSeconds: 10,
  /** The budget of docs/performance.md at 5000 messages a second. */
  p99Ms: 100,
  /** Of all minutes may be slower than that: one in twenty. */
  slowShare: 0.05
} as const
/** A slope over less says more about chance than about growth. */
const SHORTEST_SLOPE_MS = minutes(10)
/** Code is compiled and caches fill: the first quarter, and at most so long. */
const WARMUP_AT_MOST_MS = minutes(10)

export interface Finding {
  what: string
  /** Undefined: too short to tell. */
  ok: boolean | undefined
}

/** What grew, and whether everything kept up. A soak passes when none of it is false. */
export function findings(all: Minute[], { rate }: { rate: number }): Finding[] {
  const whole = all.filter(minute => minute.p99Ms !== undefined)
  const [first, last] = [all[0]?.samples[0], all.at(-1)?.samples.at(-1)]
  if (!first || !last) return [{ what: 'nothing was measured', ok: undefined }]
  const tookMs = last.atMs - first.atMs
  const warmMs = Math.min(tookMs / 4, WARMUP_AT_MOST_MS)
  const warm = (sample: Sample) => sample.atMs - first.atMs >= warmMs
  const long = tookMs - warmMs >= SHORTEST_SLOPE_MS
  const growth = (name: string, points: Point[], limit: number): Finding => {
    const slope = long ? slopeOf(points) : NaN
    const so = `${name} after ${(warmMs / minutes(1)).toFixed(1)} minutes of warm-up`
    return Number.isFinite(slope)
      ? { what: `${so}: ${slope.toFixed(1)} MB an hour (limit ${limit})`, ok: slope <= limit }
      : { what: `${so}: too short to tell`, ok: undefined }
  }
  const rss = all
    .flatMap(({ samples }) => samples.filter(warm))
    .map(({ atMs, rssMb }) => ({ atMs, mb: rssMb }))
  const oldSpace = all.flatMap(({ samples }) => leastOldSpace(samples.filter(warm)))

  const files = all.map(({ samples }) => Math.max(0, ...samples.map(sample => sample.files)))
  const before = files.slice(0, Math.ceil(files.length / 4))
  const moreFiles = Math.max(...files.slice(before.length), 0) - Math.max(...before)
  const behind = Math.max(0, ...whole.map(({ samples }) => behindAtEnd(samples)))
  const slow = whole.filter(({ p99Ms }) => (p99Ms as number) > LIMITS.p99Ms).length
  return [
    growth('RSS', rss, LIMITS.rssMbPerHour),
    growth('old space, the least of each minute,', oldSpace, LIMITS.oldSpaceMbPerHour),
    {
      what: `open files: ${moreFiles} more than in the first quarter (limit ${LIMITS.moreFiles})`,
      ok: all.length < 4 ? undefined : moreFiles <= LIMITS.moreFiles
    },
    {
      what: `consumers behind at the end of a minute: at most ${behind} records (limit ${LIMITS.behindSeconds} s, ${LIMITS.behindSeconds * rate})`,
      ok: whole.length === 0 ? undefined : behind <= LIMITS.behindSeconds * rate
    },
    {
      what: `p99 PUBACK over ${LIMITS.p99Ms} ms in ${slow} of ${whole.length} minutes (limit one in ${1 / LIMITS.slowShare})`,
      ok: whole.length === 0 ? undefined : slow <= LIMITS.slowShare * whole.length
    }
  ]
}

interface Point {
  atMs: Millis
  mb: number
}

/** What a collection left: nothing tells when one was, but in the least of a minute there is little garbage. */
export function leastOldSpace(samples: Sample[]): Point[] {
  const [first, ...others] = samples
  if (!first) return []
  const least = others.reduce((min, one) => (one.oldSpaceMb < min.oldSpaceMb ? one : min), first)
  return [{ atMs: least.atMs, mb: least.oldSpaceMb }]
}

const behindAtEnd = (samples: Sample[]): number => {
  const end = samples.at(-1)
  return end ? Math.max(end.stateBehind, end.storeBehind) : 0
}

/** Least squares, MB an hour. */
export function slopeOf(points: Point[]): number {
  const mean = (of: (point: Point) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length
  const [at, mb] = [mean(point => point.atMs), mean(point => point.mb)]
  const covariance = mean(point => (point.atMs - at) * (point.mb - mb))
  return (covariance / mean(point => (point.atMs - at) ** 2)) * hours(1)
}
