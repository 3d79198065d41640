import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { JournalRecord, Seq } from '#db/journal'
import { isAway, reasonOf, sentenceOf } from '#db/postgres/troubles'
import type { AppliedChange, Position, StateCommit } from '#db/state-store'
import { AppError } from '#model/errors'
import { RAW_RETENTION_MS } from '#model/telemetry'
import { seconds, type Clock, type Millis } from '#model/time'
import { applyChange } from './apply.ts'
import { CHECKPOINT_VERSION, packState, statePieces } from './checkpoint.ts'
import { isIdle, noEffects, rowsOf } from './effects.ts'
import type { ChangeDesk } from './live-state.ts'
import { quarantineBasket } from './quarantine-rows.ts'
import type { NormalisedRecord } from './reading.ts'
import { applyRecord, recover, trimmed, type Recovering } from './recover.ts'

const BATCH_BYTES = 1_000_000
const CHECKPOINT_EVERY_MS = seconds(30)
/** Without effects the position is still committed this often, so that the store may follow. */
const COMMIT_AT_LEAST_MS = 200
const ASK_FOR_CHANGES_MS = seconds(1)
const CHANGES_AT_ONCE = 2000
const CHANGE_TIMEOUT_MS = seconds(10)
/** A change is taken up while journal time, a tick old, is at most so much before it; else it waits for the journal. */
const CHANGE_AHEAD_MS = seconds(5)
/** Work at a stretch on a checkpoint. */
const TURN_MS = 10
/** And on a batch: of messages of one device it is less, of gateways' a batch may hold ten thousand reports. */
const RECORDS_TURN_MS = 40
const RETRY_MS = { first: 100, most: 5000 }
/** A database that has not answered for so long is trouble, though nothing failed. */
const SLOW_ANSWER_MS = seconds(10)

interface Trouble {
  reason: string
  since: Millis
}

interface Asking {
  /** Asked then, by our own clock and by the city's. */
  at: number
  since: Millis
  /** Why it is asked again. */
  trouble?: Trouble
}

export interface StateConsumer extends ChangeDesk {
  /** Committed: everything up to here is decided and in the database. */
  committed(): Seq
  /** Rejected readings that were counted but not kept, since the start. */
  quarantineLeftOut(): number
  /** Why it stands still, or undefined. */
  trouble(): Trouble | undefined
  /** Ends after the running batch, with a checkpoint. */
  close(): Promise<void>
}

export interface StateConsumerOptions extends Recovering {
  normalise: (records: JournalRecord[]) => NormalisedRecord[]
  /** After every batch: the live picture looks. */
  onBatch: () => void
  /** The database moved under us: stop. */
  onFatal: (error: Error) => void
  clock: Clock
  /** How much of the journal is taken at once; decides nothing. */
  batchBytes?: number
}

/**
 * The one writer of episodes and tickets: takes the journal batch by batch through the rules and commits what changed
 * together with its position. Postgres away: it waits with the batch in hand, and the journal keeps the rest.
 */
export async function startStateConsumer(options: StateConsumerOptions): Promise<StateConsumer> {
  const { journal, store, engine, desk, clock, log } = options
  const stop = new AbortController()
  let position = await recover(options)
  options.onBatch()

  let standing: Position = position
  let committedAt = performance.now()
  let checkpointAt = performance.now()
  let checkpointing: Promise<void> | undefined
  /** A commit of nothing but the position, beside which the next batches are taken. */
  let moving: Promise<void> | undefined
  let moveFailed: Error | undefined
  let askedAt = 0
  /** Why it stopped. */
  let trouble: Trouble | undefined
  /** What the database is asked at the moment: changes, and beside them a position. */
  const asking = new Set<Asking>()
  let poke = createPoke()
  let applied: AppliedChange[] = []
  const rejects = quarantineBasket()
  let later: NodeJS.Timeout | undefined
  const waiting = new Map<number, ((refused: string | null) => void)[]>()
  const outcomes = new Map<number, string | null>()

  async function takeChanges(): Promise<void> {
    askedAt = performance.now()
    const pending = await store.pending(CHANGES_AT_ONCE)
    for (const change of pending) {
      // The rules are behind, or we were away: done now, it would be done before it was asked for.
      if (engine.time.at > 0 && change.requestedAt - engine.time.at > CHANGE_AHEAD_MS) return
      if (applied.some(one => one.id === change.id)) continue
      const at = engine.time.at
      const no = standing.appliedNo + 1
      const beforeSeq = standing.seq + 1
      const refused = applyChange({ engine, crews: options.crews }, change)
      standing = { ...standing, appliedNo: no }
      applied.push({ id: change.id, no, beforeSeq, at, refused })
    }
    if (pending.length === CHANGES_AT_ONCE) poke.call()
  }

  async function takeRecords(records: JournalRecord[]): Promise<void> {
    const [first] = records
    if (first && first.seq !== standing.seq + 1) throw trimmed(standing.seq + 1, first.seq)
    const normalised = options.normalise(records)
    let turn = performance.now()
    for (const [i, record] of normalised.entries()) {
      const failure = applyRecord(engine, record, records[i]?.payload)
      if (failure) log(`the rules failed on record ${record.seq}, it is in quarantine: ${failure}`)
      rejects.add(record)
      standing = { ...standing, seq: record.seq }
      if (performance.now() - turn < RECORDS_TURN_MS) continue
      await sleep(0)
      turn = performance.now()
    }
  }

  async function commit(): Promise<void> {
    const effects = options.effects.current
    const idle = isIdle(effects) && applied.length === 0 && rejects.rows().length === 0
    throwIfMoveFailed()
    if (idle && !stop.signal.aborted && !checkpointIsDue()) return moveSoon()
    await moving
    throwIfMoveFailed()
    if (standing.seq === position.seq && idle) return
    clearTimeout(later)
    later = undefined
    await move(standing, { ...rowsOf(effects), quarantine: rejects.rows(), applied })
    options.effects.current = noEffects()
    rejects.empty()
    const done = applied
    applied = []
    for (const { id, refused } of done) {
      remember(id, refused)
      for (const resolve of waiting.get(id) ?? []) resolve(refused)
      waiting.delete(id)
    }
  }

  /**
   * There is nothing that a page would show before a request finds it, so the rules need not wait for the answer: its
   * way through a busy event loop is as long as the work of a batch.
   */
  function moveSoon(): void {
    if (standing.seq === position.seq) return
    const waitMs = committedAt + COMMIT_AT_LEAST_MS - performance.now()
    if (moving || waitMs > 0) {
      // Nothing more may come: look again by ourselves.
      later ??= setTimeout(
        () => {
          // May come too early or while the move is on its way: then it is set again.
          later = undefined
          poke.call()
        },
        Math.max(waitMs, COMMIT_AT_LEAST_MS)
      )
      return
    }
    clearTimeout(later)
    later = undefined
    moving = move(standing, NOTHING)
      .catch((error: Error) => {
        moveFailed = error
        poke.call()
      })
      .finally(() => (moving = undefined))
  }

  function throwIfMoveFailed() {
    if (moveFailed) throw moveFailed
  }

  async function move(to: Position, rows: Omit<StateCommit, 'from' | 'to'>): Promise<void> {
    await patiently(() => store.commit({ ...rows, from: position, to }))
    position = to
    committedAt = performance.now()
  }

  /** An asker may come after its change was taken up by a poll: the newest outcomes are kept for it. */
  function remember(id: number, refused: string | null): void {
    outcomes.set(id, refused)
    if (outcomes.size > 10_000) outcomes.delete(outcomes.keys().next().value as number)
  }

  /** Again and again while the database is away; other failures are not for waiting. */
  async function patiently<T>(work: () => Promise<T>): Promise<T> {
    const own: Asking = { at: 0, since: 0 }
    asking.add(own)
    try {
      for (let waitMs = RETRY_MS.first; ; waitMs = Math.min(2 * waitMs, RETRY_MS.most)) {
        try {
          Object.assign(own, { at: performance.now(), since: clock.now() })
          const result = await work()
          if (own.trouble) log('the database is back')
          return result
        } catch (error) {
          if (!isAway(error)) throw error
          const reason = reasonOf(error)
          if (own.trouble?.reason !== reason) log(`the rules wait: ${reason}`)
          own.trouble = { reason, since: own.trouble?.since ?? clock.now() }
          await sleep(waitMs * (0.5 + Math.random() / 2), undefined, { signal: stop.signal }).catch(() => {})
          if (!stop.signal.aborted) continue
          trouble = own.trouble
          throw error
        }
      }
    } finally {
      asking.delete(own)
    }
  }

  /** The rules take nothing meanwhile; everything else has its turns. */
  async function* inTurns(): AsyncGenerator<string> {
    let turn = performance.now()
    for (const piece of statePieces(engine, desk)) {
      yield piece
      if (performance.now() - turn < TURN_MS) continue
      await nextTurn()
      turn = performance.now()
    }
  }

  async function checkpoint({ seq, appliedNo }: Position, blob: Buffer): Promise<void> {
    await store.saveCheckpoint({ seq, appliedNo, version: CHECKPOINT_VERSION, blob })
    await journal.confirm('state', seq)
    await store.tidy(engine.time.at - RAW_RETENTION_MS)
  }

  const checkpointIsDue = () => !checkpointing && performance.now() - checkpointAt >= CHECKPOINT_EVERY_MS

  const isSettled = () => standing.seq === position.seq && standing.appliedNo === position.appliedNo

  async function maybeCheckpoint(): Promise<void> {
    if (!isSettled() || !checkpointIsDue()) return
    checkpointAt = performance.now()
    const at = position
    const packed = packState(inTurns())
    checkpointing = packed
      .then(blob => checkpoint(at, blob))
      .catch((error: unknown) => log(`no checkpoint this time: ${String(error)}`))
      .finally(() => (checkpointing = undefined))
    await packed.catch(() => {})
  }

  async function run(): Promise<void> {
    const maxBytes = options.batchBytes ?? BATCH_BYTES
    const unread = journal.read(position.seq, { maxBytes, signal: stop.signal })
    const batches = unread[Symbol.asyncIterator]()
    const ahead = () => {
      const batch = batches.next()
      // It may fail while nobody waits for it: who does, hears of it.
      batch.catch(() => {})
      return batch
    }
    let next = ahead()
    while (!stop.signal.aborted) {
      const came = await Promise.race([next, poke.called])
      const asked = came === undefined
      if (asked) poke = createPoke()
      if (asked || performance.now() - askedAt > ASK_FOR_CHANGES_MS) await patiently(takeChanges)
      if (came !== undefined) {
        if (came.done) break
        await takeRecords(came.value)
        next = ahead()
      }
      await commit()
      // After the commit: what a page shows, a request finds.
      options.onBatch()
      await maybeCheckpoint()
    }
    // What waited for company: the last checkpoint needs it settled.
    await commit()
  }

  const running = run().catch((error: unknown) => {
    if (stop.signal.aborted) return
    trouble = { reason: error instanceof Error ? error.message : String(error), since: clock.now() }
    options.onFatal(error instanceof Error ? error : new Error(String(error)))
  })

  return {
    committed: () => position.seq,
    quarantineLeftOut: rejects.leftOut,
    trouble() {
      const all = [...asking]
      const known = trouble ?? all.find(one => one.trouble)?.trouble
      const slow = all.find(({ at }) => performance.now() - at >= SLOW_ANSWER_MS)
      return known ?? (slow && { reason: sentenceOf('silent'), since: slow.since })
    },
    applied(changeId, timeoutMs = CHANGE_TIMEOUT_MS) {
      poke.call()
      const known = outcomes.get(changeId)
      if (known !== undefined) return Promise.resolve({ refused: known })
      return new Promise((resolve, reject) => {
        const late = setTimeout(() => {
          const others = (waiting.get(changeId) ?? []).filter(one => one !== hear)
          if (others.length > 0) waiting.set(changeId, others)
          else waiting.delete(changeId)
          reject(
            new AppError(
              'not-applied-yet',
              'It is saved and in line, but the rules have not come to it yet. Look again in a moment; do not send it twice.'
            )
          )
        }, timeoutMs)
        const hear = (refused: string | null) => {
          clearTimeout(late)
          resolve({ refused })
        }
        waiting.set(changeId, [...(waiting.get(changeId) ?? []), hear])
      })
    },
    async close() {
      stop.abort()
      poke.call()
      await running
      await checkpointing
      if (!isSettled() || trouble) return
      await packState(inTurns())
        .then(blob => checkpoint(position, blob))
        .catch((error: unknown) => log(`no last checkpoint: ${String(error)}`))
    }
  }
}

const NOTHING = { ...rowsOf(noEffects()), quarantine: [], applied: [] }

/** A promise somebody else keeps. */
function createPoke(): { called: Promise<undefined>; call: () => void } {
  let call = () => {}
  const called = new Promise<undefined>(resolve => {
    call = () => resolve(undefined)
  })
  return { called, call }
}
