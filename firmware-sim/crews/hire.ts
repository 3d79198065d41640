import type { PersonAnswer, TokenAnswer } from '#model/people'
import { minutes } from '#model/time'
import { asking, Refusal, signIn, UsageError, type Ask } from '../api.ts'
import { CITY } from '../nanjing.ts'
import { httpDesk, type Desk } from './desk.ts'
import { CREWS, INSPECTOR, OPERATOR, PEOPLE } from './staff.ts'

/** A program that is started again is waited for; what was on its way is asked again with its key. */
const PATIENCE_MS = minutes(15)
/** Longer than the longest run. */
const TOKEN_DAYS = 12

/**
 * The people of the simulated city with accounts of their own in a running Mingjie, made over its API by an administrator (`ask`), or
 * existing ones by `passwords`; and their crews, where there are none of these names. `leave` ends their tokens.
 */
export async function hireOverHttp(options: {
  url: string
  ask: Ask
  /** User name → password of accounts that are there already; undefined: they are made, or given new passwords. */
  passwords: Readonly<Record<string, string>> | undefined
}): Promise<{ desk: Desk; leave(): Promise<void> }> {
  const { url, ask, passwords } = options
  const tokens = new Map<string, string>()
  const leaving: (() => Promise<unknown>)[] = []
  for (const person of PEOPLE) {
    const { username } = person
    const password = passwords ? passwords[username] : await accountOf(ask, person)
    if (password === undefined)
      throw new UsageError(`no password of ${username}: --people needs one of each of its people`)
    const own = asking(url, await signIn(url, username, password))
    const made = await own<TokenAnswer>('/api/tokens', {
      method: 'POST',
      body: { name: 'npm run sim', days: TOKEN_DAYS }
    })
    tokens.set(username, made.token)
    leaving.push(() => own(`/api/tokens/${made.id}`, { method: 'DELETE' }))
  }
  const { items: known } = await ask<{ items: { id: string }[] }>('/api/crews')
  for (const [id, body] of Object.entries(CREWS))
    if (!known.some(one => one.id === id)) await ask(`/api/crews/${id}`, { method: 'PUT', body })
  const desk = httpDesk({
    url: new URL(url).origin,
    operator: tokens.get(OPERATOR.username) as string,
    inspector: tokens.get(INSPECTOR.username) as string,
    crews: new Map(Object.keys(CREWS).map(id => [id, tokens.get(id) as string])),
    codes: await codesOf(ask),
    patienceMs: PATIENCE_MS
  })
  return {
    desk,
    async leave() {
      for (const end of leaving) await end().catch(() => {})
    }
  }
}

/** The password of an account that is made now, or was by an earlier run: then it gets another one. */
async function accountOf(ask: Ask, person: (typeof PEOPLE)[number]): Promise<string> {
  const made = await ask<PersonAnswer>('/api/people', { method: 'POST', body: person }).catch(
    (error: unknown) => {
      if (!(error instanceof Refusal) || error.status !== 409) throw error
      return ask<PersonAnswer>(`/api/people/${person.username}`, {
        method: 'PUT',
        body: { resetPassword: true }
      })
    }
  )
  return made.secret as string
}

async function codesOf(ask: Ask): Promise<Map<string, string>> {
  const codes = new Map<string, string>()
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: { items: { facility: string; code: string }[]; nextCursor: string | null } = await ask(
      `/api/areas/${CITY.id}/codes?kind=toilet${cursor && `&cursor=${encodeURIComponent(cursor)}`}`
    )
    for (const { facility, code } of page.items) codes.set(facility, code)
    cursor = page.nextCursor
  }
  return codes
}
