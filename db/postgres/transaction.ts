import type pg from 'pg'

/**
 * All of `work` or nothing, on one connection, which is given back whatever happens: drizzle's own `transaction` keeps
 * it for ever when `begin` fails, and ten such failures emptied the pool.
 */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>
): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    client.release()
    return result
  } catch (error) {
    // A rollback that fails too means the connection is gone; it must not go back to the pool.
    await client.query('rollback').then(
      () => client.release(),
      () => client.release(true)
    )
    throw error
  }
}
