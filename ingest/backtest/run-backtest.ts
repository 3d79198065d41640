import { setImmediate as nextTurn } from 'node:timers/promises'
import type { TelemetryStore } from '#db/telemetry/store'
import type { Change } from '#model/changes'
import { AppError } from '#model/errors'
import { parseSubject } from '#model/ids'
import type { Millis } from '#model/time'
import type { AppliedChanges } from '../registry-replay.ts'
import type { Registry } from '../registry.ts'
import { metricsRead, rulesFor, warmUpMs, type BacktestRequest } from './backtest.ts'
import { differences, figuresOf, within, type BacktestFigures, type Difference } from './comparison.ts'
import { MOST_EPISODES, TICK_MS, pastCity, type PastCity } from './past-city.ts'
import { pastRows } from './past-rows.ts'

/** Where the past is read from. */
export interface BacktestSources {
  telemetry: Pick<TelemetryStore, 'rows'>
  changes: AppliedChanges
  /** Cleanings by tickets in that time, oldest first: people are not there to do them again. */
  cleanings(from: Millis, to: Millis): Promise<{ facility: string; at: Millis }[]>
  /** As it is now. */
  registry: Registry
  timeZone(): string
}

export interface BacktestResult {
  from: Millis
  to: Millis
  draft: BacktestFigures
  /** Null: the rule is new. */
  present: BacktestFigures | null
  differences: Difference[]
  /** Beyond those listed. */
  leftOut: number
  /** Readings that went through the rules, those from before `from` too. */
  readings: number
  /**
   * The part of the range that stored readings of what the rules look at speak of, by when they came: from the first one (from `from`
   * on, where one is older) to the last. Null: there is none in the range, and a calm result says nothing.
   */
  covered: { from: Millis; to: Millis } | null
}

/** Work at a stretch; everything else has its turns. */
const TURN_MS = 10
const LISTED = 500
const CHANGES_AT_ONCE = 5000

/** Runs a draft and the version in force over stored readings, side by side. Rejects when `signal` says so. */
export async function runBacktest(
  request: BacktestRequest,
  sources: BacktestSources,
  { signal, onProgress }: { signal: AbortSignal; onProgress: (share: number) => void }
): Promise<BacktestResult> {
  const { draft, present, others, from, to, area } = request
  const sets = [draft, ...(present ? [present] : [])].map(rule => rulesFor(rule, others))
  const timeZone = sources.timeZone()
  const cities = sets.map(rules => pastCity({ rules, rule: draft.id, timeZone }))
  const start = from - Math.max(...sets.map(warmUpMs))

  let turn = performance.now()
  let readings = 0
  let first = Infinity
  let last = -Infinity
  const rest = async () => {
    signal.throwIfAborted()
    if (performance.now() - turn < TURN_MS) return
    await nextTurn()
    turn = performance.now()
  }
  const timeline = await createTimeline({ cities, sources, start, to, rest })
  const metrics = [...new Set(sets.flatMap(metricsRead))]
  const devices = area === undefined ? undefined : devicesIn(sources.registry, area)
  for await (const { until, records } of pastRows({
    telemetry: sources.telemetry,
    metrics,
    devices,
    from: start,
    to
  })) {
    turn = performance.now()
    for (const [i, rows] of records.entries()) {
      const [{ seq, receivedAt }] = rows as [(typeof rows)[0]]
      await timeline.reach({ at: receivedAt, seq })
      for (const city of cities) city.record(rows)
      first = Math.min(first, receivedAt)
      last = receivedAt
      readings += rows.length
      if (i % 16 === 0) await rest()
    }
    await timeline.reach({ at: until })
    await rest()
    if (cities.some(city => city.tooMany())) {
      throw new AppError(
        'too-large',
        `It fires more than ${MOST_EPISODES} times: choose an area or a shorter time.`
      )
    }
    onProgress((until - start) / (to - start))
  }

  const inArea = ({ subject }: { subject: string }) =>
    area === undefined || isIn(sources.registry, subject, area)
  const [found = [], before] = cities.map(city => within(city.episodes().filter(inArea), { from, to }))
  const differing = differences(found, before ?? [])
  return {
    from,
    to,
    draft: figuresOf(found, { from, to }),
    present: before ? figuresOf(before, { from, to }) : null,
    differences: differing.slice(0, LISTED),
    leftOut: Math.max(0, differing.length - LISTED),
    readings,
    covered: last >= from ? { from: Math.max(from, first), to: last } : null
  }
}

/** Ticks, changes and cleanings, each in its turn between the records. */
async function createTimeline(options: {
  cities: readonly PastCity[]
  sources: BacktestSources
  start: Millis
  to: Millis
  /** Gives others their turn. */
  rest: () => Promise<void>
}) {
  const { cities, sources, start, to, rest } = options
  const cleanings = await sources.cleanings(start, to)
  let changes: Change[] = []
  let no = 0
  let more = true
  let now = start
  const each = (what: (city: PastCity) => void) => cities.forEach(what)

  async function nextChange(): Promise<Change | undefined> {
    if (changes.length === 0 && more) {
      changes = (await sources.changes.appliedAfter(no, CHANGES_AT_ONCE)).reverse()
      no = changes[0]?.applied?.no ?? no
      more = changes.length > 0
    }
    return changes.at(-1)
  }

  function tickUntil(at: Millis): void {
    for (let next = now + TICK_MS; next < at; next += TICK_MS) each(city => city.tick(next))
    if (at <= now) return
    each(city => city.tick(at))
    now = at
  }

  for (let change = await nextChange(); change; change = await nextChange()) {
    const at = change.applied?.at ?? 0
    if (at > start) break
    changes.pop()
    each(city => city.standAt(at))
    each(city => city.change(change))
    await rest()
  }
  each(city => city.tick(start))

  return {
    /** Everything before a record, or before a moment. */
    async reach({ at, seq }: { at: Millis; seq?: number }): Promise<void> {
      for (let change = await nextChange(); change?.applied; change = await nextChange()) {
        const { at: appliedAt, beforeSeq } = change.applied
        if (seq === undefined ? appliedAt >= at : beforeSeq > seq) break
        changes.pop()
        tickUntil(appliedAt)
        each(city => city.change(change))
      }
      for (let next = cleanings[0]; next && next.at <= at; next = cleanings[0]) {
        const { facility, at: cleanedAt } = next
        cleanings.shift()
        tickUntil(cleanedAt)
        each(city => city.cleaned(facility))
      }
      // A record is time passing too; a tick only carries over the hours without any.
      if (seq === undefined) tickUntil(at)
      else if (at - now >= TICK_MS) tickUntil(at)
    }
  }
}

/** Devices of an area's facilities, and those that speak for them or feed them. */
function devicesIn(registry: Registry, area: string): string[] {
  const found = new Set<string>()
  for (const { id, parent, attributes } of registry.facilities()) {
    if (!registry.isUnder(parent, area)) continue
    const around = attributes.cabinet ? [id, attributes.cabinet] : [id]
    for (const { id: device, gateway } of around.flatMap(one => registry.devicesOf(one))) {
      found.add(device)
      if (gateway !== null) found.add(gateway)
    }
  }
  return [...found]
}

function isIn(registry: Registry, subject: string, area: string): boolean {
  const { type, id = '' } = parseSubject(subject) ?? {}
  const facility = type === 'device' ? registry.device(id)?.facility : type === 'facility' ? id : undefined
  const lies =
    type === 'area'
      ? id.slice(0, id.lastIndexOf(':'))
      : type === 'road'
        ? registry.road(id)?.parent
        : registry.facility(facility ?? '')?.parent
  return typeof lies === 'string' && registry.isUnder(lies, area)
}
