import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { MetricId } from '#model/metrics'
import { minutes } from '#model/time'
import type { Follows, Message } from '#test/reference/facility'
import { check, pastOf, TOWNS, TWO, type Lag, type Town } from '#test/reference/pasts'
import { bundleSteps, play, written } from '#test/reference/play'

/**
 * What may differ in how readings arrive without a difference in what follows. A reading that comes after a newer one of
 * its own device and metric is late and moves nothing; readings of different metrics may overtake each other within one
 * moment of arrival, and the same reading may come again. Each rule of a bin reads one metric.
 */
const BIN = TOWNS['bin'] as fc.Arbitrary<Town>
const stored = BIN.chain(town => pastOf(town, { lag: 'stored' }))
const notSilence = ({ rule }: Follows) => rule !== 'device-silent'
const inOrder = (messages: Message[]) => messages.toSorted((a, b) => a.received - b.received)

/** One message a metric. */
const split = (messages: readonly Message[]): Message[] =>
  messages.flatMap(message => {
    const parts = Object.entries(message.values).map(([metric, value]) => ({
      ...message,
      values: { [metric as MetricId]: value }
    }))
    return parts.length > 0 ? parts : [message]
  })

describe('what follows from readings is the same', { timeout: minutes(5) }, () => {
  it('when a message is split into one for each metric', () =>
    check(
      fc.property(stored, past => {
        const other = { ...past, messages: split(past.messages) }
        expect(written(play(other, { tickEvery: 7 }))).toEqual(written(play(past, { tickEvery: 7 })))
      })
    ))

  it('when metrics that arrive in one moment overtake each other', () =>
    check(
      fc.property(stored, fc.infiniteStream(fc.nat(3)), (past, chance) => {
        const parts = split(past.messages)
        const byStream = new Map<string, Message[]>()
        for (const part of parts) {
          const key = `${part.received} ${Object.keys(part.values).join()}`
          byStream.set(key, [...(byStream.get(key) ?? []), part])
        }
        const mixed: Message[] = []
        const queues = [...byStream.values()].map(queue => [...queue])
        while (queues.some(queue => queue.length > 0)) {
          const first = queues.find(queue => queue.length > 0)?.[0]?.received
          const open = queues.filter(([head]) => head?.received === first)
          const taken = open[(chance.next().value as number) % open.length]?.shift()
          if (taken) mixed.push(taken)
        }
        const other = { ...past, messages: inOrder(mixed) }
        expect(written(play(other, { tickEvery: 7 }))).toEqual(written(play(past, { tickEvery: 7 })))
      })
    ))

  it('when what is sent in one moment is one message', () =>
    check(
      fc.property(stored, any => {
        // In one message even what would be late stands at its time.
        const messages = any.messages.filter((one, i) =>
          any.messages.slice(0, i).every(({ at }) => at < one.at)
        )
        const past = { ...any, messages }
        const apart = play(past, { tickEvery: 7 })
        expect(written(play(past, { tickEvery: 7 }, bundleSteps))).toEqual(written(apart))
      })
    ))

  it('when messages come twice, but for silence, of which each is an end', () =>
    check(
      fc.property(stored, fc.array(fc.tuple(fc.nat(40), fc.nat(40)), { maxLength: 5 }), (past, again) => {
        const copies = again.flatMap(([index, later]): Message[] => {
          const message = past.messages[index % past.messages.length]
          return message ? [{ ...message, received: Math.min(past.end, message.received + 2 * later) }] : []
        })
        const other = { ...past, messages: inOrder([...past.messages, ...copies]) }
        const said = written(play(other, { tickEvery: 7 })).filter(notSilence)
        expect(said).toEqual(written(play(past, { tickEvery: 7 })).filter(notSilence))
      })
    ))
})

describe('a crash', { timeout: minutes(5) }, () => {
  for (const [name, town] of Object.entries({ ...TOWNS, ...TWO })) {
    it(`at any point changes nothing for a ${name}`, () =>
      check(
        fc.property(
          fc
            .tuple(town, fc.constantFrom<Lag>('none', 'stored'))
            .chain(([town, lag]) => pastOf(town, { lag, outages: true, maintenance: true, services: true })),
          fc.array(fc.nat(300), { maxLength: 6 }),
          (past, crashes) => {
            const calm = play(past, { tickEvery: 5 })
            const crashed = play(past, { tickEvery: 5, crashes: new Set(crashes) })
            expect(crashed.effects.current).toEqual(calm.effects.current)
            expect(crashed.open()).toEqual(calm.open())
          }
        )
      ))
  }
})
