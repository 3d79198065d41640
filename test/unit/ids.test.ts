import { describe, expect, it } from 'vitest'
import { isId, parseSubject, subjectOf } from '#model/ids'

describe('an id', () => {
  it.each(['a', 'BIN-0001', '7', 'lamp.12:a_b', 'x'.repeat(64)])('may be %j', id => {
    expect(isId(id)).toBe(true)
  })

  it.each(['', '-bin', '.bin', 'a b', 'a/b', 'a+', 'a#', '垃圾桶', 'a\n', 'x'.repeat(65)])(
    'is never %j',
    id => {
      expect(isId(id)).toBe(false)
    }
  )
})

describe('a subject', () => {
  it('reads back what it was made of, also when the id holds a colon', () => {
    expect(parseSubject(subjectOf('facility', 'BIN-1'))).toEqual({ type: 'facility', id: 'BIN-1' })
    expect(parseSubject(subjectOf('device', 'a:b'))).toEqual({ type: 'device', id: 'a:b' })
  })

  it.each(['', 'facility', 'facility:', 'city:BIN-1', ':BIN-1', 'facility:a b', 'Facility:a'])(
    'is not %j',
    subject => {
      expect(parseSubject(subject)).toBeUndefined()
    }
  )
})
