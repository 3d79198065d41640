import type { Socket } from 'node:net'
import pg from 'pg'
import { seconds } from '#model/time'
import type { EmbeddedPostgres } from './embedded.ts'

export { isAway, isDataFault } from './troubles.ts'

/** The server ends any statement that takes longer; `?statement_timeout=` in DATABASE_URL goes before. */
const STATEMENT_MS = seconds(60)
/** A server silent for so much longer is gone without a word: stopped, or behind a firewall that forgot the connection. */
const SILENT_MS = seconds(10)

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
    const { connection, connectionParameters } = client as unknown as Insides
    const statementMs = Number(connectionParameters.statement_timeout)
    const silentMs = statementMs > 0 ? statementMs + SILENT_MS : 0
    const { stream } = connection
    stream.setTimeout(silentMs, () =>
      stream.destroy(new Error(`The database was silent for ${silentMs / 1000} s`))
    )
  })
  return pool
}

/** What node-postgres does not tell. */
interface Insides {
  connection: { stream: Socket }
  connectionParameters: { statement_timeout: number | string }
}

/** For work that may take as long as it needs, on a connection that is closed afterwards. */
export async function withoutTimeLimit(client: pg.ClientBase): Promise<void> {
  await client.query(
    'set statement_timeout = 0; set lock_timeout = 0; set idle_in_transaction_session_timeout = 0'
  )
  ;(client as unknown as Insides).connection.stream.setTimeout(0)
}
