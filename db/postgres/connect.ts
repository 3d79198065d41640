import type { Socket } from 'node:net'
import pg from 'pg'
import { seconds } from '#model/time'
import type { EmbeddedPostgres } from './embedded.ts'

/** The server ends any statement that takes longer. */
const STATEMENT_MS = seconds(60)
/** A server that is silent for longer than that is gone without a word: stopped, or behind a cable that was pulled. */
const SILENT_MS = STATEMENT_MS + seconds(10)

/**
 * A pool on `DATABASE_URL` or the embedded server. It never throws by itself: a connection lost while idle or checked
 * out is an error of the query that needed it, and the next query connects anew. `close` is the pool's `end()`.
 */
export function connectPostgres(
  to: { databaseUrl: string } | { embedded: EmbeddedPostgres } | { connection: pg.PoolConfig }
): pg.Pool {
  const target =
    'databaseUrl' in to
      ? { connectionString: to.databaseUrl }
      : 'embedded' in to
        ? to.embedded.connection
        : to.connection
  const pool = new pg.Pool({
    application_name: 'mingjie',
    max: 10,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: STATEMENT_MS,
    lock_timeout: 10_000,
    idle_in_transaction_session_timeout: 60_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    ...target
  })
  // Without a listener an error event ends the process: the pool's for idle clients, the client's for those in use.
  pool.on('error', () => {})
  pool.on('connect', client => {
    client.on('error', () => {})
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection
    stream.setTimeout(SILENT_MS, () =>
      stream.destroy(new Error(`Connection terminated: the database was silent for ${SILENT_MS / 1000} s`))
    )
  })
  return pool
}

/** SQLSTATE classes that mean "not now": connection, resources and disk, operator intervention, system error, rollback. */
const AWAY_CLASSES = new Set(['08', '53', '57', '58', '40'])
/** Wrong password or no such database, while someone sets it up; read-only during a failover; a lock not had in time. */
const AWAY_STATES = new Set(['28000', '28P01', '3D000', '25006', '25P03', '55P03'])
const AWAY_NETWORK = new Set(
  'ECONNREFUSED ECONNRESET ENOENT EPIPE ETIMEDOUT EHOSTUNREACH ENETUNREACH ENOTFOUND EAI_AGAIN EACCES'.split(
    ' '
  )
)
const AWAY_MESSAGE =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Query read timeout|Client was closed)/

/** The database cannot take it now and may later: wait and try again, nothing is wrong with the data. */
export function isAway(error: unknown): boolean {
  const { code = '', message = '', cause } = error as { code?: string; message?: string; cause?: unknown }
  // drizzle-orm wraps what the driver said.
  if (!code && cause) return isAway(cause)
  return (
    AWAY_CLASSES.has(stateClass(code)) ||
    AWAY_STATES.has(code) ||
    AWAY_NETWORK.has(code) ||
    AWAY_MESSAGE.test(message)
  )
}

/** The data cannot be stored as it is (out of range, a constraint, too large): bisect and put aside. */
export function isDataFault(error: unknown): boolean {
  const { code = '', cause } = error as { code?: string; cause?: unknown }
  if (!code && cause) return isDataFault(cause)
  return ['22', '23', '54'].includes(stateClass(code))
}

const stateClass = (code: string): string => (/^[0-9A-Z]{5}$/.test(code) ? code.slice(0, 2) : '')
