import pg from 'pg'
import { isDay } from '#db/telemetry/day-partitions'

export interface Table {
  name: string
  columns: string[]
}

/** Our tables with their columns; those that refer to others come last. A table in partitions is one table. */
export async function tablesOf(client: pg.ClientBase): Promise<Table[]> {
  const { rows } = await client.query<Table>(`
    select c.relname as name, array(
      select a.attname::text from pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum
    ) as columns
    from pg_class c
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    order by exists (select from pg_constraint f where f.conrelid = c.oid and f.contype = 'f'), c.relname`)
  return rows
}

/** The days that have a partition; null when there is no such table. */
export async function telemetryDays(client: pg.ClientBase): Promise<number[] | null> {
  const { rows } = await client.query<{ there: boolean; names: string[] }>(`
    select to_regclass('telemetry') is not null as there, array(
      select inhrelid::regclass::text from pg_inherits where inhparent = to_regclass('telemetry') order by 1
    ) as names`)
  const [found] = rows
  return found?.there ? found.names.map(isDay).filter(day => day !== undefined) : null
}

export const listOf = (columns: string[]): string => columns.map(pg.escapeIdentifier).join(', ')
