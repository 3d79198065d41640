import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ownedFolder } from './cluster.ts'
import { canEnter, type ServerHome } from './server-home.ts'

/** Where the server listens and the settings that make it do so. */
export interface Address {
  /** The socket's folder, or 127.0.0.1. */
  host: string
  port: number
  settings: Record<string, string>
  /** To be removed with the server. */
  folder?: string
}

const SOCKET_PORT = 5432
/** sockaddr_un holds 107 bytes on Linux and 103 on macOS; `/.s.PGSQL.5432` takes 14. */
const LONGEST_FOLDER = 103 - 14

/** A Unix socket in a folder of its own that only the server's user and root may enter; no TCP. */
export async function addressFor({ home, user }: ServerHome): Promise<Address> {
  if (process.platform === 'win32') return loopback()
  const inside = join(home, 'socket')
  if (Buffer.byteLength(inside) <= LONGEST_FOLDER) return socketIn(ownedFolder(inside, user))
  for (const parent of [tmpdir(), '/tmp']) {
    if (user && !canEnter(user, parent)) continue
    const folder = mkdtempSync(join(parent, 'mingjie-'))
    if (user) chownSync(folder, user.uid, user.gid)
    if (Buffer.byteLength(folder) <= LONGEST_FOLDER) return socketIn(folder)
    rmSync(folder, { recursive: true })
  }
  throw new Error(`no folder for the database's socket is both short and reachable: set TMPDIR`)
}

/** The address of a running server, from the lines of its postmaster.pid. */
export function addressIn(lines: string[]): Address | undefined {
  const port = Number(lines[3])
  if (!port) return undefined
  return lines[4] ? socketIn(lines[4]) : { host: '127.0.0.1', port, settings: tcpSettings(port) }
}

const socketIn = (folder: string): Address => ({
  host: folder,
  port: SOCKET_PORT,
  folder,
  settings: {
    listen_addresses: '',
    port: String(SOCKET_PORT),
    // A comma would part two folders.
    unix_socket_directories: `"${folder.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700'
  }
})

/** Windows has no Unix socket in pg: a free port of the loopback, behind the cluster's random password. Not run in our tests. */
async function loopback(): Promise<Address> {
  const probe = createServer()
  const port = await new Promise<number>((done, failed) => {
    probe.once('error', failed)
    probe.listen(0, '127.0.0.1', () => done((probe.address() as { port: number }).port))
  })
  await new Promise(done => probe.close(done))
  return { host: '127.0.0.1', port, settings: tcpSettings(port) }
}

const tcpSettings = (port: number) => ({
  listen_addresses: '127.0.0.1',
  port: String(port),
  unix_socket_directories: ''
})
