import { and, asc, desc, eq, gt, isNull, lt, lte, notInArray, or, sql } from 'drizzle-orm'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { PgTable } from 'drizzle-orm/pg-core'
import { getTableColumns } from 'drizzle-orm'
import type pg from 'pg'
import type { Change, ChangeBody } from '#model/changes'
import { AppError } from '#model/errors'
import { days, type Millis } from '#model/time'
import { followersOf } from './followed-reports.ts'
import type { Seq } from './journal.ts'
import { inTransaction } from './postgres/transaction.ts'
import {
  changes,
  checkpoints,
  episodes,
  notifications,
  offsets,
  planRuns,
  quarantine,
  ratings,
  reports,
  ticketEvents,
  tickets
} from './schema.ts'

/** How far the rules have come: through record `seq` and through the `appliedNo`-th change. */
export interface Position {
  seq: Seq
  appliedNo: number
}

export interface AppliedChange {
  id: number
  no: number
  beforeSeq: Seq
  at: Millis
  refused: string | null
}

export interface StateCommit {
  from: Position
  to: Position
  tickets: (typeof tickets.$inferSelect)[]
  episodes: (typeof episodes.$inferSelect)[]
  events: (typeof ticketEvents.$inferSelect)[]
  notifications: (typeof notifications.$inferSelect)[]
  reports: (typeof reports.$inferSelect)[]
  ratings: (typeof ratings.$inferSelect)[]
  planRuns: (typeof planRuns.$inferSelect)[]
  quarantine: (typeof quarantine.$inferInsert)[]
  applied: AppliedChange[]
  /** Of the position it goes to, where a replay would not come to the same. */
  checkpoint?: Checkpoint
}

export interface Checkpoint extends Position {
  /** How the blob is laid out (CHECKPOINT_VERSION). */
  version: number
  blob: Buffer
}

/** What stands open in the database. */
export interface StandingRows {
  tickets: (typeof tickets.$inferSelect)[]
  episodes: (typeof episodes.$inferSelect)[]
  /** Of open tickets and those asked for: how many entries the history has. */
  entries: Map<string, number>
  /** Of open tickets that were not asked for: the reports by whose code each may be followed. */
  followers: Map<string, readonly string[]>
}

/** Everything the state consumer reads and writes. */
export interface StateStore {
  position(): Promise<Position>
  /** The newest checkpoint at or before the committed position, of whatever version. */
  checkpoint(): Promise<Checkpoint | undefined>
  saveCheckpoint(checkpoint: Checkpoint): Promise<void>
  /**
   * Forgets quarantined messages received before `notBefore`, and the oldest beyond QUARANTINE_ROWS; and who was told what before
   * `notBefore`: the tickets' histories say it for good. A year longer it keeps what people reported, while its ticket is open
   * too, and how planned work went.
   */
  tidy(notBefore: Millis): Promise<void>
  /** Tickets and episodes that are open; the length of their histories, and of those of `tickets`; who follows the others. */
  standing(tickets: readonly string[]): Promise<StandingRows>
  /** Applied changes after the `no`-th, in the order they were applied. */
  appliedAfter(no: number, limit: number): Promise<Change[]>
  /** Changes nobody applied yet, in the order they were asked for. */
  pending(limit: number): Promise<Change[]>
  /**
   * All of it or nothing, and only from the position the caller stands at: a second writer finds the position moved
   * and gets `offset-moved`. Asking again after an answer was lost is harmless.
   */
  commit(commit: StateCommit): Promise<void>
}

const ROWS_A_STATEMENT = 500
/** A contract's year is settled after it is over: reports and plan runs go 400 days after their time. */
const RECORDS_KEPT_LONGER_MS = days(365)
/** The newest so many; older ones have been seen or never will be. */
const QUARANTINE_ROWS = 100_000

export function postgresStateStore(pool: pg.Pool): StateStore {
  const db = drizzle(pool)
  const STATE = 'state'

  async function position(): Promise<Position> {
    const [row] = await db.select().from(offsets).where(eq(offsets.consumer, STATE))
    return row ? { seq: row.seq, appliedNo: row.appliedNo } : { seq: 0, appliedNo: 0 }
  }

  return {
    position,

    async checkpoint() {
      const at = await position()
      const [row] = await db
        .select()
        .from(checkpoints)
        .where(lte(checkpoints.seq, at.seq))
        .orderBy(sql`${checkpoints.seq} desc`)
        .limit(1)
      return row
    },

    async saveCheckpoint(row) {
      await inTransaction(pool, async client => {
        const tx = drizzle(client)
        await putCheckpoint(tx, row)
        const kept = tx
          .select({ seq: checkpoints.seq })
          .from(checkpoints)
          .orderBy(sql`seq desc`)
          .limit(2)
        await tx
          .delete(checkpoints)
          .where(lt(checkpoints.seq, sql`(select min(seq) from ${kept.as('kept')})`))
      })
    },

    async tidy(notBefore) {
      await db.delete(notifications).where(lt(notifications.at, notBefore))
      const longAgo = notBefore - RECORDS_KEPT_LONGER_MS
      const open = db.select({ id: tickets.id }).from(tickets).where(isNull(tickets.closedAt))
      await db.delete(reports).where(and(lt(reports.at, longAgo), notInArray(reports.ticket, open)))
      await db.delete(planRuns).where(lt(planRuns.until, longAgo))
      const [oldest] = await db
        .select({ seq: quarantine.seq })
        .from(quarantine)
        .orderBy(desc(quarantine.seq))
        .offset(QUARANTINE_ROWS)
        .limit(1)
      await db
        .delete(quarantine)
        .where(or(lt(quarantine.receivedAt, notBefore), oldest && lte(quarantine.seq, oldest.seq)))
    },

    async standing(ids) {
      const open = await db.select().from(tickets).where(isNull(tickets.closedAt))
      const asked = new Set(ids)
      const unknown = open.map(({ id }) => id).filter(id => !asked.has(id))
      const goingOn = await db.select().from(episodes).where(isNull(episodes.endedAt))
      const { rows } = await pool.query<{ ticket: string; entries: number }>(
        'select ticket, max(no) + 1 as entries from ticket_events where ticket = any($1) group by ticket',
        [[...new Set([...ids, ...open.map(({ id }) => id)])]]
      )
      return {
        tickets: open,
        episodes: goingOn,
        entries: new Map(rows.map(({ ticket, entries }) => [ticket, entries])),
        followers: await followersOf(db, unknown)
      }
    },

    async appliedAfter(no, limit) {
      const rows = await db
        .select()
        .from(changes)
        .where(gt(changes.appliedNo, no))
        .orderBy(asc(changes.appliedNo))
        .limit(limit)
      return rows.map(toChange)
    },

    async pending(limit) {
      const rows = await db
        .select()
        .from(changes)
        .where(isNull(changes.appliedNo))
        .orderBy(asc(changes.id))
        .limit(limit)
      return rows.map(toChange)
    },

    async commit(commit) {
      await inTransaction(pool, async client => {
        const tx = drizzle(client)
        const { from, to } = commit
        const moved = await tx
          .update(offsets)
          .set(to)
          .where(
            and(eq(offsets.consumer, STATE), eq(offsets.seq, from.seq), eq(offsets.appliedNo, from.appliedNo))
          )
        if (moved.rowCount !== 1) {
          const [found] = await tx.select().from(offsets).where(eq(offsets.consumer, STATE))
          // Our own commit whose answer was lost: what it wrote is what we would write now.
          if (found && found.seq === to.seq && found.appliedNo === to.appliedNo) return
          if (found || from.seq !== 0 || from.appliedNo !== 0) throw movedAway(from, found)
          await tx.insert(offsets).values({ consumer: STATE, ...to })
        }
        for (const rows of chunks(commit.tickets)) {
          await tx
            .insert(tickets)
            .values(rows)
            .onConflictDoUpdate({ target: tickets.id, set: ticketFromExcluded })
        }
        for (const rows of chunks(commit.episodes)) {
          await tx
            .insert(episodes)
            .values(rows)
            .onConflictDoUpdate({ target: episodes.id, set: fromExcluded(episodes) })
        }
        for (const rows of chunks(commit.events)) await tx.insert(ticketEvents).values(rows)
        for (const rows of chunks(commit.notifications)) await tx.insert(notifications).values(rows)
        for (const rows of chunks(commit.reports)) {
          // One that is there has come to be of another ticket.
          const set = { ticket: sql`excluded.ticket` }
          await tx.insert(reports).values(rows).onConflictDoUpdate({ target: reports.id, set })
        }
        for (const rows of chunks(commit.ratings)) await tx.insert(ratings).values(rows)
        for (const rows of chunks(commit.planRuns)) await tx.insert(planRuns).values(rows)
        for (const rows of chunks(commit.quarantine)) {
          await tx.insert(quarantine).values(rows).onConflictDoNothing()
        }
        for (const rows of chunks(commit.applied)) await stamp(tx, rows)
        if (commit.checkpoint) await putCheckpoint(tx, commit.checkpoint)
      })
    }
  }
}

const putCheckpoint = (tx: NodePgDatabase, row: Checkpoint) =>
  tx.insert(checkpoints).values(row).onConflictDoUpdate({ target: checkpoints.seq, set: row })

async function stamp(tx: NodePgDatabase, rows: AppliedChange[]): Promise<void> {
  const values = sql.join(
    rows.map(
      row =>
        sql`(${row.id}::bigint, ${row.no}::bigint, ${row.beforeSeq}::bigint, ${new Date(row.at).toISOString()}::timestamptz, ${row.refused}::text)`
    ),
    sql`, `
  )
  await tx.execute(sql`
    update ${changes} set applied_no = v.no, applied_before_seq = v.seq, applied_at = v.at, refused = v.refused
    from (values ${values}) as v(id, no, seq, at, refused) where ${changes}.id = v.id`)
}

/** Every column from the row that was to be inserted. */
function fromExcluded(table: PgTable) {
  return Object.fromEntries(
    Object.entries(getTableColumns(table)).map(([key, column]) => [key, sql.raw(`excluded."${column.name}"`)])
  )
}

/** A checkpoint of an older build does not know when a ticket was accepted; the row does, from its history. */
const ticketFromExcluded = {
  ...fromExcluded(tickets),
  acceptedAt: sql`case when excluded.state in ('new', 'checked', 'dispatched') then excluded.accepted_at
    else coalesce(excluded.accepted_at, ${tickets.acceptedAt}) end`
}

function* chunks<T>(rows: T[]): Generator<T[]> {
  for (let i = 0; i < rows.length; i += ROWS_A_STATEMENT) yield rows.slice(i, i + ROWS_A_STATEMENT)
}

const toChange = (row: typeof changes.$inferSelect): Change => ({
  id: row.id,
  subject: row.subject as Change['subject'],
  body: row.body as ChangeBody,
  who: row.who,
  why: row.why,
  requestedAt: row.requestedAt,
  applied:
    row.appliedNo === null
      ? null
      : {
          beforeSeq: row.appliedBeforeSeq ?? 0,
          no: row.appliedNo,
          at: row.appliedAt ?? 0,
          refused: row.refused
        }
})

const movedAway = (from: Position, found: Position | undefined): AppError =>
  new AppError(
    'offset-moved',
    `another process is at work on this database: the rules stood at record ${from.seq}, and now stand at ${found?.seq ?? 'nothing'}. Stop one of the two.`
  )
