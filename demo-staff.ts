import { httpDesk, type Desk } from '#sim/crews/desk'
import { CREWS, INSPECTOR, OPERATOR } from '#sim/crews/staff'
import { CITY } from '#sim/nanjing'
import { AppError } from '#model/errors'
import type { System } from './system.ts'

/** Asks the system's API as `admin`; throws on a refusal. */
export type Api = <T>(path: string, init?: RequestInit) => Promise<T>

export interface Staff {
  desk: Desk
  /** Their tokens end. */
  leave(): Promise<void>
}

/**
 * The people of the simulated city, with accounts of their own: made at the first start with passwords nobody is told, so that
 * nobody can sign in as one of them, and crews they are the members of. They work through the HTTP API like anybody.
 */
export async function hire({ system, api }: { system: System; api: Api }): Promise<Staff> {
  const { people } = system
  const tokens: string[] = []
  const account = async (person: typeof OPERATOR): Promise<string> => {
    await people.add(person).catch((error: unknown) => {
      if (!(error instanceof AppError) || error.code !== 'conflict') throw error
    })
    const token = await people.createToken(person.username, 'bearer')
    tokens.push(token)
    return token
  }
  const operator = await account(OPERATOR)
  const inspector = await account(INSPECTOR)
  const crews = new Map<string, string>()
  const { items: known } = await api<{ items: { id: string }[] }>('/api/crews')
  for (const [id, crew] of Object.entries(CREWS)) {
    crews.set(id, await account({ username: id, name: crew.name, role: 'crew' }))
    // As it was made at the first start, or as somebody made it since.
    if (known.some(one => one.id === id)) continue
    await api(`/api/crews/${id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(crew)
    })
  }
  const { items } = await api<{ items: { facility: string; code: string }[] }>(
    `/api/areas/${CITY.id}/codes?kind=toilet`
  )
  const codes = new Map(items.map(({ facility, code }) => [facility, code]))
  return {
    desk: httpDesk({ url: system.httpUrl, operator, inspector, crews, codes }),
    async leave() {
      for (const token of tokens) await people.revoke(token)
    }
  }
}
