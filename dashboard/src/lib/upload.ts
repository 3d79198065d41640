import type { Problem } from '#model/api'
import type { AttachmentItem } from '#model/attachment-shapes'
import { seconds } from '#model/time'
import { askToSignIn, ApiError } from './api.ts'

/** Nothing has moved for so long: this signal carries no photo now. */
const STALLED_MS = seconds(12)

interface Way {
  /** Told how far it is, 0 to 1. */
  progress: (share: number) => void
  /** Default: the photos of who is signed in. */
  to?: string
}

/**
 * Sends a photo and says how far it is; `fetch` cannot tell that.
 * @throws ApiError
 */
export function uploadPhoto<Answer = AttachmentItem>(
  file: File,
  { progress, to = '/api/attachments' }: Way
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', to)
    request.responseType = 'json'
    request.setRequestHeader('accept', 'application/json')
    let stalled: ReturnType<typeof setTimeout> | undefined
    const moved = () => {
      clearTimeout(stalled)
      stalled = setTimeout(() => request.abort(), STALLED_MS)
    }
    moved()
    request.upload.onprogress = ({ loaded, total }) => {
      moved()
      if (total > 0) progress(loaded / total)
    }
    request.onloadend = () => clearTimeout(stalled)
    request.onerror = request.onabort = () => reject(new ApiError('unreachable'))
    request.onload = () => {
      if (request.status === 200) return resolve(request.response as Answer)
      if (request.status === 401) void askToSignIn()
      const problem = request.response as Problem | null
      reject(new ApiError(problem?.code ?? 'internal', problem?.detail))
    }
    const form = new FormData()
    form.append('file', file)
    request.send(form)
  })
}
