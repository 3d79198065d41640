import { ClassicLevel } from 'classic-level'
import pg from 'pg'
import type { Point } from './points.ts'

/**
 * Loaded before `main.ts` (`node --import`): kills this process when it has passed a point so many times, as told by
 * the process that started it. It stands in the two packages through which everything reaches a disk, so that
 * production code has no word of it.
 */
export interface Strike {
  at: Point
  /** How many times it passes; the next time it dies. */
  passes: number
}

let strike: Strike | undefined
process.on('message', message => (strike = message as Strike))
process.channel?.unref()

function passing(point: Point): void {
  if (strike?.at === point && strike.passes-- <= 0) process.kill(process.pid, 'SIGKILL')
}

type Level = ClassicLevel<Buffer, Buffer>
const put = ClassicLevel.prototype.put as (this: Level, ...args: unknown[]) => Promise<void>
ClassicLevel.prototype.put = async function (this: Level, key: unknown, value: unknown, options: unknown) {
  if (strike?.at === 'written') {
    // In the system's memory and not yet on disk; it may survive, though nobody was told.
    await put.call(this, key, value, { ...(options as object), sync: strike.passes > 0 })
    passing('written')
  } else {
    await put.call(this, key, value, options)
    passing('synced')
  }
} as typeof ClassicLevel.prototype.put

/** What a transaction has in it, by its statements. */
const CONTENTS: [Point, RegExp][] = [
  ['tickets', /^insert into "tickets"/i],
  ['telemetry', /^copy telemetry/i],
  ['checkpoint', /^insert into "checkpoints"/i],
  ['migration', /pg_advisory_lock/i]
]
const contents = new WeakMap<pg.Client, Set<Point>>()

const query = pg.Client.prototype.query as (this: pg.Client, ...args: unknown[]) => unknown
pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
  const [first] = args
  const text = typeof first === 'string' ? first : ((first as { text?: string } | undefined)?.text ?? '')
  let has = contents.get(this)
  if (!has) contents.set(this, (has = new Set()))
  // A migration's connection serves nothing else, and is locked before its transaction begins.
  if (text === 'begin' && !has.has('migration')) has.clear()
  for (const [point, words] of CONTENTS) if (words.test(text)) has.add(point)

  if (has.has('migration')) passing('migration')
  if (/^(update|insert into) offsets /.test(text)) passing('offset')
  if (text !== 'commit') return query.apply(this, args)
  for (const point of ['tickets', 'telemetry', 'checkpoint'] as const) if (has.has(point)) passing(point)
  if (!has.has('tickets') || strike?.at !== 'committed') return query.apply(this, args)
  return (query.apply(this, args) as Promise<unknown>).then(answer => {
    passing('committed')
    return answer
  })
} as typeof pg.Client.prototype.query
