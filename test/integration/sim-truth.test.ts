import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RULE_IDS } from '#sim/truth/domain'
import { freshDatabase, type TestDatabase } from '#test/fixtures/database'
import { playSeed, type PlayedSeed } from '../truth/play.ts'

/** More, larger and longer: `npm run truth`. */
describe('26 hard hours of a small city, with people who work its tickets', () => {
  let database: TestDatabase
  let played: PlayedSeed
  beforeAll(async () => {
    database = await freshDatabase()
    played = await playSeed({ seed: 8, facilities: 60, hours: 26, crews: true, databaseUrl: database.url })
  }, 180_000)
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

  it('sees crews claim, and some claim what they did not do', () => {
    expect(played.work.claimed).toBeGreaterThan(10)
    expect(played.work['false claims']).toBeGreaterThan(0)
  })
})
