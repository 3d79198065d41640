import { ApiError } from './api-error.ts'
import { newKey } from './tickets/key.ts'

/** The server has looked at it and will not have it; asking again says the same. */
const REFUSALS: readonly ApiError['code'][] = [
  'bad-request',
  'forbidden',
  'not-found',
  'no-such-place',
  'conflict',
  'move-not-allowed',
  'reason-required',
  'too-large',
  'not-a-photo'
]
export const isRefusal = (error: unknown): error is ApiError =>
  error instanceof ApiError && REFUSALS.includes(error.code)

/** The times in a request, which a second try says anew. */
interface Times {
  claimedAt?: string
  quietUntil?: string
}
const wishOf = <T extends object>(request: T): string =>
  JSON.stringify({ ...request, claimedAt: undefined, quietUntil: undefined } satisfies T & {
    [time in keyof Times]: undefined
  })

/** A wish that was sent and not answered. */
export interface Unanswered<T> {
  key: string
  request: T
  wish: string
}

/**
 * Sends what a person wishes under one Idempotency-Key. Without an answer it may have been done: the same wish goes again with its
 * first words and its first key, so that it is done once. Once refused, or worded otherwise, it is another wish.
 * `before`: one of a page that was taken away; `remember` is told what the next page has to know.
 */
export function createWish<T extends object>({
  before,
  remember = () => {}
}: { before?: Unanswered<T> | undefined; remember?: (unanswered: Unanswered<T> | undefined) => void } = {}) {
  let unanswered = before
  return async <A>(request: T, send: (request: T, key: string) => Promise<A>): Promise<A> => {
    const wish = wishOf(request)
    if (unanswered?.wish !== wish) unanswered = { key: newKey(), request, wish }
    const { key, request: first } = unanswered
    remember(unanswered)
    try {
      const answer = await send(first, key)
      unanswered = undefined
      return answer
    } catch (error) {
      if (isRefusal(error)) unanswered = undefined
      throw error
    } finally {
      remember(unanswered)
    }
  }
}
