import type pg from 'pg'
import type { Seq } from '#db/journal'

/** Where a telemetry store that has no transactions of its own keeps how far it has come. */
export interface OffsetKeeper {
  /** 0 at the beginning. */
  get(): Promise<Seq>
  /** Moves it only from where the caller believes it stands; false when another writer moved it. */
  set(from: Seq, to: Seq): Promise<boolean>
}

/** In table `offsets` of a migrated database. The pool, or the one connection, stays the caller's to end. */
export function postgresOffsetKeeper(pool: pg.Pool | pg.ClientBase): OffsetKeeper {
  return {
    async get() {
      const { rows } = await pool.query<{ seq: string }>(`select seq from offsets where consumer = 'store'`)
      return Number(rows[0]?.seq ?? 0)
    },
    async set(from, to) {
      const moved = await pool.query(
        from === 0
          ? `insert into offsets (consumer, seq, applied_no) values ('store', ${to}, 0)
             on conflict (consumer) do update set seq = excluded.seq where offsets.seq = 0`
          : `update offsets set seq = ${to} where consumer = 'store' and seq = ${from}`
      )
      return moved.rowCount === 1
    }
  }
}
