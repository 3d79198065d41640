import type { Journal } from '#db/journal'
import type { Position, StateStore } from '#db/state-store'
import type { Change } from '#model/changes'
import { AppError } from '#model/errors'
import { applyChange, applyData } from './apply.ts'
import { came } from './came.ts'
import { CHECKPOINT_VERSION, loadState, packState, statePieces, unpackState } from './checkpoint.ts'
import type { Decisions } from './decisions.ts'
import { noEffects, rowsOf, type Effects } from './effects.ts'
import { normaliseRecord } from './normalise.ts'
import type { NormalisedRecord } from './reading.ts'
import { reconciled, ticketsIn } from './reconcile.ts'
import type { Engine } from './rules/engine.ts'

const CHANGES_AT_ONCE = 5000
const REPLAY_BYTES = 4_000_000

/**
 * Takes one record through the rules. One they fail on is our fault, and comes again at every start: it is put aside
 * as a reject, with its `payload`, and the rest goes on. Answers the stack then.
 */
export function applyRecord(
  engine: Engine,
  record: NormalisedRecord,
  payload: Uint8Array | undefined
): string | undefined {
  try {
    engine.record(record)
    return undefined
  } catch (error) {
    const detail = `the program failed: ${came(String(error))}`
    record.rejects.push({ device: record.deviceId, reason: 'program-failed', path: '', detail })
    if (payload) record.payload = payload
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
}

export interface Recovering extends Decisions {
  journal: Journal
  store: StateStore
  /** What the desk writes into; swapped at every commit. */
  effects: { current: Effects }
  log: (message: string) => void
}

/**
 * Brings an empty engine to where the last commit left it: the registry from the changes before the checkpoint, the
 * checkpoint, then the journal merged with the changes after it. Whatever it decides on the way was decided before, so
 * nothing of it is left in `effects` for the next commit. What another build decided otherwise (see `reconciled`) is committed
 * with a checkpoint of what came of it: no replay would come to it again.
 */
export async function recover(options: Recovering): Promise<Position> {
  const { journal, store, engine, desk, crews } = options
  const committed = await store.position()
  const checkpoint = await store.checkpoint()
  const changes = appliedChanges(store)
  let next = await changes.next()

  for (
    ;
    !next.done && (next.value.applied?.no ?? 0) <= (checkpoint?.appliedNo ?? 0);
    next = await changes.next()
  ) {
    const change = next.value
    engine.time.at = change.applied?.at ?? 0
    applyData({ engine, crews }, change)
  }
  engine.time.at = 0
  if (checkpoint) {
    const { version, blob } = checkpoint
    loadState({ text: await unpackState(blob), version }, engine, desk)
  }

  let seq = checkpoint?.seq ?? 0
  const applyUpTo = async (beforeSeq: number): Promise<void> => {
    for (; !next.done && (next.value.applied?.beforeSeq ?? 0) <= beforeSeq; next = await changes.next()) {
      applyChange({ engine, crews }, next.value)
    }
  }
  if (journal.head() < committed.seq) {
    throw new AppError(
      'journal-failed',
      `the database has seen record ${committed.seq}, the journal ends at ${journal.head()}: it is not the journal of this database. Put the right journal back, or restore both from one backup.`
    )
  }
  if (committed.seq > seq) {
    options.log(`replaying ${committed.seq - seq} records since the last checkpoint`)
    const done = new AbortController()
    for await (const batch of journal.read(seq, { maxBytes: REPLAY_BYTES, signal: done.signal })) {
      for (const record of batch) {
        if (record.seq > committed.seq) break
        if (record.seq !== seq + 1) throw trimmed(seq + 1, record.seq)
        await applyUpTo(record.seq)
        applyRecord(engine, normaliseRecord(record, options.registry), record.payload)
        seq = record.seq
      }
      if (seq >= committed.seq) break
    }
    done.abort()
  }
  await applyUpTo(Infinity)
  const replayed = options.effects.current
  options.effects.current = noEffects()
  if (committed.seq > (checkpoint?.seq ?? 0) || committed.appliedNo > (checkpoint?.appliedNo ?? 0)) {
    const ids = [...ticketsIn(desk).tickets.keys(), ...replayed.tickets.keys()]
    const rows = await store.standing(ids)
    const effects = reconciled({ desk, replayed, rows, at: engine.time.at })
    if (effects) {
      const blob = await packState(statePieces(engine, desk))
      await store.commit({
        ...{ from: committed, to: committed, ...rowsOf(effects), quarantine: [], applied: [] },
        checkpoint: { ...committed, version: CHECKPOINT_VERSION, blob }
      })
      const closed = rows.tickets.filter(({ id }) => (effects.tickets.get(id)?.closedAt ?? null) !== null)
      options.log(
        `another build decided some of these records otherwise: ${effects.tickets.size} tickets and ${effects.episodes.size} episodes are written again, ${closed.length} of them closed`
      )
    }
  }
  return committed
}

async function* appliedChanges(store: StateStore): AsyncGenerator<Change, undefined> {
  let page = await store.appliedAfter(0, CHANGES_AT_ONCE)
  while (page.length === CHANGES_AT_ONCE) {
    // Postgres reads the next while these are taken.
    const next = store.appliedAfter(page.at(-1)?.applied?.no ?? 0, CHANGES_AT_ONCE)
    next.catch(() => {})
    yield* page
    page = await next
  }
  yield* page
  return undefined
}

export const trimmed = (wanted: number, found: number): AppError =>
  new AppError(
    'journal-failed',
    `the journal begins at record ${found}, but the rules need it from ${wanted} on: restore the journal and the database from one backup.`
  )
