import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Problem, TicketDetail, TicketSummary } from '#model/api'
import type { TicketAction } from '#model/tickets'
import { seconds, type Millis } from '#model/time'

/** What of a ticket a crew looks at. */
export type Work = Pick<
  TicketSummary,
  'id' | 'rule' | 'subject' | 'crew' | 'state' | 'allowedMs' | 'verification' | 'paused'
>

export type DeskRole = 'operator' | 'inspector' | 'crew'

/** Mingjie as its people reach it: over HTTP, each with their own account. */
export interface Desk {
  openTickets(): Promise<Work[]>
  /** What came of it: `undefined` when it was done, else why it was refused. */
  act(ticket: Work, action: TicketAction, as: DeskRole, note?: string): Promise<string | undefined>
  /** Scans the code at a door after cleaning. */
  scan(facility: string): Promise<void>
}

export function httpDesk(options: {
  url: string
  /** Bearer tokens of the operator and the inspector, and of a member of each crew by the crew's id. */
  operator: string
  inspector: string
  crews: ReadonlyMap<string, string>
  /** Facility → what its QR code says. */
  codes: ReadonlyMap<string, string>
  /** How long a program that does not answer is waited for; default not at all. */
  patienceMs?: Millis
}): Desk {
  const { url, operator, inspector, crews, codes, patienceMs = 0 } = options
  const tokenOf = (as: DeskRole, crew: string | null) =>
    as === 'operator' ? operator : as === 'inspector' ? inspector : (crews.get(crew ?? '') ?? anyCrew)
  const [anyCrew = operator] = crews.values()
  /** Once, however often it is tried: an answer may be lost where the program ends. */
  const send = (path: string, token: string, body?: object) => {
    const init: RequestInit = {
      method: body ? 'POST' : 'GET',
      headers: {
        authorization: `Bearer ${token}`,
        ...(body && { 'content-type': 'application/json', 'idempotency-key': randomUUID() })
      },
      ...(body && { body: JSON.stringify(body) })
    }
    return patiently(() => fetch(url + path, init), patienceMs)
  }
  const refusal = async (answer: Response): Promise<string> => {
    const problem = (await answer.json().catch(() => undefined)) as Problem | undefined
    return problem?.detail ?? problem?.title ?? `it answers ${answer.status}`
  }

  return {
    async openTickets() {
      const answer = await send('/api/tickets?status=open&limit=1000', operator)
      if (!answer.ok) throw new Error(`the open tickets cannot be read: ${await refusal(answer)}`)
      return ((await answer.json()) as { items: TicketSummary[] }).items
    },
    async act(ticket, action, as, note) {
      const body = { action, ...(note && { note }) }
      const answer = await send(`/api/tickets/${ticket.id}/actions`, tokenOf(as, ticket.crew), body)
      if (!answer.ok) return refusal(answer)
      await (answer.json() as Promise<TicketDetail>)
      return undefined
    },
    async scan(facility) {
      const answer = await send(`/api/facilities/${facility}/service`, anyCrew, {
        token: codes.get(facility)
      })
      if (!answer.ok) throw new Error(`the code of ${facility} was refused: ${await refusal(answer)}`)
      await answer.body?.cancel()
    }
  }
}

async function patiently(ask: () => Promise<Response>, patienceMs: Millis): Promise<Response> {
  const until = performance.now() + patienceMs
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (performance.now() >= until) throw error
      await pause(seconds(1))
    }
  }
}
