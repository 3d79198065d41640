import { beforeEach, describe, expect, it } from 'vitest'
import { ApiError } from '../../dashboard/src/lib/api-error.ts'
import { AGAIN_MS, createShots, standing, type Shot } from '../../dashboard/src/lib/shots.ts'

const unreachable = new ApiError('unreachable')
const file = (name: string) => new File(['picture'], name, { type: 'image/jpeg' })
const settled = () => new Promise(resolve => setTimeout(resolve, 0))

describe('the photos of a form', () => {
  let kept: Map<string, File>
  let shots: readonly Shot[]
  let gone: number
  let waits: { ms: number; call: () => void }[]
  let asked: string[]
  beforeEach(() => {
    kept = new Map()
    shots = []
    waits = []
    asked = []
    gone = 0
  })

  /** A form on this phone, against a server that answers in turn; without a word more it takes what comes. */
  function form({
    answers = [],
    keepable = false,
    keeps = true,
    now = () => 0
  }: {
    answers?: (string | Error)[]
    keepable?: boolean
    keeps?: boolean
    now?: () => number
  } = {}) {
    return createShots({
      keepable,
      most: 3,
      lifeMs: 5000,
      now,
      online: () => true,
      upload: async sent => {
        asked.push(sent.name)
        const answer = answers.shift() ?? `id-${asked.length}`
        if (answer instanceof Error) throw answer
        return { id: answer }
      },
      shelf: {
        keep: async one => {
          if (!keeps) throw new Error('no room')
          const local = `local:${one.name}`
          kept.set(local, one)
          return local
        },
        find: async local => kept.get(local),
        drop: async locals => locals.forEach(local => kept.delete(local))
      },
      after: (ms, call) => {
        const one = { ms, call }
        waits.push(one)
        return () => (waits = waits.filter(wait => wait !== one))
      },
      changed: (next, lost) => {
        shots = next
        gone = lost
      }
    })
  }
  const stands = (keepable = false) => shots.map(shot => standing(shot, keepable))
  /** Time goes on to the next try. */
  async function pass(): Promise<number | undefined> {
    const [next] = waits
    waits = []
    next?.call()
    await settled()
    return next?.ms
  }

  it('are on this phone before they are sent, and stay until the form is done with', async () => {
    const { take } = form({ answers: [unreachable, 'far'] })
    take([file('a.jpg')])
    await settled()
    expect([...kept.keys()]).toEqual(['local:a.jpg'])
    await pass()
    expect(shots).toMatchObject([{ id: 'far', local: 'local:a.jpg', until: 5000 }])
    expect([...kept.keys()]).toEqual(['local:a.jpg'])
  })

  it('are tried again by themselves where the signal is said to be back and is not, a few times', async () => {
    const { take, hurry } = form({ answers: Array.from({ length: 20 }, () => unreachable) })
    take([file('a.jpg')])
    await settled()
    hurry()
    await settled()
    expect(asked).toHaveLength(2)
    const waited = []
    for (let ms = await pass(); ms !== undefined; ms = await pass()) waited.push(ms)
    expect(waited).toEqual(AGAIN_MS)
    expect(asked).toHaveLength(2 + AGAIN_MS.length)
    expect(stands()).toEqual(['failed'])
    // The phone says once more that there is signal: then it begins anew.
    hurry()
    await settled()
    expect(waits).toHaveLength(1)
  })

  it('are not tried again by themselves when the server will not have them', async () => {
    const { take } = form({ answers: [new ApiError('not-a-photo')], keepable: true })
    take([file('a.pdf'), file('b.jpg')])
    await settled()
    expect(stands(true)).toEqual(['failed', 'arrived'])
    expect(waits).toEqual([])
  })

  it('go with what can wait here, and fail where they cannot be kept', async () => {
    const answers = () => [unreachable, unreachable]
    form({ answers: answers(), keepable: true }).take([file('a.jpg')])
    await settled()
    expect(stands(true)).toEqual(['here'])
    form({ answers: answers(), keepable: true, keeps: false }).take([file('a.jpg')])
    await settled()
    expect(stands(true)).toEqual(['failed'])
  })

  it('are what the draft of them says, after a reload', async () => {
    kept.set('local:waits', file('waits.jpg'))
    kept.set('local:late', file('late.jpg'))
    kept.set('local:bad', file('bad.pdf'))
    const { restore } = form({ now: () => 1000 })
    await restore([
      { name: 'waits.jpg', local: 'local:waits' },
      { name: 'there.jpg', id: 'there', until: 2000 },
      { name: 'late.jpg', local: 'local:late', id: 'late', until: 1000 },
      { name: 'lost.jpg', local: 'local:lost' },
      { name: 'old.jpg', id: 'old', until: 1000 },
      { name: 'bad.pdf', local: 'local:bad', refused: 'not-a-photo' }
    ])
    expect(asked).toEqual(['waits.jpg', 'late.jpg'])
    expect(shots.map(({ name, id }) => [name, id])).toEqual([
      ['waits.jpg', 'id-1'],
      ['there.jpg', 'there'],
      ['late.jpg', 'id-2'],
      ['bad.pdf', undefined]
    ])
    // What was refused is not asked for again, and not sent in silence later.
    expect(stands(true)).toEqual(['arrived', 'arrived', 'arrived', 'failed'])
    expect(gone).toBe(2)
  })

  it('of which one is taken away leave nothing behind, and no more than are allowed are taken', async () => {
    const { take, remove } = form()
    take(['a', 'b', 'c', 'd'].map(file))
    await settled()
    expect(asked).toEqual(['a', 'b', 'c'])
    remove(shots[1]?.no ?? NaN)
    expect(shots.map(({ name }) => name)).toEqual(['a', 'c'])
    expect([...kept.keys()]).toEqual(['local:a', 'local:c'])
  })

  it('stay on this phone when the page goes, whatever still comes back', async () => {
    let arrive = (_: { id: string }) => {}
    const queue = createShots({
      keepable: true,
      most: 3,
      online: () => true,
      upload: () => new Promise(resolve => (arrive = resolve)),
      shelf: {
        keep: async () => 'local:1',
        find: async () => undefined,
        drop: async () => void kept.delete('local:1')
      },
      changed: next => (shots = next)
    })
    kept.set('local:1', file('a'))
    queue.take([file('a')])
    await settled()
    queue.close()
    arrive({ id: 'far' })
    await settled()
    expect(kept.size).toBe(1)
    expect(shots[0]?.id).toBeUndefined()
  })
})
