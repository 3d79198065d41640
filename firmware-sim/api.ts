import type { Problem } from '#model/api'

/** What the person who called the program can mend; everything else is a fault of ours and keeps its stack. */
export class UsageError extends Error {}

/** Asks a running Mingjie as one account. Rejects with its own words where it refuses. */
export type Ask = <T>(path: string, init?: AskInit) => Promise<T>
export interface AskInit {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Sent as JSON; a string as CSV. */
  body?: object | string
}

/** An answer that is no: `status` is HTTP's. */
export class Refusal extends UsageError {
  readonly status: number
  constructor(status: number, words: string) {
    super(words)
    this.status = status
  }
}

async function send(url: URL, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init).catch((cause: Error) => {
    throw new UsageError(`${url.origin} does not answer: is Mingjie running there?`, { cause })
  })
  if (response.ok) return response
  const problem = (await response.json().catch(() => undefined)) as Problem | undefined
  const words = problem ? [problem.title, problem.detail].filter(Boolean).join(': ') : response.statusText
  throw new Refusal(
    response.status,
    `${init.method} ${url.pathname} was refused (${response.status}): ${words}`
  )
}

/** As whom: the headers of a signed-in account, by its password. */
export async function signIn(url: string, username: string, password: string) {
  const { origin } = new URL(url)
  const response = await send(new URL('/api/session', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin },
    body: JSON.stringify({ username, password })
  })
  const cookies = response.headers.getSetCookie().map(cookie => cookie.split(';')[0])
  return { cookie: cookies.join('; '), origin }
}

/** `credentials` are headers, of `signIn` or a bearer token. */
export function asking(url: string, credentials: Record<string, string>): Ask {
  return async <T>(path: string, { method = 'GET', body }: AskInit = {}) => {
    const type = typeof body === 'string' ? 'text/csv' : 'application/json'
    const response = await send(new URL(path, url), {
      method,
      headers: { ...credentials, ...(body !== undefined && { 'content-type': type }) },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) })
    })
    return (response.status === 204 ? undefined : await response.json()) as T
  }
}
