import { HttpError } from '@influxdata/influxdb-client'
import { AppError } from '#model/errors'
import { minutes, seconds } from '#model/time'

/** A longer `Retry-After` is not believed. */
const MOST_RETRY_AFTER_MS = minutes(5)

/** What InfluxDB 1, 2 and 3 say of lines that they will never take. */
const BAD_LINES = /field type conflict|unable to parse|invalid column type|line protocol/i
/** Said of good lines that it has no room for: an index limit of 1.x, to be lifted by its operator. */
const LIMIT = /max-(series|values)-per-\w+|limit exceeded/i

/**
 * What went wrong with a request, in words with the fix. Rows that InfluxDB will never take: an error with its `statusCode`,
 * for which the store consumer looks for the record. Everything else, also an answer nobody knows, is `database-away`: it is
 * tried again and loses nothing; `retryAfterMs` when InfluxDB named a time.
 */
export function influxTrouble(error: unknown, at: { url: string; bucket: string }): Error {
  if (error instanceof AppError) return error
  if (!(error instanceof HttpError)) return away(`InfluxDB at ${at.url} ${silence(error)}`, error)
  const { statusCode } = error
  const said = saidIn(error.body)
  if ([400, 422].includes(statusCode) && BAD_LINES.test(said) && !LIMIT.test(said)) {
    return Object.assign(new Error(`InfluxDB refuses it: ${said}`), { statusCode })
  }
  const trouble = away(`InfluxDB ${fixOf(statusCode, said, at)} (${statusCode}: ${said})`, error)
  const retryAfterMs = seconds(Number(error.headers?.['retry-after']))
  return retryAfterMs > 0
    ? Object.assign(trouble, { retryAfterMs: Math.min(retryAfterMs, MOST_RETRY_AFTER_MS) })
    : trouble
}

function fixOf(statusCode: number, said: string, { bucket }: { bucket: string }): string {
  if (LIMIT.test(said))
    return 'takes no more devices: raise max-values-per-tag and max-series-per-database in its configuration, or set index-version = "tsi1"'
  if (statusCode === 401) return 'does not accept INFLUX_TOKEN: set a valid one'
  if (statusCode === 403)
    return `does not let INFLUX_TOKEN read and write bucket ${bucket}: give it the right to`
  if (statusCode === 404)
    return `has no bucket ${bucket}: create it with 35 days of retention, or correct INFLUX_BUCKET and INFLUX_ORG`
  if (statusCode === 413) return 'or a proxy before it takes no request of 2 MB: raise its limit'
  if (statusCode === 429) return 'asks for fewer writes'
  if (/cache-max-memory/.test(said))
    return 'cannot keep up: give it time, memory (cache-max-memory-size) or a faster disk'
  if (/no space|disk/i.test(said)) return 'cannot write its disk: free space there'
  if (statusCode >= 500) return 'is in trouble: see its log'
  return 'gave an answer that is not understood: check INFLUX_URL and its log'
}

const away = (message: string, cause: unknown) => new AppError('database-away', message, { cause })

function silence(error: unknown): string {
  const { name, code, message } = error as Error & { code?: string }
  if (['AbortError', 'TimeoutError', 'RequestTimedOutError'].includes(name))
    return 'does not answer in time: it is overloaded or stands still'
  return `cannot be reached: start it or correct INFLUX_URL (${code ?? message})`
}

/** 1.x: `{error}`; 2.x: `{code, message}`; 3.x: either, or text. */
function saidIn(body = ''): string {
  try {
    const { error, message } = JSON.parse(body) as { error?: string; message?: string }
    return (error ?? message ?? body).slice(0, 500)
  } catch {
    return body.trim().slice(0, 500)
  }
}
