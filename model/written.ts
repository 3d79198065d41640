/** Space, and signs that have no width: nobody reads a reason in them. */
const UNSEEN = '\\s\\u200b-\\u200f\\u2060-\\u2064\\ufeff'

/** Pattern of a text in which something can be read. */
export const VISIBLE = `[^${UNSEEN}]`

const AROUND = new RegExp(`^[${UNSEEN}]+|[${UNSEEN}]+$`, 'g')

/** What somebody wrote, without what nobody sees around it; null: nothing. */
export const written = (text: string | undefined): string | null => text?.replace(AROUND, '') || null
