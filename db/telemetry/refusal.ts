import { isDataFault } from '#db/postgres/connect'

/** What InfluxDB answers to points it will never take. */
const REFUSED_STATUS = [400, 422]

/** A telemetry store will never take these rows as they are; anything else is worth another try. */
export const refusesRows = (error: unknown): boolean =>
  isDataFault(error) || REFUSED_STATUS.includes((error as { statusCode?: number }).statusCode ?? 0)
