import type { Seq } from '#db/journal'
import type { InfluxAddress } from '#db/telemetry/influx/requests'
import { influxServer } from '#db/telemetry/influx/server'
import type { Millis } from '#model/time'
import type { Manifest } from './format.ts'

/** What is there of the readings that a backup names and does not hold. */
export type History =
  /** They are in the backup, or all in InfluxDB, or there were none. */
  | { is: 'whole'; upTo: Seq }
  /** InfluxDB lacks those from `from` on, and the backup's journal has them: the next start writes them again. */
  | { is: 'again'; from: Seq; upTo: Seq }
  /** InfluxDB lacks all between, and the journal has only what comes after; `at` is its last write, if it has any. */
  | { is: 'missing'; from: Seq; before: Seq; at?: Millis }
  /** They lie in an InfluxDB that is not configured here. */
  | { is: 'elsewhere' }
  | { is: 'unknown'; reason: string }

/** Asks the InfluxDB that is configured here, and changes nothing in it. */
export async function historyOf(manifest: Manifest, influx: InfluxAddress | undefined): Promise<History> {
  const { influx: named, journal } = manifest
  if (!named || named.offset === 0) return { is: 'whole', upTo: 0 }
  if (!influx) return { is: 'elsewhere' }
  const server = influxServer(influx)
  try {
    const mark = await server.mark()
    if (!mark) return { is: 'unknown', reason: 'INFLUX_TOKEN does not let it be read' }
    const { offset: upTo } = named
    if (mark.seq >= upTo) return { is: 'whole', upTo }
    const from = mark.seq + 1
    const kept = Math.min(journal.confirmed.store, journal.confirmed.state, journal.head - 1) + 1
    if (kept <= from) return { is: 'again', from, upTo }
    return { is: 'missing', from, before: kept, ...(mark.at !== undefined && { at: mark.at }) }
  } catch (error) {
    return { is: 'unknown', reason: (error as Error).message }
  } finally {
    server.close()
  }
}

/** What to tell who restored; `fault` when history is not known to be whole. */
export function historyText(
  history: History,
  { influx: named, takenAt }: Manifest
): { fault: boolean; text: string } | undefined {
  if (!named) return undefined
  const where = `InfluxDB (the backup names ${named.bucket} at ${named.url})`
  const itsBackup =
    "Before you start Mingjie, restore InfluxDB's own backup taken after this one (docs/deployment.md)"
  switch (history.is) {
    case 'whole':
      return { fault: false, text: `History: InfluxDB has all readings up to record ${history.upTo}.` }
    case 'again':
      return {
        fault: false,
        text: `History: InfluxDB lacks records ${history.from} to ${history.upTo}; the backup's journal has them, the next start writes them again.`
      }
    case 'missing':
      return {
        fault: true,
        text:
          `History: ${where} lacks records ${history.from} to ${history.before - 1}, and they are not in the backup: ` +
          (history.at === undefined
            ? `it has no reading from before the backup of ${takenAt}. `
            : `readings from ${new Date(history.at).toISOString().slice(0, 16)}Z to shortly before ${takenAt} are missing. `) +
          `${itsBackup}; without one they are lost, and all later ones are kept.`
      }
    case 'elsewhere':
      return {
        fault: true,
        text: `History: readings up to record ${named.offset} are in ${where}, and INFLUX_URL is not set here: set it, or history begins anew in Postgres.`
      }
    case 'unknown':
      return {
        fault: true,
        text: `History: it could not be seen whether ${where} has the readings up to record ${named.offset}: ${history.reason}. ${itsBackup}, if it was lost; the start says what is missing.`
      }
  }
}
