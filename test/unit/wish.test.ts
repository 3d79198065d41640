import { describe, expect, it } from 'vitest'
import { ApiError } from '../../dashboard/src/lib/api-error.ts'
import { createWish } from '../../dashboard/src/lib/wish.ts'

interface Said {
  note: string
  claimedAt?: string
}
/** What was sent, and what came back each time: an answer, or why there is none. */
function desk(...answers: ('done' | ApiError['code'])[]) {
  const sent: [string, Said][] = []
  const wish = createWish<Said>()
  const ask = (request: Said) =>
    wish(request, async (said, key) => {
      sent.push([key, said])
      const answer = answers[sent.length - 1] ?? 'done'
      if (answer !== 'done') throw new ApiError(answer)
      return said
    }).catch((error: ApiError) => error.code)
  return { sent, ask }
}
const differ = (sent: [string, Said][]) => new Set(sent.map(([key]) => key)).size

describe('a wish', () => {
  it('that was not answered goes again with its first words and key, though time went on', async () => {
    const { sent, ask } = desk('unreachable', 'internal', 'done')
    await ask({ note: 'a', claimedAt: '10:00' })
    await ask({ note: 'a', claimedAt: '10:01' })
    expect(await ask({ note: 'a', claimedAt: '10:02' })).toEqual({ note: 'a', claimedAt: '10:00' })
    expect(differ(sent)).toBe(1)
  })

  it('that was refused, or was done, is another one when it comes again', async () => {
    const { sent, ask } = desk('bad-request', 'done', 'done')
    await ask({ note: 'a' })
    await ask({ note: 'a' })
    await ask({ note: 'a' })
    expect(differ(sent)).toBe(3)
  })

  it('that is worded otherwise is another one', async () => {
    const { sent, ask } = desk('unreachable', 'done')
    await ask({ note: 'a' })
    expect(await ask({ note: 'b' })).toEqual({ note: 'b' })
    expect(differ(sent)).toBe(2)
  })
})
