import { setImmediate as nextTurn } from 'node:timers/promises'
import type { LampView } from '#model/lighting'
import { seconds, type Clock, type Millis } from '#model/time'
import {
  createPlacer,
  lampsOf,
  lightingRates,
  type CountedRate,
  type LightingPlace,
  type LightingSources,
  type Placer
} from './rules/lighting.ts'
import { EXPECTATION_GRACE_MS } from './rules/sun.ts'

/** The lighting of the city as of one moment. */
export interface LightingPicture {
  at: Millis
  /** Between civil dusk and dawn; null: nobody can say, the root area has no coordinates. */
  night: boolean | null
  /** Of this night or day; null where nobody knows. */
  since: Millis | null
  until: Millis | null
  /** From then on lamps are judged: they get a while to follow dusk. */
  judgedFrom: Millis | null
  rates: CountedRate[]
}

/** Lighting rates from memory, for everybody who looks. */
export interface Lighting {
  /** At most `KEPT_MS` old. Its lamps are counted in turns: 100 000 of them stall nobody. */
  now(): Promise<LightingPicture>
  /** Ids of the lamps of a place that count as one of `views`, in the order of `views` and by id. */
  lamps(place: LightingPlace, views: readonly LampView[]): Promise<{ lamp: string; view: LampView }[]>
}

/** Counted once for all who ask within so much real time. */
export const KEPT_MS = seconds(3)
/** Work at a stretch; everything else has its turns. */
const TURN_MS = 8

export function createLighting(sources: LightingSources & { clock: Clock }): Lighting {
  const { engine, registry, clock } = sources
  let known: { of: readonly object[]; placer: Placer } | undefined
  let kept: { at: number; journalAt: Millis; picture: Promise<LightingPicture> } | undefined

  /** Where lamps count does not change but with an area or a road, and then their records are others. */
  function placer(): Placer {
    const of = [...registry.areas(), ...registry.roads()]
    const same = known?.of.length === of.length && known.of.every((record, i) => record === of[i])
    if (!known || !same) known = { of, placer: createPlacer(registry) }
    return known.placer
  }

  async function count(): Promise<LightingPicture> {
    const at = engine.time.at || clock.now()
    const { lit, known, since, until } = engine.sun().phaseAt(at)
    const rates = await inTurns(lightingRates(sources, placer()))
    return {
      at,
      night: known ? lit : null,
      since: known ? since : null,
      until: known ? until : null,
      judgedFrom: known && lit ? since + EXPECTATION_GRACE_MS : null,
      rates
    }
  }

  return {
    now() {
      const at = performance.now()
      const journalAt = engine.time.at
      // By either clock: the one of the journal leaps where a day is played.
      if (kept && at - kept.at < KEPT_MS && journalAt - kept.journalAt < KEPT_MS) return kept.picture
      const one = { at, journalAt, picture: count() }
      kept = one
      // What failed is not kept.
      one.picture.catch(() => kept === one && (kept = undefined))
      return one.picture
    },
    async lamps(place, views) {
      const found = await inTurns(lampsOf(place, views, sources, placer()))
      const rank = (view: LampView): number => views.indexOf(view)
      return found.sort((a, b) => rank(a.view) - rank(b.view) || (a.lamp < b.lamp ? -1 : 1))
    }
  }
}

/** Takes a walk to its end with pauses in which others work. */
async function inTurns<T>(walk: Generator<void, T>): Promise<T> {
  let turn = performance.now()
  for (;;) {
    const step = walk.next()
    if (step.done) return step.value
    if (performance.now() - turn < TURN_MS) continue
    await nextTurn()
    turn = performance.now()
  }
}
