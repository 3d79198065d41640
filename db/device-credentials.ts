import { timingSafeEqual } from 'node:crypto'
import { and, eq, gt } from 'drizzle-orm'
import type { Device } from '#model/registry'
import { seconds, type Millis } from '#model/time'
import type { Database } from './database.ts'
import { hashOfSecret } from './registry.ts'
import { deviceSecrets, registry } from './schema.ts'

const POLL_MS = seconds(5)
/** Compared with when nobody has that id, so that time does not tell ids. */
const NOBODY = Buffer.alloc(32)

export interface DeviceCredentials {
  /** From memory: devices connect while the database is away. Compares in constant time. */
  check(
    deviceId: string,
    secret: string
  ): Promise<{ ok: true; gatewayFor(childId: string): boolean } | { ok: false }>
  /** Takes over what the registry got since; after an import, so that its devices can connect at once. */
  refresh(): Promise<void>
  close(): void
}

/**
 * Every device's secret hash and its gateway, held in memory and kept up with the database by a look every 5 s, so
 * that an import by another process is seen too. Rejects when they cannot be read at start.
 */
export async function deviceCredentials({
  db,
  pollMs = POLL_MS,
  onError = () => {}
}: {
  db: Database
  pollMs?: Millis
  /** A poll failed; the next one tries again. */
  onError?: (error: unknown) => void
}): Promise<DeviceCredentials> {
  const hashes = new Map<string, Buffer>()
  const gateways = new Map<string, string>()
  let seen = 0
  let running: Promise<void> = Promise.resolve()

  async function read(): Promise<void> {
    const rows = await db
      .select({
        id: registry.id,
        body: registry.body,
        changeId: registry.changeId,
        secretHash: deviceSecrets.secretHash
      })
      .from(registry)
      .leftJoin(deviceSecrets, eq(deviceSecrets.device, registry.id))
      .where(and(eq(registry.type, 'device'), gt(registry.changeId, seen)))
    for (const { id, body, changeId, secretHash } of rows) {
      const { gateway } = body as Device
      if (secretHash === null) hashes.delete(id)
      else hashes.set(id, Buffer.from(secretHash, 'hex'))
      if (gateway === null) gateways.delete(id)
      else gateways.set(id, gateway)
      seen = Math.max(seen, changeId)
    }
  }

  /** One after the other, and each call reads after it was called. */
  function refresh(): Promise<void> {
    const next = running.then(read)
    running = next.catch(() => {})
    return next
  }

  await refresh()
  const timer = setInterval(() => void refresh().catch(onError), pollMs)
  timer.unref()

  return {
    async check(deviceId, secret) {
      const hash = hashes.get(deviceId)
      const same = timingSafeEqual(hashOfSecret(secret), hash ?? NOBODY)
      if (!hash || !same) return { ok: false }
      return { ok: true, gatewayFor: childId => gateways.get(childId) === deviceId }
    },
    refresh,
    close: () => clearInterval(timer)
  }
}
