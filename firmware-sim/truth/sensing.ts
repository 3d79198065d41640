import { minutes, type Millis } from '#model/time'
import type { RawValue } from '#model/metrics'
import type { Facility } from '#model/registry'
import { EMPTYING, FULL_CONTAINER_KG, nh3LimitPpm, STALE_INTERVALS, type RuleId } from './domain.ts'
import type { ExpectedLight } from './expected-light.ts'
import type { Said } from './said.ts'

/** What one report says of a rule: its condition, or what ends it; undefined: neither, or nothing of it. */
export type Sensed = 'met' | 'cleared' | undefined

interface Level {
  value: RawValue
  at: Millis
}

/** Everything a device said up to a report. */
interface Look {
  said: Said
  facility: Facility
  light: ExpectedLight
  /** How full a bin must be here. */
  fullPct: number
  /** The newest value that is not stale, of a metric that this report tells of or an earlier one told. */
  now(metric: string): RawValue | undefined
  /** Its value before this report, however old. */
  before(metric: string): Level | undefined
  /** The highest share since the last emptying or haul, and when that was. */
  peakPct: number
  emptied: boolean
}

const fillOf = ({ now, facility }: Look): number => {
  const geometry = facility.attributes.geometry
  const distance = now('distanceMm')
  if (!geometry || distance === undefined) return Number(now('fillPct'))
  const { emptyDistanceMm, fullDistanceMm } = geometry
  return ((emptyDistanceMm - Number(distance)) / (emptyDistanceMm - fullDistanceMm)) * 100
}
const loadOf = ({ now }: Look): number =>
  Number(now('containerFillPct') ?? (Number(now('containerWeightKg')) / FULL_CONTAINER_KG) * 100)
const either = (met: boolean, cleared: boolean): Sensed => (met ? 'met' : cleared ? 'cleared' : undefined)

function odour({ now, facility }: Look): Sensed {
  const share = Number(now('nh3Ppm')) / nh3LimitPpm(facility.kind, facility.attributes.toiletClass)
  return either(share > 1 + 1e-9, share <= 0.8 + 1e-9)
}

/** Lit, or dark, by what its controller says. */
export function isLit({ now }: Pick<Look, 'now'>): boolean {
  return now('lampFailure') !== true && now('powerState') !== 'off' && Number(now('activePowerW')) >= 5
}
/** It should be lit, or dark, and so long that a sample counts. */
const inPhase = ({ said, facility, light }: Look, lit: boolean): boolean =>
  light.counts(facility, said.at, lit)

/** The specification's conditions once more, by reading; of rules that one sensor decides. */
const SENSED: Partial<Record<RuleId, { metrics: readonly string[]; says: (look: Look) => Sensed }>> = {
  'bin-full': {
    metrics: ['fillPct', 'distanceMm'],
    says: look => either(fillOf(look) >= look.fullPct, fillOf(look) <= 60)
  },
  'bin-fire': {
    metrics: ['tempC'],
    says({ now, before, said }) {
      const celsius = Number(now('tempC'))
      const last = before('tempC')
      const rose = last !== undefined && said.at - last.at <= minutes(2) && celsius - Number(last.value) >= 10
      return either(celsius >= 60 || rose, celsius < 45)
    }
  },
  'bin-tilted': {
    metrics: ['tiltDeg'],
    says: ({ now }) => either(Number(now('tiltDeg')) >= 30, Number(now('tiltDeg')) < 15)
  },
  'bin-not-emptied': {
    metrics: ['fillPct', 'distanceMm'],
    says: look => either(!look.emptied && fillOf(look) >= 30, look.emptied)
  },
  'compactor-full': {
    metrics: ['containerFillPct'],
    says: ({ now }) => either(Number(now('containerFillPct')) >= 95, Number(now('containerFillPct')) <= 20)
  },
  'compactor-fault': {
    metrics: ['state', 'faultCode'],
    says: ({ now }) => (now('state') === 'fault' || Number(now('faultCode')) > 0 ? 'met' : 'cleared')
  },
  'station-not-hauled': {
    metrics: ['containerFillPct', 'containerWeightKg'],
    says: look => either(!look.emptied && loadOf(look) >= 30, look.emptied)
  },
  'toilet-odour': { metrics: ['nh3Ppm'], says: odour },
  'station-odour': { metrics: ['nh3Ppm'], says: odour },
  'toilet-crowded': {
    metrics: ['stallsOccupied', 'stallsTotal'],
    says: ({ now }) => (Number(now('stallsOccupied')) >= Number(now('stallsTotal')) ? 'met' : 'cleared')
  },
  'toilet-supplies': {
    metrics: ['paperPct', 'soapPct'],
    says({ now }) {
      const [paper, soap] = [Number(now('paperPct')), Number(now('soapPct'))]
      return either(paper < 10 || soap < 10, paper >= 50 && soap >= 50)
    }
  },
  'toilet-leak': {
    metrics: ['waterFlowLpm', 'visitsTotal'],
    says({ now, before }) {
      const flows = Number(now('waterFlowLpm')) > 0
      const came = Number(now('visitsTotal')) > Number(before('visitsTotal')?.value ?? Infinity)
      return either(flows && !came, !flows)
    }
  },
  'lamp-out': {
    metrics: ['powerState', 'activePowerW', 'lampFailure'],
    says: look => (inPhase(look, true) ? (isLit(look) ? 'cleared' : 'met') : undefined)
  },
  'lamp-day-burn': {
    metrics: ['powerState', 'activePowerW', 'lampFailure'],
    says: look => either(inPhase(look, false) && isLit(look), !isLit(look))
  },
  'cabinet-dead': {
    metrics: ['energised'],
    says: ({ now }) => (now('energised') === true ? 'cleared' : 'met')
  },
  'battery-low': {
    metrics: ['batteryPct'],
    says: ({ now }) => either(Number(now('batteryPct')) < 15, Number(now('batteryPct')) >= 30)
  }
}

export const isSensed = (rule: RuleId): boolean => SENSED[rule] !== undefined

export interface Heard {
  at: Millis
  arrives: Millis
  /** From when it counts where that is not `at`. */
  counts?: Millis
  says: 'met' | 'cleared' | 'between'
  /** Where it is a matter of many sensors: by those alone that were heard since the newest claim. */
  claimSays?: 'met' | 'cleared' | 'between'
  intervalMs: Millis
  /** The platform may put it so much earlier. */
  earlyMs?: Millis
}

/**
 * What the reports of a subject's devices say of a rule, one by one. A report that is late for a metric says nothing of it. Of
 * several devices those that never said it is so are left out: they are well all the time.
 */
export function hearing(
  rule: RuleId,
  on: { said: readonly Said[]; facility: Facility; light: ExpectedLight; fullPct: number }
): Heard[] {
  const row = SENSED[rule]
  if (!row) return []
  const { said, ...place } = on
  const heard: Heard[] = []
  const levels = new Map<string, Level>()
  let peakPct = 0
  for (const one of said) {
    const fresh = Object.entries(one.values).filter(
      ([metric]) => (levels.get(metric)?.at ?? -Infinity) < one.at
    )
    const older = new Map(levels)
    for (const [metric, value] of fresh) levels.set(metric, { value: value, at: one.at })
    if (!fresh.some(([metric]) => row.metrics.includes(metric))) continue
    const staleMs = STALE_INTERVALS * one.intervalMs
    const look: Look = {
      said: one,
      ...place,
      now(metric) {
        const level = levels.get(metric)
        return level && one.at - level.at < staleMs ? level.value : undefined
      },
      before: metric => older.get(metric),
      peakPct,
      emptied: false
    }
    if (rule === 'bin-not-emptied' || rule === 'station-not-hauled') {
      const pct = rule === 'bin-not-emptied' ? fillOf(look) : loadOf(look)
      look.emptied = peakPct - pct >= EMPTYING.fallPct && pct <= EMPTYING.toPct
      peakPct = look.emptied ? pct : Math.max(peakPct, pct)
    }
    const { at, arrives, intervalMs } = one
    heard.push({ at, arrives, intervalMs, says: row.says(look) ?? 'between' })
  }
  return heard
}
