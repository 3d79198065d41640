import { setTimeout as sleep } from 'node:timers/promises'
import { seconds } from '#model/time'
import type { StateStore } from '../state-store.ts'
import { isAway, reasonOf } from './troubles.ts'

const RETRY_MS = { first: 100, most: seconds(5) }

export interface AtStart {
  /** What `work` answers, tried again while the database cannot take it. Rejects with what waiting does not mend. */
  patiently<T>(work: () => Promise<T>): Promise<T>
  /** The same store, whose reads wait too. */
  patientReads(store: StateStore): StateStore
  /** From here on nothing waits in here: the running parts have their own patience and say so themselves. */
  over(): void
}

/** Lets a start wait for its database instead of failing. `signal` ends the waiting with an `AbortError`. */
export function patientStart(options: {
  /** At first and whenever the reason is another; when it rejects, so does what waits. */
  onWaiting: (reason: string) => Promise<void>
  onBack: () => void
  signal?: AbortSignal | undefined
}): AtStart {
  const { onWaiting, onBack, signal } = options
  let waitsFor: string | undefined
  let isOver = false

  async function patiently<T>(work: () => Promise<T>): Promise<T> {
    for (let waitMs = RETRY_MS.first; ; waitMs = Math.min(2 * waitMs, RETRY_MS.most)) {
      try {
        const answer = await work()
        if (waitsFor !== undefined) onBack()
        waitsFor = undefined
        return answer
      } catch (error) {
        if (isOver || !isAway(error)) throw error
        const reason = reasonOf(error)
        if (reason !== waitsFor) await onWaiting((waitsFor = reason))
        await sleep(waitMs, undefined, signal && { signal })
      }
    }
  }

  return {
    patiently,
    patientReads: store => ({
      ...store,
      position: () => patiently(() => store.position()),
      checkpoint: () => patiently(() => store.checkpoint()),
      appliedAfter: (no, limit) => patiently(() => store.appliedAfter(no, limit))
    }),
    over: () => void (isOver = true)
  }
}
