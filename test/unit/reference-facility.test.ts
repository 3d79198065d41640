import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { minutes } from '#model/time'
import { bundled, inOrder, reference } from '#test/reference/facility'
import { check, pastOf, RUNS, TOWNS, TWO, type Lag, type Town } from '#test/reference/pasts'
import { bundleSteps, play, written } from '#test/reference/play'

const agree = (town: fc.Arbitrary<Town>, options: Record<string, unknown> & { lag: Lag }, runs = RUNS) =>
  check(
    fc.property(
      town.chain(town => pastOf(town, options)),
      fc.constantFrom(1, 7, 120),
      (past, tickEvery) => {
        expect(written(play(past, { tickEvery }))).toEqual(reference(past))
      }
    ),
    runs
  )

describe('the rules agree with the reference', { timeout: minutes(5) }, () => {
  for (const [name, town] of Object.entries(TOWNS)) {
    it(`on a ${name}, by what it reports at once`, () => agree(town, { lag: 'none' }))
    it(`on a ${name} that always lags as much`, () => agree(town, { lag: 'same' }))
    it(`on a ${name} that stores and sends later`, () => agree(town, { lag: 'stored' }))
    it(`on a ${name} with outages of ours`, () => agree(town, { lag: 'none', outages: true }))
    it(`on a ${name} with maintenance and services`, () =>
      agree(town, { lag: 'none', maintenance: true, services: true }))
    it(`on a ${name} with all of them`, () =>
      agree(town, { lag: 'none', maintenance: true, services: true, outages: true }))
  }
  for (const [name, town] of Object.entries(TWO)) {
    it(`on a ${name}`, () => agree(town, { lag: 'none' }))
    it(`on a ${name} that always lag as much`, () => agree(town, { lag: 'same' }))
    it(`on a ${name} that store and send later`, () => agree(town, { lag: 'stored' }))
    it(`on a ${name} that store and send in one message`, () =>
      check(
        fc.property(town.chain(town => pastOf(town, { lag: 'stored' })).map(inOrder), past => {
          expect(written(play(past, { tickEvery: 1 }, bundleSteps))).toEqual(reference(bundled(past)))
        })
      ))
    it(`on a ${name} with outages of ours`, () => agree(town, { lag: 'none', outages: true }))
    it(`on a ${name} with maintenance and services`, () =>
      agree(town, { lag: 'none', maintenance: true, services: true }))
    it(`on a ${name} with all of them`, () =>
      agree(town, { lag: 'none', maintenance: true, services: true, outages: true }))
  }
})
