import { beforeEach, describe, expect, it } from 'vitest'
import { seconds } from '#model/time'
import type { TicketAction } from '#model/tickets'
import {
  drop,
  keep,
  kept,
  sendAll,
  waitMs,
  type Answer,
  type Shelf,
  type Waiting
} from '../../dashboard/src/lib/tickets/outbox.ts'

describe('what a phone keeps until the server has answered', () => {
  let shelf: Shelf
  beforeEach(() => {
    const values = new Map<string, string>()
    shelf = {
      getItem: name => values.get(name) ?? null,
      setItem: (name, value) => void values.set(name, value)
    }
  })
  const action = (key: string, does: TicketAction, who = 'li'): Waiting => ({
    key,
    ticket: 't-1',
    title: { en: 'Empty the bin', zh: '清运垃圾桶' },
    place: 'Bin 1',
    request: { action: does, claimedAt: '2026-11-02T02:00:00.000Z' },
    who,
    savedAt: 0
  })
  const keys = () => kept(shelf).map(({ key }) => key)
  /** A server that answers in turn; what it was asked is in `asked`. */
  const server = (...answers: Answer[]) => {
    const asked: string[] = []
    return { asked, send: async (one: Waiting) => (asked.push(one.key), answers.shift() ?? 'done') }
  }

  it('is sent in the order it was done, and gone when it was answered', async () => {
    keep(shelf, action('a', 'accept'))
    keep(shelf, action('b', 'start'))
    const { asked, send } = server('done', 'done')
    expect(await sendAll(shelf, 'li', send)).toBe(true)
    expect(asked).toEqual(['a', 'b'])
    expect(kept(shelf)).toEqual([])
  })

  it('keeps its place when it is said anew, with the ids its photos have now', () => {
    keep(shelf, action('a', 'claim'))
    keep(shelf, action('b', 'comment'))
    keep(shelf, { ...action('a', 'claim'), place: 'with photos' })
    expect(keys()).toEqual(['a', 'b'])
    expect(kept(shelf)[0]?.place).toBe('with photos')
  })

  it('also are reports and scans', () => {
    const about = { title: { en: 'Dirty', zh: '脏污' }, place: 'Toilet', who: 'li', savedAt: 0 }
    keep(shelf, { ...about, key: 'r', report: { kind: 'dirty', source: 'patrol' } })
    keep(shelf, { ...about, key: 's', facility: 'toilet-1', scan: { token: 'x' } })
    expect(keys()).toEqual(['r', 's'])
  })

  it('stays, with its key, when nobody answered, and nothing after it is sent before it', async () => {
    keep(shelf, action('a', 'accept'))
    keep(shelf, action('b', 'claim'))
    const away = server('again')
    expect(await sendAll(shelf, 'li', away.send)).toBe(false)
    expect(away.asked).toEqual(['a'])
    expect(keys()).toEqual(['a', 'b'])
    const back = server()
    expect(await sendAll(shelf, 'li', back.send)).toBe(true)
    expect(back.asked).toEqual(['a', 'b'])
  })

  it('keeps what was refused for its person to read, and sends it no more', async () => {
    keep(shelf, action('a', 'accept'))
    keep(shelf, action('b', 'comment'))
    const { asked, send } = server({ refused: 'the ticket is closed' }, 'done')
    expect(await sendAll(shelf, 'li', send)).toBe(true)
    expect(await sendAll(shelf, 'li', send)).toBe(true)
    expect(asked).toEqual(['a', 'b'])
    expect(kept(shelf)).toMatchObject([{ key: 'a', refused: 'the ticket is closed' }])
    drop(shelf, 'a')
    expect(kept(shelf)).toEqual([])
  })

  it('sends nothing that another person did on the same phone', async () => {
    keep(shelf, action('a', 'accept', 'wang'))
    const { asked, send } = server()
    expect(await sendAll(shelf, 'li', send)).toBe(true)
    expect(asked).toEqual([])
    expect(keys()).toEqual(['a'])
  })

  it('keeps one wish once, takes what was added while it was sending, and bears a broken shelf', async () => {
    keep(shelf, action('a', 'accept'))
    keep(shelf, action('a', 'accept'))
    expect(keys()).toEqual(['a'])
    const asked: string[] = []
    await sendAll(shelf, 'li', async ({ key }) => {
      if (asked.push(key) === 1) keep(shelf, action('b', 'start'))
      return 'done'
    })
    expect(asked).toEqual(['a', 'b'])
    for (const broken of ['{', '{"a":1}', '[null, {"key":"x"}]']) {
      shelf.setItem('mingjie.outbox', broken)
      expect(kept(shelf)).toEqual([])
    }
  })

  it('tries again after two seconds at most, then ever later, at least once a minute', () => {
    expect(waitMs(0, 1)).toBe(seconds(2))
    expect(waitMs(2, 0)).toBe(seconds(4))
    expect(waitMs(40, 1)).toBe(seconds(60))
  })
})
