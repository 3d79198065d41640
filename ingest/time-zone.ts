import { submitChange } from '#db/changes'
import type { Database } from '#db/database'
import { AppError } from '#model/errors'
import type { Clock } from '#model/time'
import type { Ingest } from './ingest.ts'

/**
 * Tells the rules by which clock the city lives, if they know another one. It is a change like any other, so that a replay
 * does not ask the environment. Resolves once it is in effect; rules that are far behind come to it in their turn.
 */
export async function tellTimeZone(options: {
  db: Database
  ingest: Pick<Ingest, 'rules' | 'state'>
  /** IANA name. */
  timeZone: string
  clock: Clock
  log: (message: string) => void
}): Promise<void> {
  const { db, ingest, timeZone, clock, log } = options
  const before = ingest.rules.timeZone()
  if (before === timeZone) return
  const { id } = await submitChange(db, {
    subject: 'city:clock',
    body: { kind: 'city', timeZone },
    who: 'system',
    why: `CITY_TZ is ${timeZone}, the rules went by ${before}`,
    requestedAt: clock.now()
  })
  try {
    await ingest.state.applied(id)
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'not-applied-yet')) throw error
    log(`the rules go by ${before} until they have caught up, then by ${timeZone}`)
  }
}
