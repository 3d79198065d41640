import type { PublicReportRequest } from '#model/report-follow-shapes'
import type { TicketKind } from '#model/ticket-kinds'
import { forget, recall, remember } from './memory.ts'
import type { KeptShot } from './shots.ts'
import { CITIZENS_FORGOTTEN_MS } from './tickets/photo-names.ts'
import type { Unanswered } from './wish.ts'

/** What a person without an account wrote on this phone and has not sent. */
export interface ReportDraft {
  /** This phone's time of the last change. */
  at: number
  /** The facility in the page's address, '' without one: at another sign it is another report. */
  sign: string
  kind?: TicketKind | undefined
  typed: string
  lat: string
  lon: string
  accuracyM?: number | undefined
  note: string
  shots: readonly KeptShot[]
  /** It was sent, and no answer came: sent again it is the same report. */
  unanswered?: Unanswered<PublicReportRequest> | undefined
}
const NAME = 'report-draft'

/** Not older than the server knows its photos: whoever picks this phone up tomorrow reads nothing. */
export function lastReport(now: number): ReportDraft | undefined {
  try {
    const draft = JSON.parse(recall(NAME) ?? 'null') as ReportDraft | null
    if (draft && now - draft.at <= CITIZENS_FORGOTTEN_MS && Array.isArray(draft.shots)) return draft
  } catch {
    // It is none of ours.
  }
  forget(NAME)
  return undefined
}

const isEmpty = ({ kind, typed, lat, lon, note, shots }: ReportDraft): boolean =>
  kind === undefined && `${typed}${lat}${lon}${note}`.trim() === '' && shots.length === 0

/** An empty one is none; one that says the same is as old as it was. */
export function keepReport(draft: ReportDraft): void {
  if (isEmpty(draft)) return forget(NAME)
  const before = lastReport(draft.at)
  const same = before && JSON.stringify({ ...draft, at: before.at }) === JSON.stringify(before)
  if (!same) remember(NAME, JSON.stringify(draft))
}
export const forgetReport = (): void => forget(NAME)
