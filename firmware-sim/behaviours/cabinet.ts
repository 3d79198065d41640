import { hours, minutes, type Millis } from '#model/time'
import { between, round } from '../random.ts'
import { behaviour, suffers } from './behaviour.ts'

interface State {
  energyKwh: number
  loadKw: number
  detailsAt: Millis
}

/**
 * A cabinet reports the same whether a controller sits in it or a gateway that also speaks for its lamps: both kinds have
 * the same metrics.
 */
export const cabinet = behaviour<'cabinet-controller' | 'gateway', State>({
  wakeMs: () => minutes(5),

  begin: ({ at, random }) => ({
    energyKwh: between(random, 10_000, 90_000),
    loadKw: between(random, 3, 6),
    detailsAt: at - random() * hours(1)
  }),

  step(state, moment) {
    const { at, world, random, powered } = moment
    if (suffers('cabinet-mute', moment)) return { state }
    const loadKw = !powered ? 0 : world.dark(at) ? state.loadKw : 0.05
    const energyKwh = state.energyKwh + loadKw / 12
    const detailed = at - state.detailsAt >= hours(1)
    return {
      state: { ...state, energyKwh, detailsAt: detailed ? at : state.detailsAt },
      values: {
        energised: powered,
        energyKwh: round(energyKwh, 2),
        ...(detailed && {
          doorOpen: false,
          supplyVoltageV: powered ? round(between(random, 224, 233)) : 0,
          rssiDbm: Math.round(between(random, -88, -60))
        })
      }
    }
  }
})
