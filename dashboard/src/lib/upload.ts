import type { Problem } from '#model/api'
import type { AttachmentItem } from '#model/attachments'
import { askToSignIn, ApiError } from './api.ts'

/**
 * Sends a photo and says how far it is, 0 to 1; `fetch` cannot tell that.
 * @throws ApiError
 */
export function uploadPhoto(file: File, progress: (share: number) => void): Promise<AttachmentItem> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', '/api/attachments')
    request.responseType = 'json'
    request.setRequestHeader('accept', 'application/json')
    request.upload.onprogress = ({ loaded, total }) => total > 0 && progress(loaded / total)
    request.onerror = request.ontimeout = () => reject(new ApiError('unreachable'))
    request.onload = () => {
      if (request.status === 200) return resolve(request.response as AttachmentItem)
      if (request.status === 401) void askToSignIn()
      const problem = request.response as Problem | null
      reject(new ApiError(problem?.code ?? 'internal', problem?.detail))
    }
    const form = new FormData()
    form.append('file', file)
    request.send(form)
  })
}
