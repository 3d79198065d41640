import type { AttachmentItem } from '#model/attachment-shapes'
import { MAX_PHOTO_BYTES, PHOTO_SIDE } from '#model/attachments'
import type { Millis } from '#model/time'
import { ApiError } from '../api-error.ts'
import type { KeptShot } from '../shots.ts'
import { newKey } from './key.ts'
import {
  CITIZENS,
  CITIZENS_FORGOTTEN_MS,
  FORGOTTEN_MS,
  LOCAL,
  localPhotos,
  withPhotos,
  without,
  type PhotoNames
} from './photo-names.ts'
import { keysOf, putAway, takeOut, throwAway } from './phone.ts'

/** Photos that wait on this phone. */
interface Kept {
  bytes: ArrayBuffer
  type: string
  name: string
  at: Millis
}
/** Smaller than this there is nothing to save by making it anew. */
const SMALL_BYTES = 600_000

/**
 * As large as the server keeps it: over a bad signal a tenth of what a camera makes. What cannot be read here goes as it is.
 */
export async function smaller(file: File): Promise<File> {
  if (file.size <= SMALL_BYTES) return file
  try {
    const image = await createImageBitmap(file)
    const scale = Math.min(1, PHOTO_SIDE / Math.max(image.width, image.height))
    const canvas = document.createElement('canvas')
    canvas.width = Math.round(image.width * scale)
    canvas.height = Math.round(image.height * scale)
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height)
    image.close()
    const blob = await new Promise<Blob | null>(resolve => canvas.toBlob(resolve, 'image/jpeg', 0.85))
    return blob && blob.size < file.size ? new File([blob], file.name, { type: 'image/jpeg' }) : file
  } catch {
    return file
  }
}

/**
 * Keeps it on this phone and answers the id it has until it is sent. Rejects with an ApiError when the server would not take it
 * anyway, else when there is no room for it here.
 */
export async function keepPhoto(file: File, at: Millis, prefix = LOCAL): Promise<string> {
  if (file.size > MAX_PHOTO_BYTES) throw new ApiError('too-large')
  const id = prefix + newKey()
  // Its bytes, not the file: a browser may lose the file behind it.
  const kept: Kept = { bytes: await file.arrayBuffer(), type: file.type, name: file.name, at }
  await putAway('photos', id, kept)
  return id
}

/** Sends what a request names from this phone. What the phone has lost, or nobody takes, is left out: the rest is still true. */
export async function sendPhotos<T extends PhotoNames>(
  request: T,
  upload: (file: File) => Promise<AttachmentItem | undefined>
): Promise<T> {
  const sent = new Map<string, string>()
  const lost = new Set<string>()
  for (const id of localPhotos(request)) {
    const file = await findPhoto(id)
    const item = file && (await upload(file))
    if (item) sent.set(id, item.id)
    else lost.add(id)
  }
  return without(withPhotos(request, sent), lost)
}

/** A photo of this phone; undefined when it is not here any more. */
export async function findPhoto(id: string): Promise<File | undefined> {
  const kept = (await takeOut('photos', id)) as Kept | undefined
  return kept && new File([kept.bytes], kept.name, { type: kept.type })
}

/** Which of these are not on this phone any more; all of them where it cannot look. */
export async function lostPhotos(ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set()
  const here = await keysOf('photos').catch((): string[] => [])
  return new Set(ids.filter(id => !here.includes(id)))
}

/** Of a form that was sent: what was kept of its photos, but for what the request names from this phone. */
export const dropUnnamed = (kept: readonly KeptShot[], request: PhotoNames): Promise<void> => {
  const named = localPhotos(request)
  return dropPhotos(kept.flatMap(({ local }) => local ?? []).filter(id => !named.includes(id)))
}
export const dropPhotos = (ids: readonly string[]): Promise<void> =>
  ids.length > 0 ? throwAway('photos', ids) : Promise.resolve()

/** Throws away what is of no more use: what nothing here names is left for a while, a form may still be open. */
export async function tidyPhotos(named: readonly string[], now: Millis): Promise<void> {
  const left = (await keysOf('photos')).filter(id => !named.includes(id))
  for (const id of left) {
    const kept = (await takeOut('photos', id)) as Kept | undefined
    const forgottenMs = id.startsWith(CITIZENS) ? CITIZENS_FORGOTTEN_MS : FORGOTTEN_MS
    if (!kept || now - kept.at > forgottenMs) await throwAway('photos', [id])
  }
}
