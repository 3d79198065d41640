import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RULE_IDS } from '#sim/truth/domain'
import { freshDatabase, type TestDatabase } from '#test/fixtures/database'
import { playSeed, type PlayedSeed } from '../truth/play.ts'
import { total } from '#sim/truth/score'

/** More, larger and longer: `npm run truth`. */
describe('26 hard hours of a small city, with people who work its tickets', () => {
  let database: TestDatabase
  let played: PlayedSeed
  beforeAll(async () => {
    database = await freshDatabase()
    played = await playSeed({ seed: 8, facilities: 60, hours: 26, crews: true, databaseUrl: database.url })
  }, 400_000)
  afterAll(() => database.drop())

  it('has every rule of the specification', () => {
    expect(played.missing).toEqual([])
  })

  it('opens every ticket that must follow', () => {
    expect(played.score.misses).toEqual([])
    expect(played.expectation.must.length).toBeGreaterThan(25)
  })

  it('opens no other', () => {
    expect(played.score.falseTickets).toEqual([])
  })

  it('puts nearly all rules to the test, and what must not follow too', () => {
    const tested = new Set(played.expectation.must.map(({ rule }) => rule))
    expect(RULE_IDS.filter(rule => !tested.has(rule)).length).toBeLessThan(RULE_IDS.length / 4)
    expect(played.expectation.mustNot.length).toBeGreaterThan(40)
  })

  it('says of each when its condition was over, how it ended, how bad it was, and what became of its claims', () => {
    expect(played.disagreements.map(({ expected, ...rest }) => ({ ...rest, rule: expected.rule }))).toEqual(
      []
    )
    const all = total(played.score.rules)
    expect(all.ends.right).toBeGreaterThan(1.8 * played.expectation.must.length)
    expect(all.claims.right).toBeGreaterThan(10)
  })

  it('sees crews claim, some what they did not do, and some without signal what had ended by itself', () => {
    expect(played.work.claimed).toBeGreaterThan(10)
    expect(played.work['false claims']).toBeGreaterThan(0)
    expect(played.work['late claims']).toBeGreaterThan(0)
    const outcomes = played.expectation.must.flatMap(({ fate }) => fate?.claims ?? [])
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toContain('contradicted')
  })

  it('was stopped and started again meanwhile, with work announced and rules changed', () => {
    expect(played.played.outages).toHaveLength(1)
    expect(played.played.orders?.edits).toHaveLength(2)
  })
})
