import type pg from 'pg'

type Connection = Parameters<pg.Submittable['submit']>[0]

const COPY_DATA = 'd'.charCodeAt(0)
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4])

/**
 * Runs a COPY from stdin with all of its bytes in one write: a stream of pieces waits for a turn of a busy event loop
 * whenever the socket is full.
 */
export function copyIn(client: pg.ClientBase, text: string, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    // What pg calls while a query runs (its lib/client.js).
    client.query({
      text,
      submit: (connection: Connection) => connection.query(text),
      handleCopyInResponse({ stream }: Connection) {
        const head = Buffer.allocUnsafe(5)
        head[0] = COPY_DATA
        head.writeUInt32BE(bytes.length + 4, 1)
        stream.cork()
        stream.write(head)
        stream.write(bytes)
        stream.write(COPY_DONE)
        stream.uncork()
      },
      handleCommandComplete: () => {},
      handleReadyForQuery: resolve,
      handleError: reject
    })
  })
}
