import { error, redirect } from '@sveltejs/kit'
import { ApiError, signInPath } from '$lib/api.ts'
import { whoIsHere } from '$lib/signed-in.ts'
import { recallSeen } from '$lib/tickets/seen.ts'
import type { LayoutLoad } from './$types'

/** Who is signed in; nobody sees a page of the app without it. Asked once, not at each step inside the app. */
export const load: LayoutLoad = async ({ url, untrack }) => {
  try {
    const session = await whoIsHere()
    await recallSeen(session.username)
    return { session }
  } catch (caught) {
    const unauthenticated = caught instanceof ApiError && caught.code === 'unauthenticated'
    if (unauthenticated) redirect(307, signInPath(untrack(() => url.pathname + url.search)))
    error(503)
  }
}
