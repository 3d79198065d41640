import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import type pg from 'pg'

/** Typed queries on a pool. The pool is whose it was: closing it is not ours. */
export type Database = NodePgDatabase & { $client: pg.Pool }

export const databaseOn = (pool: pg.Pool): Database => drizzle(pool)
