import type { Problem } from '#model/api'
import { goto } from '$app/navigation'
import { ApiError } from './api-error.ts'
import type { Words } from './i18n/words.svelte.ts'

export { ApiError }

interface Request {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  json?: unknown
  csv?: string
  /** A file, as a form of one. */
  file?: File
  headers?: Record<string, string>
  /** Longer than this is as good as no answer. */
  withinMs?: number
  /** A 401 is the caller's to handle. */
  stay?: true
}

/**
 * Asks the server and answers the parsed body (undefined for 204). A 401 leads to the sign-in page and back afterwards.
 * @throws ApiError
 */
export async function api<T>(path: string, request: Request = {}): Promise<T> {
  const response = await send(path, request)
  if (response.ok) return response.status === 204 ? (undefined as T) : ((await response.json()) as T)
  const problem = (await response.json().catch(() => undefined)) as Problem | undefined
  if (response.status === 401 && !request.stay) await askToSignIn()
  const reasons = problem?.errors?.map(error => `${error.path} ${error.message}`.trim()).join('; ')
  throw new ApiError(problem?.code ?? 'internal', problem?.detail ?? reasons)
}

async function send(
  path: string,
  { method = 'GET', json, csv, file, headers = {}, withinMs }: Request
): Promise<Response> {
  const type = csv !== undefined ? 'text/csv' : 'application/json'
  const body = file ? formOf(file) : (csv ?? (json === undefined ? undefined : JSON.stringify(json)))
  try {
    return await fetch(path, {
      method,
      headers: {
        accept: 'application/json',
        // A form says its own, with the line between its parts.
        ...(typeof body === 'string' && { 'content-type': type }),
        ...headers
      },
      ...(body !== undefined && { body }),
      ...(withinMs !== undefined && { signal: AbortSignal.timeout(withinMs) })
    })
  } catch {
    throw new ApiError('unreachable')
  }
}

function formOf(file: File): FormData {
  const form = new FormData()
  form.append('file', file)
  return form
}

/** Where the reader is now, as a path to come back to. */
const here = () => location.pathname + location.search

export const signInPath = (next: string) =>
  next === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(next)}`

export async function askToSignIn(): Promise<void> {
  if (location.pathname !== '/sign-in') await goto(signInPath(here()))
}

/** A failure in the reader's language; the server's own detail is English and follows where it says more. */
export function problemText(error: unknown, { t, language }: Words): string {
  if (!(error instanceof ApiError)) return t.problems.internal
  const own = t.problems[error.code]
  if (!error.detail) return own
  return language === 'en' ? error.detail : `${own}（${error.detail}）`
}

/** `?a=1&b=2` of what is set. */
export function queryOf(values: Record<string, string | number | boolean | undefined>): string {
  const set = Object.entries(values).filter(([, value]) => value !== undefined && value !== '')
  return set.length
    ? `?${new URLSearchParams(set.map(([key, value]) => [key, String(value)])).toString()}`
    : ''
}
