import { days, type Millis } from '#model/time'
import { makeCity, type City } from '../city.ts'

/** A district of DOMAIN's real-life scale has about so many facilities. */
const DISTRICT_FACILITIES = 7400
/** One cabinet of 120 lamps: its death is one ticket. */
const LAMPS_PER_CABINET = 120
/** 23:00 in Nanjing: a night first, and the first midnight within the hour. */
const FIRST_NIGHT = Date.parse('2026-01-10T15:00:00Z')
/** Few roads are in a small city; one of them has lamps that no gateway speaks for. */
const DIRECT_ROAD = 'hunan-lu'
/** And of another the lamps rest from half past midnight to five. */
const HALF_NIGHT_ROAD = 'beijing-xi-lu'
const SEASONS = 34
const SEASON_DAYS = 11

/** A city of about so many facilities, with the large cabinets of a main road. */
export const truthCity = ({ seed, facilities }: { seed: number; facilities: number }): City =>
  makeCity({
    seed,
    scale: facilities / DISTRICT_FACILITIES,
    lampsPerCabinet: LAMPS_PER_CABINET,
    least: { compactors: 6, toilets: 10 },
    directRoad: DIRECT_ROAD,
    halfNightRoad: HALF_NIGHT_ROAD
  })

/** When it begins: another season for another seed, so that nights are long and short. */
export const truthStart = (seed: number): Millis =>
  FIRST_NIGHT + (Math.abs(seed) % SEASONS) * days(SEASON_DAYS)
