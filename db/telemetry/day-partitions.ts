import type pg from 'pg'
import { days, type Millis } from '#model/time'
import { underSchemaLock } from './postgres-schema.ts'
import type { TelemetryRow } from './store.ts'

const DAY_MS = days(1)

export interface DayPartitions {
  ensure(from: Millis, to: Millis): Promise<void>
  ensureFor(rows: TelemetryRow[]): Promise<void>
  dropBefore(notBefore: Millis): Promise<void>
  /** Looks at the database again before believing that a day is there. */
  forget(): void
}

/** One partition of `telemetry` for each UTC day, so that retention drops files and deletes no rows. */
export function dayPartitions(pool: pg.Pool): DayPartitions {
  const made = new Set<number>()

  async function make(day: number): Promise<void> {
    if (made.has(day)) return
    const name = nameOf(day)
    // Made aside and attached: unlike "partition of" that does not wait for running queries.
    await underSchemaLock(
      pool,
      `do $$ begin
         if to_regclass('${name}') is null then
           create table ${name} (like telemetry including all);
           alter table telemetry attach partition ${name} for values from ('${dateOf(day)}Z') to ('${dateOf(day + 1)}Z');
         end if;
       end $$`
    )
    made.add(day)
  }

  return {
    async ensure(from, to) {
      for (let day = dayOf(from); day * DAY_MS < to; day++) await make(day)
    },
    async ensureFor(rows) {
      let last: number | undefined
      for (const { measuredAt } of rows) {
        const day = dayOf(measuredAt)
        if (day === last) continue
        last = day
        if (!made.has(day)) await make(day)
      }
    },
    async dropBefore(notBefore) {
      const { rows } = await pool.query<{ name: string }>(
        `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'telemetry'::regclass
         and inhrelid::regclass::text < $1 order by 1`,
        [nameOf(dayOf(notBefore))]
      )
      for (const { name } of rows) await underSchemaLock(pool, `drop table if exists ${name}`)
      made.clear()
    },
    forget: () => made.clear()
  }
}

const dayOf = (at: Millis): number => Math.floor(at / DAY_MS)
const dateOf = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10)
/** The start of the day a partition of this name holds; undefined for any other table. */
export function isDay(name: string): Millis | undefined {
  const [, year, month, day] = /^telemetry_(\d{4})(\d\d)(\d\d)$/.exec(name) ?? []
  return year === undefined ? undefined : Date.parse(`${year}-${month}-${day}`)
}

const nameOf = (day: number): string => `telemetry_${dateOf(day).replaceAll('-', '')}`
