import { describe, expect, it } from 'vitest'
import { packState, saveState, statePieces, unpackState } from '#ingest/checkpoint'
import { area, device, facility } from '#test/fixtures/registry-records'
import { ruleWorld } from '#test/fixtures/rule-world'

describe('a checkpoint', () => {
  it('is the same packed piece by piece as it is as one text', async () => {
    const bins = Array.from({ length: 450 }, (_, i) => i)
    const world = ruleWorld({
      records: [
        area('city', { kind: 'city', lat: 32, lon: 118.8 }),
        ...bins.flatMap(i => [facility(`bin-${i}`), device(`s-${i}`, { facility: `bin-${i}` })])
      ]
    })
    for (const i of bins) world.say({ device: `s-${i}`, at: i / 100, values: { fillPct: i % 100 } })
    const text = saveState(world.engine(), world.desk())
    expect(await unpackState(await packState(statePieces(world.engine(), world.desk())))).toBe(text)
    expect(await unpackState(await packState(['{"名":"垃圾', '桶"}']))).toBe('{"名":"垃圾桶"}')
  })

  it('makes no piece before the one before is packed, so that the whole text is never in memory', async () => {
    let turn = 0
    let turns = setImmediate(function next() {
      turn++
      turns = setImmediate(next)
    })
    const madeIn = new Set<number>()
    function* pieces() {
      for (let i = 0; i < 20; i++) {
        madeIn.add(turn)
        yield 'x'.repeat(100_000)
      }
    }
    await packState(pieces())
    clearImmediate(turns)
    expect(madeIn.size).toBe(20)
  })

  it('is none when a piece fails', async () => {
    function* pieces() {
      yield '{"time":'
      throw new Error('broken')
    }
    await expect(packState(pieces())).rejects.toThrow('broken')
  })
})
