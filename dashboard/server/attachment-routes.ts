import multipart from '@fastify/multipart'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { readPhoto, type Photo } from '#db/photo'
import { publicUploadsOf } from '#db/public-uploads'
import { MAX_PHOTO_BYTES } from '#model/attachments'
import { AttachmentId, AttachmentItem } from '#model/attachment-shapes'
import { AppError } from '#model/errors'
import { PublicUpload } from '#model/report-follow-shapes'
import { days, hours, minutes } from '#model/time'
import { personOn } from './access.ts'
import type { ServerDeps } from './deps.ts'
import { fileOf, oneAtATime } from './photo-intake.ts'
import { within } from './rate-limits.ts'

/** Photos held in memory as they came, at most 10 MB each. Whoever has no account takes no place of the crews. */
const AT_ONCE = { staff: 4, public: 2 }
/** So long one may take to come in. */
const HERE_WITHIN_MS = { staff: minutes(3), public: minutes(1) }
/** From one address: three for each of the ten reports it may send. */
const PUBLIC_AN_HOUR = 30
const tags = ['attachments']

export const attachmentRoutes: FastifyPluginAsyncTypebox<
  Pick<ServerDeps, 'attachments' | 'clock' | 'db' | 'publicReports'>
> = async (app, { attachments, clock, db, publicReports }) => {
  const uploads = publicUploadsOf({ db, attachments, clock })
  const uploaded = app.createRateLimit({ max: PUBLIC_AN_HOUR, timeWindow: hours(1) })
  // Of this plugin only: nowhere else does a form come in.
  await app.register(multipart, {
    limits: { files: 1, fileSize: MAX_PHOTO_BYTES, fields: 0, parts: 1, headerPairs: 20 }
  })
  const running = { staff: 0, public: 0 }
  // Making one anew takes up to half a gigabyte, and one of the four threads that sync the journal too.
  const inTurn = oneAtATime()

  /** One photo of a form, made anew, while not too many come in. */
  async function taken<T>(
    { request, reply }: { request: FastifyRequest; reply: FastifyReply },
    whose: keyof typeof running,
    keep: (photo: Photo) => Promise<T>
  ): Promise<T> {
    if (running[whose] >= AT_ONCE[whose])
      throw new AppError('too-many-requests', 'Many photos come in at once. Try again.')
    running[whose]++
    try {
      const bytes = await fileOf(request, reply, HERE_WITHIN_MS[whose])
      return await keep(await inTurn(whose, () => readPhoto(bytes)))
    } finally {
      running[whose]--
    }
  }

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
    async (request, reply) =>
      taken({ request, reply }, 'staff', photo =>
        attachments.keep(photo, { who: personOn(request).username, at: clock.now() })
      )
  )

  app.post(
    '/api/reports/photos',
    {
      config: { access: 'public' },
      schema: {
        summary:
          'A photo for a report without an account. Its id is of use once, within an hour; only staff see the photo',
        tags: ['reporters'],
        consumes: ['multipart/form-data'],
        response: { 200: PublicUpload }
      }
    },
    async (request, reply) => {
      if (!publicReports) throw new AppError('not-found', 'Reports without an account are off here.')
      await within([uploaded], request, reply)
      await uploads.refuseOver()
      return taken({ request, reply }, 'public', uploads.keep)
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
