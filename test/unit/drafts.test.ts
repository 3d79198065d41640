import { beforeEach, describe, expect, it } from 'vitest'
import { days, hours } from '#model/time'
import {
  draftOf,
  draftsKept,
  dropDraft,
  dropDrafts,
  keepDraft,
  tidyDrafts,
  type Draft
} from '../../dashboard/src/lib/tickets/drafts.ts'
import type { Shelf } from '../../dashboard/src/lib/tickets/outbox.ts'

describe('what somebody began on a phone', () => {
  let shelf: Shelf
  let values: Map<string, string>
  beforeEach(() => {
    values = new Map()
    shelf = {
      getItem: name => values.get(name) ?? null,
      setItem: (name, value) => void values.set(name, value)
    }
  })
  const form = { who: 'li', ticket: 't-1', action: 'claim' } as const
  const draft = (more: Partial<Draft> = {}): Draft => ({ ...form, at: 1, note: 'wet', shots: [], ...more })

  it('is there again for who began it, for this ticket and this action only', () => {
    keepDraft(shelf, draft())
    keepDraft(shelf, draft({ note: 'wet and dirty', at: 2 }))
    expect(draftOf(shelf, form, 3)).toEqual(draft({ note: 'wet and dirty', at: 2 }))
    expect(draftOf(shelf, { ...form, who: 'wang' }, 3)).toBeUndefined()
    expect(draftOf(shelf, { ...form, ticket: 't-2' }, 3)).toBeUndefined()
    expect(draftOf(shelf, { ...form, action: 'comment' }, 3)).toBeUndefined()
  })

  it('is nothing once all of it was taken out again', () => {
    keepDraft(shelf, draft())
    keepDraft(shelf, draft({ note: ' ' }))
    expect(draftsKept(shelf, 2)).toEqual([])
    keepDraft(shelf, draft({ note: '', shots: [{ name: 'a.jpg', local: 'local:a' }] }))
    expect(draftsKept(shelf, 2)).toHaveLength(1)
  })

  it('is forgotten after two days, and the oldest of very many goes', () => {
    keepDraft(shelf, draft())
    expect(draftsKept(shelf, 1 + days(2))).toHaveLength(1)
    expect(draftsKept(shelf, 2 + days(2))).toEqual([])
    tidyDrafts(shelf, 2 + days(2))
    expect([...values.values()]).toEqual(['[]'])
    for (let i = 0; i < 25; i++) keepDraft(shelf, draft({ ticket: `t-${i}`, at: hours(1) + i }))
    const left = draftsKept(shelf, hours(2))
    expect(left).toHaveLength(20)
    expect(left[0]?.ticket).toBe('t-5')
  })

  it('names the photos it leaves on the phone', () => {
    const answers = [{ item: 'floor', ok: false, photo: 'local:b' }]
    const shots = [
      { name: 'a', local: 'local:a' },
      { name: 'c', id: 'c'.repeat(64) }
    ]
    keepDraft(shelf, draft({ shots, answered: { checklist: 'toilet-6-5', answers } }))
    keepDraft(shelf, draft({ who: 'wang' }))
    expect(dropDraft(shelf, form, 2)).toEqual(['local:a', 'local:b'])
    expect(draftsKept(shelf, 2).map(({ who }) => who)).toEqual(['wang'])
    dropDrafts(shelf, ({ ticket }) => ticket === 't-1', 2)
    expect(draftsKept(shelf, 2)).toEqual([])
  })

  it('is nothing where the shelf holds something else, or takes nothing', () => {
    for (const text of ['{', '{}', '[null, 1, {"who":"li"}]']) {
      values.set('mingjie.drafts', text)
      expect(draftsKept(shelf, 1)).toEqual([])
    }
    const full: Shelf = {
      getItem: () => null,
      setItem: () => {
        throw new Error('full')
      }
    }
    keepDraft(full, draft())
  })
})
