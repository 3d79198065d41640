import { createHash, randomBytes } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'
import { and, eq, gt, isNull, or } from 'drizzle-orm'
import { AppError } from '#model/errors'
import type { Role } from '#model/tickets'
import { days, minutes, seconds, type Clock, type Millis } from '#model/time'
import type { Database } from './database.ts'
import { isAway } from './postgres/connect.ts'
import { people, sessions } from './schema.ts'

export interface Person {
  username: string
  name: string
  role: Role
}

/** `cookie`: a browser's, ends 30 days after its last use. `bearer`: a program's, until it is revoked. */
export type SessionKind = 'cookie' | 'bearer'

export interface People {
  /**
   * At the first start makes the user `admin`, with `password` or a random one that is returned this once. Never
   * changes one that exists. Rejects with `config-invalid` when the password is shorter than 8 characters.
   */
  ensureAdmin(options: { password?: string | undefined }): Promise<{ created: boolean; secret?: string }>
  /** Rejects with `conflict` when the name is taken. */
  add(person: Person & { password: string }): Promise<void>
  /** The person whose password it is; takes as long for a name nobody has. */
  verify(username: string, password: string): Promise<Person | undefined>
  /** A new random secret; only its SHA-256 is kept. */
  createToken(username: string, kind: SessionKind): Promise<string>
  /** Who a cookie or bearer token speaks for. A revoked one is known as such within 20 s in other processes, here at once. */
  personOf(token: string): Promise<Person | undefined>
  revoke(token: string): Promise<void>
}

export const COOKIE_LIFE_MS = days(30)
const MIN_PASSWORD = 8
/** OWASP's first choice for argon2id, which is the package's default algorithm. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }
const CACHE_MS = seconds(20)
const CACHE_ENTRIES = 10_000

interface Known {
  person: Person
  expiresAt: Millis | null
  checkedAt: Millis
}

export function postgresPeople({ db, clock }: { db: Database; clock: Clock }): People {
  const known = new Map<string, Known>()
  // Nobody's password: verified against when there is no such name, so that time does not tell names.
  const nobody = hash(randomBytes(16), COST)
  nobody.catch(() => {})

  const add: People['add'] = async ({ username, name, role, password }) => {
    if (password.length < MIN_PASSWORD) {
      throw new AppError('config-invalid', `A password needs at least ${MIN_PASSWORD} characters.`)
    }
    const passwordHash = await hash(password, COST)
    const added = await db
      .insert(people)
      .values({ username, name, role, passwordHash })
      .onConflictDoNothing()
      .returning({ username: people.username })
    if (added.length === 0) throw new AppError('conflict', `There is a person named ${username} already.`)
  }

  async function read(tokenHash: string, now: Millis): Promise<Known | undefined> {
    const [row] = await db
      .select({
        username: people.username,
        name: people.name,
        role: people.role,
        expiresAt: sessions.expiresAt
      })
      .from(sessions)
      .innerJoin(people, eq(people.username, sessions.username))
      .where(
        and(
          eq(sessions.tokenHash, tokenHash),
          or(isNull(sessions.expiresAt), gt(sessions.expiresAt, new Date(now)))
        )
      )
    if (!row) return undefined
    const { expiresAt, ...person } = row
    return {
      person: { ...person, role: person.role as Role },
      expiresAt: expiresAt?.getTime() ?? null,
      checkedAt: now
    }
  }

  /** Once a day at most, so that reading does not mean writing. */
  async function slide(tokenHash: string, session: Known, now: Millis): Promise<void> {
    if (session.expiresAt === null || session.expiresAt - now > COOKIE_LIFE_MS - days(1)) return
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

  return {
    add,

    async ensureAdmin({ password }) {
      const there = await db.select().from(people).where(eq(people.username, 'admin'))
      if (there.length > 0) return { created: false }
      const secret = password === undefined ? randomBytes(15).toString('base64url') : undefined
      await add({
        username: 'admin',
        name: 'Administrator',
        role: 'admin',
        password: password ?? (secret as string)
      })
      return secret === undefined ? { created: true } : { created: true, secret }
    },

    async verify(username, password) {
      const [row] = await db.select().from(people).where(eq(people.username, username))
      const right = await verify(row?.passwordHash ?? (await nobody), password)
      return row && right ? { username: row.username, name: row.name, role: row.role as Role } : undefined
    },

    async createToken(username, kind) {
      const token = randomBytes(32).toString('base64url')
      const expiresAt = kind === 'cookie' ? new Date(clock.now() + COOKIE_LIFE_MS) : null
      await db.insert(sessions).values({ tokenHash: sha256(token), username, kind, expiresAt })
      return token
    },

    async personOf(token) {
      const now = clock.now()
      const tokenHash = sha256(token)
      const before = known.get(tokenHash)
      const lives = before && (before.expiresAt === null || before.expiresAt > now)
      if (lives && Math.abs(now - before.checkedAt) < CACHE_MS) return before.person
      try {
        const session = await read(tokenHash, now)
        if (session) await slide(tokenHash, session, now)
        remember(tokenHash, session)
        return session?.person
      } catch (error) {
        // While the database is away nobody can be revoked in it either: who was signed in goes on looking.
        if (lives && isAway(rootOf(error)) && now - before.checkedAt < minutes(60)) return before.person
        throw error
      }
    },

    async revoke(token) {
      const tokenHash = sha256(token)
      known.delete(tokenHash)
      await db.delete(sessions).where(eq(sessions.tokenHash, tokenHash))
    }
  }
}

const sha256 = (secret: string): string => createHash('sha256').update(secret).digest('hex')

/** Drizzle wraps what the driver threw. */
const rootOf = (error: unknown): unknown => (error as { cause?: unknown }).cause ?? error
