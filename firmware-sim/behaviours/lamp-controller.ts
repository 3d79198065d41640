import { minutes, hours, type Millis } from '#model/time'
import { hasRest, rests } from '../half-night.ts'
import { between, round } from '../random.ts'
import { behaviour, suffers } from './behaviour.ts'

const WATTS = { main: 150, secondary: 100, branch: 60 } as const
/** The flags and the supply are told when a flag changes and every so often. */
const DETAILS_MS = hours(4)

interface State {
  nominalW: number
  /** Half of the failures are the lamp's (switched on, no light), half the relay's (will not switch on). */
  relayFails: boolean
  /** How far its astronomical clock is off: it lights a little early and leaves a little late. */
  earlyMs: Millis
  failed: boolean
  detailsAt: Millis
}

/** Lit from civil dusk to civil dawn, but for a rest some have; lanes dim to half after 23:30. A failure reports no power, and its flag. */
export const lampController = behaviour<'lamp-controller', State>({
  wakeMs: () => minutes(5),

  begin: ({ unit, at, random }) => ({
    nominalW: WATTS[unit.facility?.attributes.lightingGrade ?? 'branch'] * between(random, 0.94, 1.04),
    relayFails: random() < 0.5,
    earlyMs: minutes(between(random, 0, 3)),
    failed: false,
    detailsAt: at - random() * DETAILS_MS
  }),

  step(state, moment) {
    const { unit, at, world, random, powered } = moment
    // Without power its controller is dead as well.
    if (!powered) return { state }
    const failed = suffers('lamp-failure', moment) !== undefined
    const night = world.dark(at, state.earlyMs) || world.dark(at, -state.earlyMs)
    const resting = hasRest(unit.device) && rests(world, at)
    const wanted = suffers('lamp-day-burn', moment) !== undefined || (night && !resting)
    const switchedOn = wanted && !(failed && state.relayFails)
    const hour = world.localHour(at)
    const dimmed = unit.facility?.attributes.lightingGrade === 'branch' && (hour >= 23.5 || hour < 5)
    const litW = state.nominalW * (dimmed ? 0.5 : 1) * between(random, 0.99, 1.01)
    const activePowerW = switchedOn && !failed ? round(litW) : 0
    const detailed = failed !== state.failed || at - state.detailsAt >= DETAILS_MS
    const volts = between(random, 224, 233)
    return {
      state: { ...state, failed, detailsAt: detailed ? at : state.detailsAt },
      values: {
        powerState: !switchedOn ? 'off' : dimmed ? 'dimmed' : 'on',
        activePowerW,
        ...(failed && { lampFailure: !state.relayFails, relayFailure: state.relayFails }),
        ...(detailed && {
          lampFailure: failed && !state.relayFails,
          relayFailure: failed && state.relayFails,
          supplyVoltageV: round(volts),
          supplyCurrentA: round(activePowerW / volts / 0.95, 3),
          powerFactor: activePowerW > 0 ? 0.95 : 0
        })
      }
    }
  }
})
