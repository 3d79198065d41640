import { days, hours } from '#model/time'

/** Where an id of a sent photo stands, `local:…` says that it has yet to be sent. */
export const LOCAL = 'local:'
/** The same of people without an account: no action of the staff names one. */
export const CITIZENS = 'citizen:'
const isLocal = (id: string): boolean => id.startsWith(LOCAL)

/** A photo that no form or action names any more is forgotten after so long, as is a draft. */
export const FORGOTTEN_MS = days(2)
/** The same of people without an account: so long the server knows what they sent. */
export const CITIZENS_FORGOTTEN_MS = hours(1)

/** Where a request names photos. */
export type PhotoNames = { photos?: string[]; checklist?: { answers: { photo?: string }[] } }

/** The ids of photos in a request that are only on this phone. */
export const localPhotos = ({ photos = [], checklist }: PhotoNames): string[] =>
  [...photos, ...(checklist?.answers.flatMap(({ photo }) => photo ?? []) ?? [])].filter(isLocal)

/** The request with the ids the photos have now; the same photo twice is one. */
export function withPhotos<T extends PhotoNames>(request: T, sent: ReadonlyMap<string, string>): T {
  const now = (id: string): string => sent.get(id) ?? id
  const { photos, checklist } = request
  return {
    ...request,
    ...(photos && { photos: [...new Set(photos.map(now))] }),
    ...(checklist && {
      checklist: {
        ...checklist,
        answers: checklist.answers.map(answer =>
          answer.photo ? { ...answer, photo: now(answer.photo) } : answer
        )
      }
    })
  }
}

/** The request without these photos. */
export function without<T extends PhotoNames>(request: T, lost: ReadonlySet<string>): T {
  if (lost.size === 0) return request
  const { photos, checklist } = request
  const answers = checklist?.answers.map(answer => {
    const { photo, ...rest } = answer
    return photo !== undefined && lost.has(photo) ? rest : answer
  })
  return {
    ...request,
    ...(photos && { photos: photos.filter(id => !lost.has(id)) }),
    ...(checklist && answers && { checklist: { ...checklist, answers } })
  }
}
