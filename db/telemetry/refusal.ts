import { isDataFault } from '#db/postgres/troubles'
import type { Millis } from '#model/time'

/** What InfluxDB answers to points it will never take. */
const REFUSED_STATUS = [400, 422]

/** A telemetry store will never take these rows as they are; anything else is worth another try. */
export const refusesRows = (error: unknown): boolean =>
  isDataFault(error) || REFUSED_STATUS.includes((error as { statusCode?: number }).statusCode ?? 0)

/** How long the store asked to be left alone; 0 when it did not. */
export const retryAfterOf = (error: unknown): Millis =>
  (error as { retryAfterMs?: Millis } | undefined)?.retryAfterMs ?? 0
