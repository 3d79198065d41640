import type { Session } from '#model/api'
import { ApiError, api } from './api.ts'
import { forget, recall, remember } from './memory.ts'
import { forgetMine } from './tickets/mine.ts'
import { forgetSeen } from './tickets/seen.ts'

/** Signed out where there was no signal: the server is told before anything else is asked. */
const LEAVING = 'leaving'
const SESSION = 'session'

/**
 * Who is signed in here. Without signal: who was, so that a phone opens with what it has kept.
 * @throws ApiError `unauthenticated`, `unreachable` when nobody was
 */
export async function whoIsHere(): Promise<Session> {
  if (recall(LEAVING) !== null) {
    await api('/api/session', { method: 'DELETE', stay: true }).catch(nobodyThere)
    forget(LEAVING)
    throw new ApiError('unauthenticated')
  }
  try {
    const session = await api<Session>('/api/session', { stay: true })
    remember(SESSION, JSON.stringify(session))
    return session
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (error.code === 'unauthenticated') await forgetAll()
    const before = error.code === 'unreachable' && lastHere()
    if (before) return before
    throw error
  }
}

/** Ends the session, here at once and at the server as soon as it can be reached. What waits to be sent, or was begun, stays under its name. */
export async function leave(): Promise<void> {
  await forgetAll()
  remember(LEAVING, 'yes')
  try {
    await api('/api/session', { method: 'DELETE', stay: true })
    forget(LEAVING)
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'unreachable') forget(LEAVING)
  }
}

/** Somebody signs in: what was to be ended has been. */
export const arrived = (): void => forget(LEAVING)

/** Nobody is signed in: nothing of anybody stays, but what waits to be sent, or was begun, under its name. */
export async function forgetAll(): Promise<void> {
  forget(SESSION)
  forgetMine()
  await forgetSeen()
}

function lastHere(): Session | undefined {
  try {
    return (JSON.parse(recall(SESSION) ?? 'null') as Session | null) ?? undefined
  } catch {
    return undefined
  }
}

function nobodyThere(error: unknown): void {
  if (error instanceof ApiError && error.code === 'unreachable') throw new ApiError('unauthenticated')
}
