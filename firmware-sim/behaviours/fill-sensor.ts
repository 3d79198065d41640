import { expectedIntervalMs } from '#model/device-models'
import { hours, minutes, type Millis } from '#model/time'
import { between, round } from '../random.ts'
import { dayCurve, lastRound } from '../world.ts'
import { behaviour, clamp, sufferedFrom, suffers, type Moment } from './behaviour.ts'

/** Waste by hour: mornings, lunch, and most in the evening. */
const waste = dayCurve([1, 1, 0, 0, 0, 1, 3, 5, 5, 3, 3, 6, 7, 4, 3, 3, 4, 6, 7, 7, 6, 5, 3, 2])
/** The collection rounds, in local hours. */
const ROUNDS = [5.8, 13.2, 20.6]
const RESIDUE_PCT = 3
const JUMP_PCT = 20
const HOT_C = 45
const TURN_DEG = 10
const LYING_DEG = 70
const STUCK_PCT = 23
/** A bin by a closed school: three days of leaves do not fill it. */
const NEVER_FULL_PCT = 75
const FIRE_C = 180

interface State {
  /** A busy bin takes in twice what a quiet one does: percent of its volume in a day. */
  dailyPct: number
  /** How far its collector is behind the round's timetable. */
  lateMs: Millis
  batteryPct: number
  reported: { at: Millis; fillPct: number; tempC: number; tiltDeg: number }
  reports: number
}

/** When it was last emptied: by the round, or by the crew that came for it. */
const emptiedAt = (state: State, moment: Moment): Millis =>
  Math.max(
    lastRound(moment.world, moment.at, { hours: ROUNDS, lateMs: state.lateMs }),
    sufferedFrom('bin-overfull', moment)?.to ?? 0,
    sufferedFrom('round-missed', moment)?.to ?? 0
  )

function fillPct(state: State, moment: Moment): number {
  const { at, world, random } = moment
  const overfull = suffers('bin-overfull', moment)
  // Bags thrown in all at once, and the round passes by.
  if (overfull) return clamp(93 + ((at - overfull.from) / minutes(10)) * 1.5 + random(), 0, 100)
  const stuck = suffers('stuck-sensor', moment)
  if (stuck) return STUCK_PCT
  const missed = suffers('round-missed', moment)
  if (missed) {
    const before = emptiedAt(state, { ...moment, at: missed.from, fault: undefined })
    const brought = state.dailyPct * (waste(world, at) - waste(world, before))
    return clamp(RESIDUE_PCT + brought + between(random, -0.8, 0.8), 0, NEVER_FULL_PCT)
  }
  const since = waste(world, at) - waste(world, emptiedAt(state, moment))
  return clamp(RESIDUE_PCT + state.dailyPct * since + between(random, -0.8, 0.8), 0, 88)
}

function tempC(moment: Moment): number {
  const ambient = moment.world.ambientC(moment.at) + between(moment.random, -0.4, 0.4)
  const burning = suffers('bin-fire', moment)
  if (burning) return Math.min(FIRE_C, ambient + ((moment.at - burning.from) / minutes(1)) * 15)
  const out = sufferedFrom('bin-fire', moment)
  return out ? ambient + (FIRE_C - ambient) * Math.exp(-(moment.at - out.to) / minutes(4)) : ambient
}

/** From the moment the cell gives up until somebody changes it; a new one is full. */
function batteryPct(state: State, moment: Moment): number {
  const fading = suffers('battery-fade', moment)
  if (fading) return clamp(13 - (moment.at - fading.from) / hours(8), 1, 13)
  return sufferedFrom('battery-fade', moment) ? 100 : state.batteryPct
}

/** Wakes every minute; reports on its interval, and at once on a jump of the level, on heat, or when it is turned over. */
export const fillSensor = behaviour<'fill-sensor', State>({
  wakeMs: () => minutes(1),

  begin({ unit, at, random }) {
    const interval = expectedIntervalMs(unit.device)
    return {
      dailyPct: between(random, 80, 160),
      lateMs: minutes(between(random, -50, 50)),
      batteryPct: between(random, 55, 99),
      reported: { at: at - random() * interval, fillPct: 0, tempC: 20, tiltDeg: 0 },
      reports: 0
    }
  },

  step(state, moment) {
    const { unit, at, random } = moment
    const now = {
      at,
      fillPct: fillPct(state, moment),
      tempC: tempC(moment),
      tiltDeg: suffers('bin-tilted', moment) ? LYING_DEG : 0
    }
    const first = state.reports === 0
    const jumped = !first && Math.abs(now.fillPct - state.reported.fillPct) >= JUMP_PCT
    const heat = now.tempC >= HOT_C || (!first && Math.abs(now.tempC - state.reported.tempC) >= 8)
    const turned = Math.abs(now.tiltDeg - state.reported.tiltDeg) >= TURN_DEG
    if (!jumped && !heat && !turned && at - state.reported.at < expectedIntervalMs(unit.device))
      return { state }

    const geometry = unit.facility?.attributes.geometry
    const level = geometry
      ? {
          distanceMm: Math.round(
            geometry.emptyDistanceMm -
              (now.fillPct / 100) * (geometry.emptyDistanceMm - geometry.fullDistanceMm)
          )
        }
      : { fillPct: round(now.fillPct) }
    const health = state.reports % 4 === 0 && {
      batteryPct: round(batteryPct(state, moment)),
      rssiDbm: Math.round(between(random, -104, -72)),
      snrDb: round(between(random, -2, 12))
    }
    return {
      state: { ...state, reported: now, reports: state.reports + 1 },
      values: {
        ...level,
        tempC: round(now.tempC),
        ...((turned || health) && { tiltDeg: round(now.tiltDeg + between(random, 0, 3)) }),
        ...health
      }
    }
  }
})
