import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { and, asc, eq, gt, isNull, ne, or, type SQL } from 'drizzle-orm'
import type { TokenItem } from '#model/people'
import type { Role } from '#model/tickets'
import { days, minutes, seconds, type Clock, type Millis } from '#model/time'
import type { Database } from './database.ts'
import { isAway } from './postgres/troubles.ts'
import { people, sessions } from './schema.ts'

/**
 * `cookie`: a browser's, ends 30 days after its last use. `bearer`: our own program's, until it is revoked. `token`:
 * one that a person made for a program, with a name, a role and an end.
 */
export type SessionKind = 'cookie' | 'bearer' | 'token'

/** Who asks, and by what. */
export interface SignedIn {
  username: string
  name: string
  role: Role
  via: SessionKind
}

export const COOKIE_LIFE_MS = days(30)
const CACHE_MS = seconds(20)
const CACHE_ENTRIES = 10_000

interface Known {
  person: SignedIn
  expiresAt: Millis | null
  lastUsedAt: Millis | null
  checkedAt: Millis
}

/** Sessions and tokens: only the SHA-256 of each is kept, and what was read is known for 20 s. */
export function postgresSessions({ db, clock }: { db: Database; clock: Clock }) {
  const known = new Map<string, Known>()
  const listeners = new Set<() => void>()
  /** Grows whenever what was read may no longer be so: a reading under way then is not kept. */
  let generation = 0

  async function read(tokenHash: string, now: Millis): Promise<Known | undefined> {
    const [row] = await db
      .select({
        username: people.username,
        name: people.name,
        role: people.role,
        kind: sessions.kind,
        atMost: sessions.role,
        expiresAt: sessions.expiresAt,
        lastUsedAt: sessions.lastUsedAt
      })
      .from(sessions)
      .innerJoin(people, and(eq(people.username, sessions.username), eq(people.disabled, false)))
      .where(
        and(
          eq(sessions.tokenHash, tokenHash),
          or(isNull(sessions.expiresAt), gt(sessions.expiresAt, new Date(now)))
        )
      )
    if (!row) return undefined
    const { username, name, expiresAt, lastUsedAt } = row
    const role = roleOf({ own: row.role as Role, atMost: row.atMost as Role | null })
    if (!role) return undefined
    return {
      person: { username, name, role, via: row.kind as SessionKind },
      expiresAt: expiresAt?.getTime() ?? null,
      lastUsedAt: lastUsedAt?.getTime() ?? null,
      checkedAt: now
    }
  }

  /** Once a day at most, so that reading does not mean writing. */
  async function touch(tokenHash: string, session: Known, now: Millis): Promise<void> {
    const { via } = session.person
    if (via === 'token' && now - (session.lastUsedAt ?? 0) > days(1)) {
      session.lastUsedAt = now
      await db
        .update(sessions)
        .set({ lastUsedAt: new Date(now) })
        .where(eq(sessions.tokenHash, tokenHash))
    }
    if (via !== 'cookie' || session.expiresAt === null) return
    if (session.expiresAt - now > COOKIE_LIFE_MS - days(1)) return
    session.expiresAt = now + COOKIE_LIFE_MS
    await db
      .update(sessions)
      .set({ expiresAt: new Date(session.expiresAt) })
      .where(eq(sessions.tokenHash, tokenHash))
  }

  function remember(tokenHash: string, session: Known | undefined): void {
    known.delete(tokenHash)
    if (!session) return
    if (known.size >= CACHE_ENTRIES) known.delete(known.keys().next().value as string)
    known.set(tokenHash, session)
  }

  /** What was known of one person, or of all, is asked anew; call it after the change is committed. */
  function forget(username: string): void {
    generation++
    for (const [tokenHash, { person }] of known) if (person.username === username) known.delete(tokenHash)
    for (const listener of listeners) listener()
  }

  return {
    async create(username: string, kind: 'cookie' | 'bearer'): Promise<string> {
      const token = newSecret()
      const expiresAt = kind === 'cookie' ? new Date(clock.now() + COOKIE_LIFE_MS) : null
      await db.insert(sessions).values({ tokenHash: sha256(token), username, kind, expiresAt })
      return token
    },

    async personOf(token: string): Promise<SignedIn | undefined> {
      const now = clock.now()
      const tokenHash = sha256(token)
      const before = known.get(tokenHash)
      const lives = before && (before.expiresAt === null || before.expiresAt > now)
      if (lives && Math.abs(now - before.checkedAt) < CACHE_MS) return before.person
      try {
        const asked = generation
        const session = await read(tokenHash, now)
        if (session) await touch(tokenHash, session, now)
        if (asked === generation) remember(tokenHash, session)
        return session?.person
      } catch (error) {
        // While the database is away nobody can be revoked in it either: who was signed in goes on looking.
        if (lives && isAway(rootOf(error)) && now - before.checkedAt < minutes(60)) return before.person
        throw error
      }
    },

    async revoke(token: string): Promise<void> {
      const tokenHash = sha256(token)
      generation++
      known.delete(tokenHash)
      await db.delete(sessions).where(eq(sessions.tokenHash, tokenHash))
      generation++
      known.delete(tokenHash)
    },

    forget,
    onForgotten(listener: () => void): () => void {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    }
  }
}

type Writer = Pick<Database, 'delete' | 'insert'>

/** In a transaction, before `forget`: ends what a person is signed in with, but for `keep`; `tokens` too if said. */
export async function endSessions(
  db: Writer,
  username: string,
  { keep, tokens = false }: { keep?: string | undefined; tokens?: boolean } = {}
): Promise<void> {
  const which: (SQL | undefined)[] = [eq(sessions.username, username)]
  if (keep !== undefined) which.push(ne(sessions.tokenHash, sha256(keep)))
  if (!tokens) which.push(ne(sessions.kind, 'token'))
  await db.delete(sessions).where(and(...which))
}

/** In a transaction: a token of `role` for a program. */
export async function insertToken(
  db: Writer,
  {
    username,
    name,
    role,
    at,
    lifeMs
  }: { username: string; name: string; role: Role; at: Millis; lifeMs: Millis }
): Promise<{ token: string; item: TokenItem }> {
  const token = newSecret()
  const [row] = await db
    .insert(sessions)
    .values({
      tokenHash: sha256(token),
      username,
      kind: 'token',
      id: randomUUID(),
      name,
      role,
      createdAt: new Date(at),
      expiresAt: new Date(at + lifeMs)
    })
    .returning()
  return { token, item: tokenItem(row as SessionRow) }
}

/** Tokens that have not ended, of one person or of all. */
export async function listTokens(
  db: Database,
  { username, at }: { username?: string; at: Millis }
): Promise<TokenItem[]> {
  const rows = await db
    .select()
    .from(sessions)
    .where(
      and(
        eq(sessions.kind, 'token'),
        gt(sessions.expiresAt, new Date(at)),
        username === undefined ? undefined : eq(sessions.username, username)
      )
    )
    .orderBy(asc(sessions.username), asc(sessions.createdAt))
  return rows.map(tokenItem)
}

/** In a transaction, before `forget`: what the token was, or undefined when there is none, or it is another's. */
export async function deleteToken(
  db: Writer,
  { id, username }: { id: string; username?: string }
): Promise<TokenItem | undefined> {
  const [row] = await db
    .delete(sessions)
    .where(
      and(
        eq(sessions.kind, 'token'),
        eq(sessions.id, id),
        username === undefined ? undefined : eq(sessions.username, username)
      )
    )
    .returning()
  return row && tokenItem(row)
}

type SessionRow = typeof sessions.$inferSelect

const tokenItem = (row: SessionRow): TokenItem => ({
  id: row.id ?? '',
  name: row.name ?? '',
  username: row.username,
  role: row.role as Role,
  createdAt: row.createdAt.toISOString(),
  expiresAt: row.expiresAt?.toISOString() ?? '',
  lastUsedAt: row.lastUsedAt?.toISOString() ?? null
})

/** A token never does more than its person may now: one of another role lives only while the person is an administrator. */
function roleOf({ own, atMost }: { own: Role; atMost: Role | null }): Role | undefined {
  if (atMost === null || atMost === own) return own
  return own === 'admin' ? atMost : undefined
}

const newSecret = (): string => randomBytes(32).toString('base64url')
const sha256 = (secret: string): string => createHash('sha256').update(secret).digest('hex')

/** Drizzle wraps what the driver threw. */
const rootOf = (error: unknown): unknown => (error as { cause?: unknown }).cause ?? error
