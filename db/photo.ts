import type sharp from 'sharp'
import { AppError } from '#model/errors'
import { MAX_PHOTO_PIXELS, PHOTO_SIDE } from '#model/attachments'

export interface Photo {
  bytes: Buffer
  type: 'image/jpeg'
  width: number
  height: number
}

/** What a phone or a browser sends, by libvips' own names of its readers. Not SVG, PDF, TIFF and whatever else it could read. */
const READERS = ['Jpeg', 'Png', 'Webp', 'Heif'].flatMap(name => [
  `VipsForeignLoad${name}`,
  `VipsForeignLoad${name}Buffer`
])

/** An AVIF is decoded whole: 19 bytes a pixel, and a file of a kilobyte can have any number of them. */
const MAX_AVIF_PIXELS = 16_000_000
const isAvif = (bytes: Buffer): boolean => bytes.subarray(4, 8).toString('latin1') === 'ftyp'

/** Loaded with the first photo: who never sends one does not carry 30 MB of library. */
let loaded: Promise<typeof sharp> | undefined
function library(): Promise<typeof sharp> {
  return (loaded ??= import('sharp').then(({ default: sharp }) => {
    sharp.block({ operation: ['VipsForeignLoad'] })
    sharp.unblock({ operation: READERS })
    // What is read once is not read again.
    sharp.cache(false)
    sharp.concurrency(1)
    return sharp
  }))
}

/**
 * Reads a picture by what it is, whatever it is called, and makes a JPEG of it, upright and at most PHOTO_SIDE wide and
 * high, with nothing of what stood beside the pixels: place, time, device. Rejects with `not-a-photo` when it is none, is
 * cut short, or has more than MAX_PHOTO_PIXELS (AVIF: MAX_AVIF_PIXELS).
 */
export async function readPhoto(bytes: Buffer): Promise<Photo> {
  const read = await library()
  try {
    const { data, info } = await read(bytes, {
      failOn: 'error',
      limitInputPixels: isAvif(bytes) ? MAX_AVIF_PIXELS : MAX_PHOTO_PIXELS,
      sequentialRead: true
    })
      .rotate()
      .resize({ width: PHOTO_SIDE, height: PHOTO_SIDE, fit: 'inside', withoutEnlargement: true })
      .flatten({ background: '#fff' })
      .jpeg({ quality: 82 })
      .toBuffer({ resolveWithObject: true })
    return { bytes: data, type: 'image/jpeg', width: info.width, height: info.height }
  } catch (error) {
    throw new AppError(
      'not-a-photo',
      'This is no picture that can be read: send a whole JPEG, PNG or WebP of at most 64 million pixels, or AVIF of 16.',
      { cause: error }
    )
  }
}
