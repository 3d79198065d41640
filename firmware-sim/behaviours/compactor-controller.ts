import { hours, minutes, type Millis } from '#model/time'
import { between, round } from '../random.ts'
import { dayCurve, lastRound } from '../world.ts'
import { behaviour, clamp, sufferedFrom, suffers, type Moment } from './behaviour.ts'

/** Collection carts come from dawn till late evening. */
const carts = dayCurve([0, 0, 0, 0, 1, 4, 7, 7, 6, 4, 3, 4, 5, 6, 5, 3, 3, 4, 5, 6, 7, 6, 3, 1])
/** When the hook-lift truck comes, in local hours. */
const HAULS = [9.5, 15.5, 22]
const RESIDUE_PCT = 2
/** What little waste comes to while no truck does. */
const LITTLE_PCT = 70
const KG_PER_PCT = 120
/** "Hydraulic oil over temperature" in the maker's list. */
const FAULT_CODE = 21

interface State {
  dailyPct: number
  lateMs: Millis
  cyclesTotal: number
}

const hauledAt = (state: State, moment: Moment): Millis =>
  Math.max(
    lastRound(moment.world, moment.at, { hours: HAULS, lateMs: state.lateMs }),
    sufferedFrom('compactor-full', moment)?.to ?? 0,
    sufferedFrom('compactor-flapping', moment)?.to ?? 0,
    sufferedFrom('haul-missed', moment)?.to ?? 0
  )

export const compactorController = behaviour<'compactor-controller', State>({
  wakeMs: () => minutes(5),

  begin: ({ random }) => ({
    dailyPct: between(random, 120, 190),
    lateMs: minutes(between(random, -30, 30)),
    cyclesTotal: Math.round(between(random, 20_000, 90_000))
  }),

  step(state, moment) {
    const { at, world, random } = moment
    const full = suffers('compactor-full', moment)
    const broken = suffers('compactor-fault', moment)
    const flapping = suffers('compactor-flapping', moment)
    const missed = suffers('haul-missed', moment)
    const since = missed
      ? hauledAt(state, { ...moment, at: missed.from, fault: undefined })
      : hauledAt(state, moment)
    const brought = carts(world, at) - carts(world, since)
    const usual = RESIDUE_PCT + state.dailyPct * brought + between(random, 0, 0.5)
    // The load is pressed at every other report, so that no two in a row are over the limit.
    const swing = flapping && (Math.round((at - flapping.from) / minutes(5)) % 2 === 0 ? 97 : 91)
    const fill = full
      ? 97 + ((at - full.from) / hours(1)) * 1.5
      : (swing ?? (missed ? Math.min(usual, LITTLE_PCT) : usual))
    const containerFillPct = round(clamp(fill, 0, full || flapping ? 100 : 90))
    const cartsNow = state.dailyPct * (carts(world, at) - carts(world, at - minutes(5)))
    const compacting = !full && !broken && random() < cartsNow
    const cyclesTotal = state.cyclesTotal + (compacting ? 1 + Math.floor(random() * 3) : 0)
    return {
      state: { ...state, cyclesTotal },
      values: {
        containerFillPct,
        containerWeightKg: Math.round(containerFillPct * KG_PER_PCT),
        cyclesTotal,
        pressureBar: compacting ? round(between(random, 140, 185)) : round(between(random, 2, 5)),
        motorCurrentA: compacting ? round(between(random, 22, 38)) : 0,
        state: broken ? 'fault' : full ? 'full' : compacting ? 'compacting' : 'idle',
        faultCode: broken ? FAULT_CODE : 0
      }
    }
  }
})
