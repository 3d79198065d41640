import { seconds, type Millis } from '#model/time'
import { ApiError } from './api-error.ts'

/** So often, and so long before each time, a server that takes no photo just now is asked again. */
const PATIENCE_MS: readonly Millis[] = [seconds(1), seconds(2), seconds(4)]
const pass = (ms: Millis) => new Promise<void>(resolve => setTimeout(resolve, ms))

/**
 * Photos picked together go one after another: a bad signal carries one sooner than three, and a server takes few at a time.
 * One that it takes none of just now is asked for again a few times; what is wrong with one does not keep the next.
 */
export function photoQueue({ wait = pass }: { wait?: (ms: Millis) => Promise<void> } = {}) {
  let last: Promise<unknown> = Promise.resolve()

  async function patiently<T>(send: () => Promise<T>): Promise<T> {
    for (const ms of PATIENCE_MS) {
      try {
        return await send()
      } catch (error) {
        if (!(error instanceof ApiError && error.code === 'too-many-requests')) throw error
        await wait(ms)
      }
    }
    return send()
  }

  /** Resolves or rejects as `send` does, once it is its turn. */
  return <T>(send: () => Promise<T>): Promise<T> => {
    const mine = last.then(() => patiently(send))
    last = mine.catch(() => undefined)
    return mine
  }
}
