import { randomUUID } from 'node:crypto'
import { AppError } from '#model/errors'
import type { Millis } from '#model/time'
import type { BacktestRequest } from './backtest.ts'
import type { BacktestResult } from './run-backtest.ts'

export interface BacktestJob {
  id: string
  request: BacktestRequest
  who: string
  askedAt: Millis
  state: 'waiting' | 'running' | 'done' | 'cancelled' | 'failed'
  /** 0 to 1. */
  progress: number
  result: BacktestResult | undefined
  /** Why it failed, for the person who asked. */
  error: string | undefined
}

/** Kept in memory; older ones are gone, and all of them with the program. */
const KEPT = 20
const MOST_WAITING = 5

/** Back-tests one after the other. */
export interface BacktestJobs {
  /** Throws `too-many-requests` when too many wait. */
  ask(request: BacktestRequest, who: string, at: Millis): BacktestJob
  get(id: string): BacktestJob | undefined
  /** Harmless for one that is over. */
  cancel(id: string): BacktestJob | undefined
  /** Cancels what runs and waits for it. */
  close(): Promise<void>
}

export function backtestJobs(options: {
  run: (
    request: BacktestRequest,
    how: { signal: AbortSignal; onProgress: (share: number) => void }
  ) => Promise<BacktestResult>
  onError: (error: unknown) => void
}): BacktestJobs {
  const jobs = new Map<string, BacktestJob>()
  const stops = new Map<string, AbortController>()
  let running: Promise<void> | undefined

  const waiting = (): BacktestJob[] => [...jobs.values()].filter(({ state }) => state === 'waiting')

  function next(): void {
    if (running) return
    const [job] = waiting()
    if (!job) return
    job.state = 'running'
    running = work(job).finally(() => {
      running = undefined
      next()
    })
  }

  async function work(job: BacktestJob): Promise<void> {
    const stop = new AbortController()
    stops.set(job.id, stop)
    try {
      job.result = await options.run(job.request, {
        signal: stop.signal,
        onProgress: share => void (job.progress = share)
      })
      job.progress = 1
      job.state = 'done'
    } catch (error) {
      if (stop.signal.aborted) return
      job.state = 'failed'
      job.error = error instanceof AppError ? error.message : 'It could not be run; the log says why.'
      if (!(error instanceof AppError)) options.onError(error)
    } finally {
      stops.delete(job.id)
    }
  }

  function forget(): void {
    for (const [id, { state }] of jobs) {
      if (jobs.size <= KEPT) return
      if (state !== 'waiting' && state !== 'running') jobs.delete(id)
    }
  }

  function cancel(id: string): BacktestJob | undefined {
    const job = jobs.get(id)
    if (job && (job.state === 'waiting' || job.state === 'running')) {
      job.state = 'cancelled'
      stops.get(id)?.abort()
    }
    return job
  }

  return {
    ask(request, who, askedAt) {
      if (waiting().length >= MOST_WAITING) {
        throw new AppError('too-many-requests', 'Others wait for their back-tests: try again in a minute.')
      }
      const id = randomUUID()
      const job: BacktestJob = {
        id,
        request,
        who,
        askedAt,
        state: 'waiting',
        progress: 0,
        result: undefined,
        error: undefined
      }
      jobs.set(id, job)
      forget()
      next()
      return job
    },
    get: id => jobs.get(id),
    cancel,
    async close() {
      for (const id of jobs.keys()) cancel(id)
      await running
    }
  }
}
