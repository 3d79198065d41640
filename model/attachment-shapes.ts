import { Type, type Static } from 'typebox'

/** The shape of a photo over HTTP. */

export const AttachmentId = Type.String({ pattern: '^[0-9a-f]{64}$' })
export const AttachmentItem = Type.Object({
  id: AttachmentId,
  who: Type.String(),
  at: Type.String({ format: 'date-time' }),
  type: Type.String(),
  bytes: Type.Integer(),
  width: Type.Integer(),
  height: Type.Integer()
})
export type AttachmentItem = Static<typeof AttachmentItem>
