import { randomBytes } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'
import { and, asc, eq, gt, ilike, inArray, or } from 'drizzle-orm'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import { AppError } from '#model/errors'
import {
  MIN_PASSWORD,
  type PersonAnswer,
  type PersonChange,
  type PersonItem,
  type TokenAnswer,
  type TokenItem
} from '#model/people'
import type { Role } from '#model/tickets'
import { days, type Clock } from '#model/time'
import { note } from './audit.ts'
import type { Database } from './database.ts'
import { inTransaction } from './postgres/transaction.ts'
import { people } from './schema.ts'
import {
  deleteToken,
  endSessions,
  insertToken,
  listTokens,
  postgresSessions,
  type SignedIn
} from './sessions.ts'

export { COOKIE_LIFE_MS, type SignedIn } from './sessions.ts'

export interface Person {
  username: string
  name: string
  role: Role
}

/** Accounts and what they are signed in with. `who` is the one who does it; every change is written down in `audit`. */
export interface People {
  /**
   * At the first start makes the user `admin`, with `password` or a random one that is returned this once. Never
   * changes one that exists. Rejects with `config-invalid` when the password is shorter than 8 characters.
   */
  ensureAdmin(options: { password?: string | undefined }): Promise<{ created: boolean; secret?: string }>
  /** Rejects with `conflict` when the name is taken. Without a password a random one is made and returned this once. */
  add(person: Person & { password?: string; why?: string | undefined }, who?: string): Promise<PersonAnswer>
  /**
   * Takes over what is said; a disabled person's sessions and tokens end at once, a reset ends the sessions. Rejects
   * with `not-found`, with `conflict` where nobody would be left who may manage, and with `reason-required` to disable
   * somebody without saying why.
   */
  change(username: string, change: PersonChange, who: string): Promise<PersonAnswer>
  /** The person's own new password; every other session of theirs ends, tokens stay. */
  changePassword(username: string, next: string, keep: { token: string | undefined }): Promise<void>
  /** By username; `cursor` is the one of the page before. */
  list(query: {
    q?: string | undefined
    limit?: number | undefined
    cursor?: string | undefined
  }): Promise<{ items: PersonItem[]; nextCursor: string | null }>
  /** The names behind user names, as far as there are such accounts. */
  names(usernames: readonly string[]): Promise<Map<string, string>>
  /** The person whose password it is, unless disabled; takes as long for a name nobody has. */
  verify(username: string, password: string): Promise<Person | undefined>
  /** A new random secret for a browser or our own program; only its SHA-256 is kept. */
  createToken(username: string, kind: 'cookie' | 'bearer'): Promise<string>
  /** Who a cookie or a token speaks for. What ends is known as such within 20 s in other processes, here at once. */
  personOf(token: string): Promise<SignedIn | undefined>
  revoke(token: string): Promise<void>

  /** A token for a program, shown this once. */
  addToken(token: { username: string; name: string; role: Role; lifeDays: number }): Promise<TokenAnswer>
  /** Those that have not ended, of one person or of all. */
  tokens(username?: string): Promise<TokenItem[]>
  /** Rejects with `not-found` when there is none, or when it is not `of` them. */
  removeToken(id: string, how: { of?: string; who: string }): Promise<void>
  /** Calls when somebody's sessions may have ended; answers how to stop. */
  onSessionsEnded(listener: () => void): () => void
}

/** OWASP's first choice for argon2id, which is the package's default algorithm. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

export function postgresPeople({ db, clock }: { db: Database; clock: Clock }): People {
  const sessions = postgresSessions({ db, clock })
  // Nobody's password: verified against when there is no such name, so that time does not tell names.
  const nobody = hash(randomBytes(16), COST)
  nobody.catch(() => {})

  const transaction = <T>(work: (tx: NodePgDatabase) => Promise<T>): Promise<T> =>
    inTransaction(db.$client, client => work(drizzle(client)))

  const add: People['add'] = async ({ username, name, role, password, why }, who = 'system') => {
    const secret = password === undefined ? newPassword() : undefined
    const passwordHash = await hashOf(password ?? (secret as string))
    return transaction(async tx => {
      const [row] = await tx
        .insert(people)
        .values({ username, name, role, passwordHash, createdAt: new Date(clock.now()) })
        .onConflictDoNothing()
        .returning()
      if (!row) throw new AppError('conflict', `There is a person named ${username} already.`)
      await note(tx, {
        at: clock.now(),
        who,
        action: 'person-added',
        subject: username,
        detail: { name, role },
        why: why?.trim()
      })
      return { ...personItem(row), ...(secret !== undefined && { secret }) }
    })
  }

  async function change(username: string, asked: PersonChange, who: string): Promise<PersonAnswer> {
    const { resetPassword, why: said, ...wanted } = asked
    const why = said?.trim()
    const secret = resetPassword ? newPassword() : undefined
    const passwordHash = secret === undefined ? undefined : await hashOf(secret)
    const at = clock.now()
    const row = await transaction(async tx => {
      // Administrators are locked in one order: of two who take each other's right away the second is refused.
      const admins = await tx
        .select({ username: people.username })
        .from(people)
        .where(and(eq(people.role, 'admin'), eq(people.disabled, false)))
        .orderBy(asc(people.username))
        .for('update')
      const [before] = await tx.select().from(people).where(eq(people.username, username)).for('update')
      if (!before) throw new AppError('not-found', `There is no person named ${username}.`)
      const after = { ...before, ...wanted }
      const manages = after.role === 'admin' && !after.disabled
      const last = admins.length === 1 && admins[0]?.username === username
      if (last && !manages) {
        throw new AppError('conflict', `${username} is the last administrator: make another one first.`)
      }
      if (after.disabled && !before.disabled && !why)
        throw new AppError('reason-required', 'body/why: say why the account is disabled')
      await tx
        .update(people)
        .set({ ...wanted, ...(passwordHash !== undefined && { passwordHash }), username })
        .where(eq(people.username, username))
      if (after.disabled || secret !== undefined) {
        await endSessions(tx, username, { tokens: after.disabled })
      }
      const detail = changed(before, wanted)
      if (Object.keys(detail).length > 0) {
        await note(tx, { at, who, action: 'person-changed', subject: username, detail, why })
      }
      if (secret !== undefined) await note(tx, { at, who, action: 'password-reset', subject: username, why })
      return after
    })
    sessions.forget(username)
    return { ...personItem(row), ...(secret !== undefined && { secret }) }
  }

  return {
    add,
    change,
    createToken: sessions.create,
    personOf: sessions.personOf,
    revoke: sessions.revoke,
    onSessionsEnded: sessions.onForgotten,

    async ensureAdmin({ password }) {
      const there = await db.select().from(people).where(eq(people.username, 'admin'))
      if (there.length > 0) return { created: false }
      const { secret } = await add({
        username: 'admin',
        name: 'Administrator',
        role: 'admin',
        ...(password !== undefined && { password })
      })
      return secret === undefined ? { created: true } : { created: true, secret }
    },

    async changePassword(username, next, { token }) {
      const passwordHash = await hashOf(next)
      await transaction(async tx => {
        await tx.update(people).set({ passwordHash }).where(eq(people.username, username))
        await endSessions(tx, username, { keep: token })
        await note(tx, { at: clock.now(), who: username, action: 'password-changed', subject: username })
      })
      sessions.forget(username)
    },

    async list({ q, limit = 200, cursor }) {
      const part = q && `%${q.replace(/[\\%_]/g, '\\$&')}%`
      const rows = await db
        .select()
        .from(people)
        .where(
          and(
            cursor === undefined ? undefined : gt(people.username, cursor),
            part ? or(ilike(people.username, part), ilike(people.name, part)) : undefined
          )
        )
        .orderBy(asc(people.username))
        .limit(limit + 1)
      const items = rows.slice(0, limit).map(personItem)
      return { items, nextCursor: rows.length > limit ? (items.at(-1)?.username ?? null) : null }
    },

    async names(usernames) {
      if (usernames.length === 0) return new Map()
      const rows = await db
        .select({ username: people.username, name: people.name })
        .from(people)
        .where(inArray(people.username, [...new Set(usernames)]))
      return new Map(rows.map(({ username, name }) => [username, name]))
    },

    async verify(username, password) {
      const [row] = await db.select().from(people).where(eq(people.username, username))
      const right = await verify(row?.passwordHash ?? (await nobody), password)
      if (!row || !right || row.disabled) return undefined
      return { username: row.username, name: row.name, role: row.role as Role }
    },

    async addToken({ lifeDays, ...wanted }) {
      const at = clock.now()
      return transaction(async tx => {
        const { token, item } = await insertToken(tx, { ...wanted, at, lifeMs: days(lifeDays) })
        const { username, name, role, expiresAt } = item
        const detail = { name, role, expiresAt }
        await note(tx, { at, who: username, action: 'token-created', subject: username, detail })
        return { ...item, token }
      })
    },

    tokens: username => listTokens(db, { ...(username !== undefined && { username }), at: clock.now() }),

    async removeToken(id, { of, who }) {
      const removed = await transaction(async tx => {
        const item = await deleteToken(tx, { id, ...(of !== undefined && { username: of }) })
        if (!item) throw new AppError('not-found', `There is no token ${id}.`)
        const { name, username: subject } = item
        await note(tx, { at: clock.now(), who, action: 'token-revoked', subject, detail: { name } })
        return item
      })
      sessions.forget(removed.username)
    }
  }
}

async function hashOf(password: string): Promise<string> {
  if (password.length < MIN_PASSWORD) {
    throw new AppError('config-invalid', `A password needs at least ${MIN_PASSWORD} characters.`)
  }
  return hash(password, COST)
}

/** 120 bits, 20 characters. */
const newPassword = (): string => randomBytes(15).toString('base64url')

const personItem = (row: typeof people.$inferSelect): PersonItem => ({
  username: row.username,
  name: row.name,
  role: row.role as Role,
  disabled: row.disabled,
  createdAt: row.createdAt.toISOString()
})

/** What is not as before, as `{role: {from, to}}`. */
function changed(before: object, wanted: object): Record<string, unknown> {
  const entries = Object.entries(wanted)
    .map(([key, to]) => ({ key, from: (before as Record<string, unknown>)[key], to: to as unknown }))
    .filter(({ from, to }) => from !== to)
  return Object.fromEntries(entries.map(({ key, from, to }) => [key, { from, to }]))
}
