import type { Session } from '#model/api'
import { error, redirect } from '@sveltejs/kit'
import { ApiError, api, signInPath } from '$lib/api.ts'
import type { LayoutLoad } from './$types'

/** Who is signed in; nobody sees a page of the app without it. Asked once, not at each step inside the app. */
export const load: LayoutLoad = async ({ url, untrack }) => {
  try {
    return { session: await api<Session>('/api/session', { stay: true }) }
  } catch (caught) {
    const unauthenticated = caught instanceof ApiError && caught.code === 'unauthenticated'
    if (unauthenticated) redirect(307, signInPath(untrack(() => url.pathname + url.search)))
    error(503)
  }
}
