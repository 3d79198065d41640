import { Type } from 'typebox'
import { Check } from 'typebox/value'
import { DayWindow } from './rule-shapes.ts'
import type { DayWindow as Window } from './rules.ts'

const MOST_WINDOWS = 20

/**
 * When lamps are lit while the sun is down: windows of the city's clock; an empty list is all night. The attribute
 * `lightingSchedule` of a light, a cabinet, a road or an area; the nearest counts.
 */
export const LIGHTING_SCHEDULE_IS = `a list of up to ${MOST_WINDOWS} windows {from, to, days?} in which lamps are lit by night: times of day as HH:MM, days of the week 1 to 7`
const LightingSchedule = Type.Array(DayWindow, { maxItems: MOST_WINDOWS })

export const isLightingSchedule = (value: unknown): value is Window[] => Check(LightingSchedule, value)
