import { minutes } from '#model/time'
import { between, poisson, round } from '../random.ts'
import { behaviour, sufferedFrom, suffers, type Unit } from './behaviour.ts'

/** Visits to one stall in each local hour of a day. */
const VISITS_PER_STALL_HOUR = [
  0.2, 0.1, 0.1, 0.1, 0.2, 0.6, 1.5, 3, 3, 2.5, 3, 3.5, 4.5, 4, 3, 3, 3, 3.5, 4.5, 4, 3, 2.5, 1.5, 0.6
]
/** A cistern that runs through. */
const LEAK_LPM = 6
const STAY_HOURS = 5 / 60
/** The attendant refills below this; a fault could leave it out. */
const REFILL_PCT = 25
const OUT_PCT = 4
/** A free stall for one minute in five. */
const FREE_EVERY = 5
/** Everything but stalls and visits is told every so many minutes. */
const SUPPLIES_EVERY = 10

interface State {
  wakes: number
  visitsTotal: number
  paperPct: number
  soapPct: number
}

const stallsOf = ({ facility }: Unit): number => Number(facility?.attributes.stalls ?? 4)

const used = (leftPct: number, visits: number, perVisit: number): number =>
  leftPct - visits * perVisit < REFILL_PCT ? 100 : leftPct - visits * perVisit

export const occupancySensor = behaviour<'occupancy-sensor', State>({
  wakeMs: () => minutes(1),

  begin: ({ random }) => ({
    wakes: Math.floor(random() * SUPPLIES_EVERY),
    visitsTotal: Math.round(between(random, 50_000, 400_000)),
    paperPct: between(random, 40, 100),
    soapPct: between(random, 40, 100)
  }),

  step(state, moment) {
    const { unit, at, world, random } = moment
    const stallsTotal = stallsOf(unit)
    const flapping = suffers('crowd-flapping', moment)
    const crowded = suffers('toilet-crowded', moment) ?? flapping
    const leak = suffers('water-leak', moment)
    const emptied = suffers('supplies-out', moment)
    const refilled = sufferedFrom('supplies-out', moment)
    const perHour =
      stallsTotal * (VISITS_PER_STALL_HOUR[Math.floor(world.localHour(at))] ?? 0) * (crowded ? 2 : 1)
    const visits = leak ? 0 : poisson(random, perHour / 60)
    // On an ordinary day somebody always finds a free stall.
    const occupied = Math.min(stallsTotal - 1, poisson(random, perHour * STAY_HOURS))
    const next: State = {
      wakes: state.wakes + 1,
      visitsTotal: state.visitsTotal + visits,
      paperPct: emptied ? OUT_PCT : used(state.paperPct, visits, 0.35 / stallsTotal),
      soapPct: used(state.soapPct, visits, 0.2 / stallsTotal)
    }
    // Whoever brings paper fills the soap up as well.
    if (refilled && state.paperPct === OUT_PCT) Object.assign(next, { paperPct: 100, soapPct: 100 })
    return {
      state: next,
      values: {
        stallsTotal,
        stallsOccupied: crowded && !(flapping && next.wakes % FREE_EVERY === 0) ? stallsTotal : occupied,
        visitsTotal: next.visitsTotal,
        waterFlowLpm: leak ? LEAK_LPM : visits > 0 ? round(visits * between(random, 4, 7)) : 0,
        ...(state.wakes % SUPPLIES_EVERY === 0 && {
          paperPct: round(next.paperPct),
          soapPct: round(next.soapPct),
          hotWaterC: round(between(random, 36, 42)),
          rssiDbm: Math.round(between(random, -90, -60))
        })
      }
    }
  }
})
