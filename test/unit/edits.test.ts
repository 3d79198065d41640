import { describe, expect, it } from 'vitest'
import { differences, saidOf } from '#model/edits'
import { DEFAULT_TICKET_POLICY } from '#model/ticket-policy'

describe('what an edit changed', () => {
  it('is every field that is another, with both values, figures within figures by their path', () => {
    const before = { name: 'North', members: ['li'], recheck: { share: 0.05, afterMs: 1 } }
    const after = { name: 'North', members: ['li', 'sun'], recheck: { share: 0.1, afterMs: 1 } }
    expect(differences(before, after)).toEqual({
      members: { from: ['li'], to: ['li', 'sun'] },
      'recheck.share': { from: 0.05, to: 0.1 }
    })
  })

  it('is null on the side where nothing is said', () => {
    expect(differences({ phone: '1' }, { unit: 'A' })).toEqual({
      phone: { from: '1', to: null },
      unit: { from: null, to: 'A' }
    })
  })

  it('is nothing where only the order of keys is another, as the database gives them back', () => {
    const turned = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(turned)
        : typeof value === 'object' && value !== null
          ? Object.fromEntries(
              Object.entries(value)
                .map(([key, one]) => [key, turned(one)])
                .reverse()
            )
          : value
    const policy = DEFAULT_TICKET_POLICY as unknown as Record<string, unknown>
    expect(differences(policy, turned(policy) as Record<string, unknown>)).toEqual({})
  })

  it('of a new one is what was said, without what is empty', () => {
    expect(saidOf({ name: 'North', phone: null, areas: [], active: false, days: [1] })).toEqual({
      name: 'North',
      active: false,
      days: [1]
    })
  })
})
