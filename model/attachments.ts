/** Photos that people attach. They are made anew when they come in: smaller, and without where and by what they were taken. */

export const MAX_PHOTO_BYTES = 10 * 1024 * 1024
/** Of what comes in: a phone makes 12 to 50 million; more is a trap for memory. */
export const MAX_PHOTO_PIXELS = 64_000_000
/** The longer side of what is kept, in pixels: a plate is still read at it. */
export const PHOTO_SIDE = 2048
/** With one action or report of the staff. */
export const MOST_PHOTOS = 20
