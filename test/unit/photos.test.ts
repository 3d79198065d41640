import { describe, expect, it } from 'vitest'
import { localPhotos, withPhotos, without } from '../../dashboard/src/lib/tickets/photo-names.ts'

const SENT = 'a'.repeat(64)
const request = {
  photos: ['local:1', SENT, 'local:2'],
  checklist: {
    checklist: 'toilet-6-5' as const,
    answers: [
      { item: 'floor', ok: false, photo: 'local:3', note: 'wet' },
      { item: 'walls', ok: true }
    ]
  }
}

describe('photos that wait on a phone', () => {
  it('are found wherever a request names one', () => {
    expect(localPhotos(request)).toEqual(['local:1', 'local:2', 'local:3'])
    expect(localPhotos({})).toEqual([])
  })

  it('are named by the ids they were given, the same photo once', () => {
    const ids = new Map([
      ['local:1', 'b'.repeat(64)],
      ['local:2', SENT],
      ['local:3', 'c'.repeat(64)]
    ])
    const sent = withPhotos(request, ids)
    expect(sent.photos).toEqual(['b'.repeat(64), SENT])
    expect(sent.checklist.answers[0]).toEqual({
      item: 'floor',
      ok: false,
      photo: 'c'.repeat(64),
      note: 'wet'
    })
    expect(localPhotos(sent)).toEqual([])
  })

  it('are left out when the phone has lost them; what was said stays', () => {
    const left = without(request, new Set(['local:1', 'local:2', 'local:3']))
    expect(left.photos).toEqual([SENT])
    expect(left.checklist.answers[0]).toEqual({ item: 'floor', ok: false, note: 'wet' })
  })
})
