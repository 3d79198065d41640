import multipart from '@fastify/multipart'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { readPhoto } from '#db/photo'
import { AttachmentId, AttachmentItem, MAX_PHOTO_BYTES } from '#model/attachments'
import { AppError } from '#model/errors'
import { days } from '#model/time'
import { personOn } from './access.ts'
import type { ServerDeps } from './deps.ts'

/** Photos held in memory at a time, 10 MB each as they come and some hundred while they are made anew. */
const AT_ONCE = 4
const tags = ['attachments']

export const attachmentRoutes: FastifyPluginAsyncTypebox<Pick<ServerDeps, 'attachments' | 'clock'>> = async (
  app,
  { attachments, clock }
) => {
  // Of this plugin only: nowhere else does a form come in.
  await app.register(multipart, {
    limits: { files: 1, fileSize: MAX_PHOTO_BYTES, fields: 0, parts: 1, headerPairs: 20 }
  })
  let running = 0

  app.post(
    '/api/attachments',
    {
      config: { access: 'signed-in' },
      schema: {
        summary: 'Keep a photo; its id goes into what refers to it',
        description:
          'One file of at most 10 MB, JPEG, PNG, WebP or AVIF by its content. It is kept as a JPEG without place, time or device.',
        tags,
        consumes: ['multipart/form-data'],
        response: { 200: AttachmentItem }
      }
    },
    async request => {
      if (running >= AT_ONCE)
        throw new AppError('too-many-requests', 'Many photos come in at once. Try again.')
      running++
      try {
        if (!request.isMultipart())
          throw new AppError('bad-request', 'Send the photo as multipart/form-data.')
        const part = await request.file()
        if (!part) throw new AppError('bad-request', 'There is no file in the form.')
        const photo = await readPhoto(await part.toBuffer())
        return await attachments.keep(photo, { who: personOn(request).username, at: clock.now() })
      } finally {
        running--
      }
    }
  )

  app.get(
    '/api/attachments/:id',
    {
      config: { access: 'signed-in' },
      schema: { summary: 'A photo', tags, params: Type.Object({ id: AttachmentId }) }
    },
    async (request, reply) => {
      const { item, bytes } = await attachments.open(request.params.id)
      return (
        reply
          .type(item.type)
          .header('content-length', item.bytes)
          .header('content-disposition', `inline; filename="${item.id.slice(0, 12)}.jpg"`)
          .header('content-security-policy', "default-src 'none'; sandbox")
          .header('cross-origin-resource-policy', 'same-origin')
          // It never changes, and is nobody's but the reader's.
          .header('cache-control', `private, max-age=${days(30) / 1000}, immutable`)
          .send(bytes)
      )
    }
  )
}
