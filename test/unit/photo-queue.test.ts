import { describe, expect, it } from 'vitest'
import { ApiError } from '../../dashboard/src/lib/api-error.ts'
import { photoQueue } from '../../dashboard/src/lib/photo-queue.ts'

describe('photos picked together', () => {
  const waited: number[] = []
  const wait = async (ms: number) => void waited.push(ms)

  it('go one after another, in the order they were picked', async () => {
    const inTurn = photoQueue({ wait })
    let running = 0
    const sent: number[] = []
    const send = (no: number) => async () => {
      expect(++running).toBe(1)
      await new Promise(resolve => setImmediate(resolve))
      running--
      sent.push(no)
      return no
    }
    expect(await Promise.all([1, 2, 3].map(no => inTurn(send(no))))).toEqual([1, 2, 3])
    expect(sent).toEqual([1, 2, 3])
  })

  it('are asked for again while the server takes none, and not for ever', async () => {
    const inTurn = photoQueue({ wait })
    waited.length = 0
    const busy = new ApiError('too-many-requests')
    const answers = [busy, busy, undefined]
    const send = async () => {
      const answer = answers.shift()
      if (answer) throw answer
      return 'kept'
    }
    expect(await inTurn(send)).toBe('kept')
    expect(waited).toHaveLength(2)
    let asked = 0
    await expect(inTurn(() => (asked++, Promise.reject(busy)))).rejects.toBe(busy)
    expect(asked).toBe(4)
  })

  it('do not keep each other: one that is wrong fails at once, the next goes', async () => {
    const inTurn = photoQueue({ wait })
    waited.length = 0
    const wrong = inTurn(() => Promise.reject(new ApiError('bad-request')))
    const right = inTurn(async () => 'kept')
    await expect(wrong).rejects.toThrow()
    expect(await right).toBe('kept')
    expect(waited).toEqual([])
  })
})
