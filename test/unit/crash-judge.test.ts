import { describe, expect, it } from 'vitest'
import { minutes } from '#model/time'
import { judge, JUDGED, type BinEvidence, type Verdict } from '#test/crash/judge'
import { crashReading, expectedEpisodes } from '#test/fixtures/crash-city'

const FROM = Date.parse('2026-10-01T00:00:00Z')
const READINGS = 100

/** What a system that keeps every promise shows and keeps of one bin. */
function kept(): BinEvidence {
  const acknowledged = Array.from({ length: READINGS }, (_, n) => crashReading(0, n, FROM))
  const iso = (at: number) => new Date(at).toISOString()
  const expected = expectedEpisodes(acknowledged)
  const endOf = (startedAt: number, ended: boolean) => (ended ? iso(startedAt + minutes(30)) : null)
  return {
    acknowledged,
    published: READINGS,
    sent: new Map(acknowledged.map(({ at }) => [at, 1])),
    points: {
      tempC: acknowledged.map(({ at, tempC }) => ({ at, value: tempC })),
      fillPct: acknowledged.map(({ at, fillPct }) => ({ at, value: fillPct }))
    },
    rows: acknowledged.flatMap(({ at }, n) => JUDGED.map(metric => ({ metric, at, seq: n + 1 }))),
    episodes: expected.map(({ rule, startedAt, ended }, n) => ({
      id: `e-${n}`,
      rule,
      startedAt: iso(startedAt),
      endedAt: endOf(startedAt, ended),
      ticket: `t-${n}`
    })),
    tickets: expected.map(({ rule, startedAt, ended }, n) => ({
      id: `t-${n}`,
      rule,
      clearedAt: endOf(startedAt, ended),
      closedAt: endOf(startedAt, ended)
    }))
  }
}

/** The same, with something broken. */
function broken(how: (bin: BinEvidence) => void): Verdict {
  const bin = kept()
  how(bin)
  return judge([kept(), bin])
}

const found = ({ differences }: Verdict) => differences.map(({ what, device }) => `${what} of ${device}`)
const AT = FROM + 7 * minutes(3)

describe('the judge of a crash run', () => {
  it('finds nothing where every promise is kept', () => {
    const verdict = judge([kept(), kept()])
    expect(verdict.differences).toEqual([])
    expect(verdict).toMatchObject({ acknowledged: 2 * READINGS, episodes: 18, tickets: 18 })
  })

  it('takes it well that a reading sent twice is kept twice', () => {
    const verdict = broken(bin => {
      bin.sent = new Map([...bin.sent, [AT, 2]])
      for (const metric of JUDGED) bin.rows.push({ metric, at: AT, seq: 5000 })
    })
    expect(verdict.differences).toEqual([])
  })

  it('finds the reading that is not shown, and when it was', () => {
    const verdict = broken(bin => (bin.points.tempC = bin.points.tempC.filter(({ at }) => at !== AT)))
    expect(verdict.differences).toMatchObject([{ what: 'lost', device: 1, at: AT }])
  })

  it('finds the reading that is shown with another value', () => {
    expect(found(broken(bin => (bin.points.fillPct[7]!.value += 1)))).toEqual(['lost of 1'])
  })

  it('finds what was published and never acknowledged', () => {
    expect(found(broken(bin => bin.published++))).toEqual(['lost of 1'])
  })

  it('finds a PUBACK that came twice', () => {
    expect(found(broken(bin => bin.acknowledged.push(bin.acknowledged[7]!)))).toEqual(['lost of 1'])
  })

  it('finds a reading that is shown twice', () => {
    expect(found(broken(bin => bin.points.tempC.push(bin.points.tempC[7]!)))).toEqual(['doubled of 1'])
  })

  it('finds a reading that nobody sent', () => {
    const ghost = { at: AT + 1, value: 20 }
    expect(found(broken(bin => bin.points.tempC.push(ghost)))).toEqual(['doubled of 1'])
  })

  it('finds a row that is kept twice, which the API does not show', () => {
    const verdict = broken(bin => bin.rows.push({ ...bin.rows.find(({ at }) => at === AT)! }))
    expect(verdict.differences).toMatchObject([{ what: 'doubled', device: 1, at: AT }])
  })

  it('finds a row of a second record of a reading that was sent once', () => {
    expect(found(broken(bin => bin.rows.push({ metric: 'tempC', at: AT, seq: 5000 })))).toEqual([
      'doubled of 1'
    ])
  })

  it('finds the episode that is missing, and its ticket without one', () => {
    const verdict = broken(bin => bin.episodes.splice(3, 1))
    expect(found(verdict)).toEqual(['differing of 1', 'differing of 1'])
  })

  it('finds the ticket that is missing', () => {
    expect(found(broken(bin => bin.tickets.splice(3, 1)))).toEqual(['differing of 1'])
  })

  it('finds the episode that was opened again', () => {
    const details = broken(bin => (bin.episodes[3]!.endedAt = null)).differences.map(({ detail }) => detail)
    expect(details).toEqual([
      expect.stringMatching(/^bin-1 episode .* ended: missing$/),
      expect.stringMatching(/^bin-1 episode .* going on: too many$/),
      expect.stringMatching(/is closed, its episode going on$/)
    ])
  })

  it('finds the ticket that was opened again', () => {
    expect(found(broken(bin => (bin.tickets[3]!.closedAt = null)))).toEqual(['differing of 1'])
  })

  it('finds a second ticket of one episode', () => {
    expect(found(broken(bin => bin.tickets.push({ ...bin.tickets[3]!, id: 't-more' })))).toEqual([
      'differing of 1'
    ])
  })

  it('finds two episodes on one ticket', () => {
    const verdict = broken(bin => {
      bin.tickets = bin.tickets.filter(({ id }) => id !== bin.episodes[4]!.ticket)
      bin.episodes[4]!.ticket = bin.episodes[3]!.ticket
    })
    expect(found(verdict).length).toBeGreaterThan(0)
  })

  it('finds an episode that began at another time, or of another rule', () => {
    const other = new Date(AT + 1).toISOString()
    expect(found(broken(bin => (bin.episodes[3]!.startedAt = other)))).toEqual([
      'differing of 1',
      'differing of 1'
    ])
    expect(found(broken(bin => (bin.episodes[3]!.rule = 'device-silent'))).length).toBeGreaterThan(1)
  })

  it('finds a ticket that was cleared at another time than its episode ended', () => {
    const other = new Date(AT + 1).toISOString()
    expect(found(broken(bin => (bin.tickets[3]!.clearedAt = other)))).toEqual(['differing of 1'])
  })
})
