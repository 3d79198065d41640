import { deviceModel } from '#model/device-models'
import { minutes } from '#model/time'
import { between, round } from '../random.ts'
import { nh3LimitPpm } from '../truth/domain.ts'
import { behaviour, clamp, sufferedFrom, suffers, type Moment } from './behaviour.ts'

interface State {
  /** The ammonia of an ordinary moment, as a share of the limit of the place. */
  share: number
  /** One in three carries a second cell. */
  h2s: boolean
}

const SMELLS = ['toilet-odour', 'toilet-stench', 'station-odour'] as const
/** What the air comes to, as a share of the limit. */
const ODOUR_SHARE = 1.9
const STENCH_SHARE = 5

/** With the fan broken ammonia goes to nearly twice the limit in half an hour; repaired, the air is clean as fast. */
function shareOfLimit(state: State, moment: Moment): number {
  const usual = state.share + between(moment.random, -0.06, 0.06)
  const worst = moment.fault?.kind === 'toilet-stench' ? STENCH_SHARE : ODOUR_SHARE
  const fanOff = SMELLS.map(kind => suffers(kind, moment)).find(Boolean)
  if (fanOff) return worst - (worst - usual) * Math.exp(-(moment.at - fanOff.from) / minutes(8))
  const repaired = SMELLS.map(kind => sufferedFrom(kind, moment)).find(Boolean)
  return repaired ? usual + (worst - usual) * Math.exp(-(moment.at - repaired.to) / minutes(6)) : usual
}

export const odourSensor = behaviour<'odour-sensor', State>({
  wakeMs: () => minutes(5),

  begin: ({ random }) => ({ share: between(random, 0.12, 0.42), h2s: random() < 1 / 3 }),

  step(state, moment) {
    const { unit, at, world, random } = moment
    const { kind, attributes } = unit.facility ?? { kind: 'toilet', attributes: {} }
    const limit = nh3LimitPpm(kind, attributes.toiletClass)
    const step = deviceModel(unit.device).resolution.nh3Ppm ?? 0.01
    const share = shareOfLimit(state, moment)
    const trace = suffers('h2s-trace', moment) !== undefined
    const indoorC = clamp(world.ambientC(at) * 0.6 + 9, 8, 34)
    return {
      state,
      values: {
        nh3Ppm: round(Math.max(0, Math.round((share * limit) / step) * step), 2),
        // Its cell resolves ten times the limit: what an ordinary toilet has reads as zero.
        ...((state.h2s || trace) && { h2sPpm: trace || share > 1.5 ? 0.1 : 0 }),
        humidityPct: round(clamp(58 + 10 * state.share + between(random, -4, 4), 0, 100)),
        tempC: round(indoorC + between(random, -0.3, 0.3))
      }
    }
  }
})
