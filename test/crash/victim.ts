import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers/promises'
import { ClassicLevel } from 'classic-level'
import pg from 'pg'
import { minutes, type Millis } from '#model/time'
import { isPeriodic, type Point } from './points.ts'

/**
 * Loaded before `main.ts` (`node --import`): kills this process when it has passed a point so many times, as told by
 * the process that started it. It stands in the packages through which everything reaches a disk, and in the clock
 * that says how long it is since the last checkpoint, so that production code has no word of it.
 */
export interface Strike {
  at: Point
  /** How many times it passes; the next time it dies. */
  passes: number
}
/** A strike, or that the next periodic checkpoint is due now. */
export type Order = Strike | 'checkpoint now'

/** Longer than there is between two checkpoints. */
const A_WHILE_MS = minutes(1)
/** Longer than one turn may work on a checkpoint: each piece of it is then followed by a turn of the others. */
const A_TURN_MS = 15
const SLOW_DISK_MS = 20
/** Longer than the journal waits between two trims: one that comes before the checkpoint is there is over by then. */
const SLOW_DATABASE_MS = 1200

let strike: Strike | undefined
process.on('message', message => {
  const order = message as Order
  if (order !== 'checkpoint now') strike = order
  if (order === 'checkpoint now' || isPeriodic(order.at)) aheadMs += A_WHILE_MS
})
process.channel?.unref()

function passing(point: Point): void {
  if (strike?.at !== point) return
  if (strike.passes-- <= 0) process.kill(process.pid, 'SIGKILL')
  if (isPeriodic(point) && point !== 'pieces') aheadMs += A_WHILE_MS
}

let aheadMs: Millis = 0
const now = performance.now.bind(performance)
performance.now = () => now() + (strike?.at === 'pieces' ? (aheadMs += A_TURN_MS) : aheadMs)

const { setImmediate: nextTurn, setTimeout: delay } = timers
timers.setImmediate = (async (...args: Parameters<typeof nextTurn>) => {
  passing('pieces')
  return nextTurn(...args)
}) as typeof nextTurn
syncBuiltinESMExports()

type Level = ClassicLevel<Buffer, Buffer>
const put = ClassicLevel.prototype.put as (this: Level, ...args: unknown[]) => Promise<void>
ClassicLevel.prototype.put = async function (this: Level, key: unknown, value: unknown, options: unknown) {
  // No kill shows it: the system's memory survives the process, and not a loss of power.
  if (!(options as { sync?: boolean } | undefined)?.sync) throw new Error('written without asking for a sync')
  if (strike?.at === 'written' && strike.passes <= 0) {
    // Not synced: it is in the system's memory or, as after a loss of power, it is not. Nobody may have been told.
    if (Math.random() < 0.5) await put.call(this, key, value, { ...(options as object), sync: false })
    // A slow disk: who is told too early has heard it by then.
    await delay(SLOW_DISK_MS)
    passing('written')
  }
  await put.call(this, key, value, options)
  passing('written')
  passing('synced')
} as typeof ClassicLevel.prototype.put

const clear: (this: Level, ...args: unknown[]) => Promise<void> = ClassicLevel.prototype.clear
ClassicLevel.prototype.clear = async function (this: Level, ...args: unknown[]) {
  passing('trim')
  await clear.apply(this, args)
  passing('trim')
}

/** What a transaction has in it, by its statements. */
const CONTENTS: [Point, RegExp][] = [
  ['tickets', /^insert into "tickets"/i],
  ['telemetry', /^copy telemetry/i],
  ['checkpoint', /^insert into "checkpoints"/i],
  ['migration', /pg_advisory_lock/i]
]
const BEFORE_COMMIT: Partial<Record<Point, Point[]>> = {
  tickets: ['tickets'],
  telemetry: ['telemetry'],
  checkpoint: ['checkpoint', 'saving']
}
const AFTER_COMMIT: Partial<Record<Point, Point>> = { tickets: 'committed', checkpoint: 'saved' }
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
  if (has.has('checkpoint') && strike?.at === 'saving' && strike.passes <= 0)
    return delay(SLOW_DATABASE_MS).then(() => passing('saving'))
  const done = [...has]
  for (const point of done.flatMap(content => BEFORE_COMMIT[content] ?? [])) passing(point)
  const after = done.map(content => AFTER_COMMIT[content]).find(point => point && strike?.at === point)
  if (!after) return query.apply(this, args)
  return (query.apply(this, args) as Promise<unknown>).then(answer => {
    passing(after)
    return answer
  })
} as typeof pg.Client.prototype.query
