import type { AnsweredChecklist } from '#model/checklists'
import type { TicketAction } from '#model/tickets'
import type { Millis } from '#model/time'
import type { KeptShot } from '../shots.ts'
import type { Shelf } from './outbox.ts'
import { FORGOTTEN_MS, localPhotos } from './photo-names.ts'

/** Which form it is: nobody sees what another began on the same phone. */
export interface DraftOf {
  who: string
  ticket: string
  action: TicketAction
}
/** What somebody wrote, answered and photographed for an action, and has not sent. */
export interface Draft extends DraftOf {
  /** This phone's time of the last change. */
  at: Millis
  note: string
  shots: readonly KeptShot[]
  answered?: AnsweredChecklist | undefined
  deferDays?: number | undefined
  extendMs?: number | undefined
}

const NAME = 'mingjie.drafts'
/** Of this phone; the oldest goes first. */
const MOST = 20

const isOf = (one: DraftOf, { who, ticket, action }: DraftOf): boolean =>
  one.who === who && one.ticket === ticket && one.action === action

/** What is kept and not forgotten, the one last changed last; a shelf that holds something else holds nothing of ours. */
export function draftsKept(shelf: Shelf, now: Millis): Draft[] {
  try {
    const found: unknown = JSON.parse(shelf.getItem(NAME) ?? '[]')
    if (!Array.isArray(found)) return []
    return (found as Partial<Draft>[]).filter(isOurs).filter(({ at }) => now - at <= FORGOTTEN_MS)
  } catch {
    return []
  }
}
const isOurs = (one: Partial<Draft> | null): one is Draft =>
  Boolean(one?.who && one.ticket && one.action && one.at) &&
  typeof one?.note === 'string' &&
  Array.isArray(one.shots)

const write = (shelf: Shelf, drafts: readonly Draft[]) => shelf.setItem(NAME, JSON.stringify(drafts))

/** In the place of what was kept of the same form; an empty one is none. Where a phone keeps nothing, nothing is kept. */
export function keepDraft(shelf: Shelf, draft: Draft): void {
  const others = draftsKept(shelf, draft.at).filter(one => !isOf(one, draft))
  try {
    write(shelf, (isEmpty(draft) ? others : [...others, draft]).slice(-MOST))
  } catch {
    // The form on the page is all there is.
  }
}
const isEmpty = ({ note, shots, answered, deferDays, extendMs }: Draft): boolean =>
  note.trim() === '' &&
  shots.length === 0 &&
  !answered?.answers.length &&
  deferDays === undefined &&
  extendMs === undefined

/** Takes away what `wanted` names; answers the photos of it that lie on this phone. */
export function dropDrafts(shelf: Shelf, wanted: (draft: Draft) => boolean, now: Millis): string[] {
  const all = draftsKept(shelf, now)
  const gone = all.filter(wanted)
  if (gone.length === 0) return []
  try {
    write(
      shelf,
      all.filter(one => !gone.includes(one))
    )
  } catch {
    // Then nothing was written before either.
  }
  return gone.flatMap(photosOf)
}
/** Nothing forgotten lies about; answers what is left. */
export function tidyDrafts(shelf: Shelf, now: Millis): Draft[] {
  const left = draftsKept(shelf, now)
  try {
    write(shelf, left)
  } catch {
    // It is passed over all the same.
  }
  return left
}
export const dropDraft = (shelf: Shelf, form: DraftOf, now: Millis): string[] =>
  dropDrafts(shelf, one => isOf(one, form), now)

export const draftOf = (shelf: Shelf, form: DraftOf, now: Millis): Draft | undefined =>
  draftsKept(shelf, now).find(one => isOf(one, form))

/** The ids of its photos that lie on this phone. */
export const photosOf = ({ shots, answered }: Pick<Draft, 'shots' | 'answered'>): string[] => [
  ...shots.flatMap(({ local }) => local ?? []),
  ...(answered ? localPhotos({ checklist: answered }) : [])
]
