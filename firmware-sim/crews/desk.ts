import type { Problem, TicketDetail, TicketSummary } from '#model/api'
import type { TicketAction } from '#model/tickets'

/** What of a ticket a crew looks at. */
export type Work = Pick<
  TicketSummary,
  'id' | 'rule' | 'subject' | 'crew' | 'state' | 'allowedMs' | 'verification' | 'paused'
>

/** Mingjie as its people reach it: over HTTP, each with their own account. */
export interface Desk {
  openTickets(): Promise<Work[]>
  /** What came of it: `undefined` when it was done, else why it was refused. */
  act(ticket: Work, action: TicketAction, as: 'operator' | 'crew', note?: string): Promise<string | undefined>
  /** Scans the code at a door after cleaning. */
  scan(facility: string): Promise<void>
}

export function httpDesk(options: {
  url: string
  /** Bearer tokens of the operator, and of a member of each crew by the crew's id. */
  operator: string
  crews: ReadonlyMap<string, string>
  /** Facility → what its QR code says. */
  codes: ReadonlyMap<string, string>
}): Desk {
  const { url, operator, crews, codes } = options
  const [anyCrew = operator] = crews.values()
  const send = (path: string, token: string, body?: object) =>
    fetch(url + path, {
      method: body ? 'POST' : 'GET',
      headers: {
        authorization: `Bearer ${token}`,
        ...(body && { 'content-type': 'application/json' })
      },
      ...(body && { body: JSON.stringify(body) })
    })
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
      const token = as === 'operator' ? operator : (crews.get(ticket.crew ?? '') ?? anyCrew)
      const answer = await send(`/api/tickets/${ticket.id}/actions`, token, { action, ...(note && { note }) })
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
