import type { Label } from './label.ts'
import type { MetricId } from './metrics.ts'
import { minutes, type Millis } from './time.ts'

export interface FacilityKindDefinition {
  label: Label
  /** What a wall, a list or a map pin shows first. */
  headline: MetricId
}

export const FACILITY_KINDS = {
  bin: { label: { en: 'Bin', zh: '垃圾桶' }, headline: 'fillPct' },
  compactor: { label: { en: 'Compactor station', zh: '压缩站' }, headline: 'containerFillPct' },
  toilet: { label: { en: 'Public toilet', zh: '公厕' }, headline: 'stallsOccupied' },
  light: { label: { en: 'Street light', zh: '路灯' }, headline: 'powerState' },
  cabinet: { label: { en: 'Lighting cabinet', zh: '配电柜' }, headline: 'energised' }
} as const satisfies Record<string, FacilityKindDefinition>

export type FacilityKind = keyof typeof FACILITY_KINDS
export const FACILITY_KIND_IDS = Object.keys(FACILITY_KINDS) as FacilityKind[]

export interface DeviceKindDefinition {
  label: Label
  fitsTo: readonly FacilityKind[]
  /** What it can report, beside what every device can (EVERY_DEVICE). */
  metrics: readonly MetricId[]
  /** Silence and staleness are three of these, unless the device's `expectedIntervalMs` attribute says otherwise. */
  expectedIntervalMs: Millis
}

/** Metrics any device may report. */
export const EVERY_DEVICE: readonly MetricId[] = ['batteryPct', 'rssiDbm', 'snrDb']

export const DEVICE_KINDS = {
  'fill-sensor': {
    label: { en: 'Fill sensor', zh: '满溢传感器' },
    fitsTo: ['bin'],
    metrics: ['fillPct', 'distanceMm', 'tempC', 'tiltDeg', 'lidOpen'],
    expectedIntervalMs: minutes(30)
  },
  'compactor-controller': {
    label: { en: 'Compactor controller', zh: '压缩机控制器' },
    fitsTo: ['compactor'],
    metrics: [
      'containerFillPct',
      'containerWeightKg',
      'cyclesTotal',
      'pressureBar',
      'motorCurrentA',
      'state',
      'faultCode'
    ],
    expectedIntervalMs: minutes(5)
  },
  'occupancy-sensor': {
    label: { en: 'Occupancy sensor', zh: '客流厕位传感器' },
    fitsTo: ['toilet'],
    metrics: [
      'stallsTotal',
      'stallsOccupied',
      'visitsTotal',
      'waterFlowLpm',
      'paperPct',
      'soapPct',
      'hotWaterC'
    ],
    expectedIntervalMs: minutes(1)
  },
  'odour-sensor': {
    label: { en: 'Odour sensor', zh: '臭气传感器' },
    fitsTo: ['toilet', 'compactor', 'bin'],
    metrics: ['nh3Ppm', 'h2sPpm', 'humidityPct', 'tempC'],
    expectedIntervalMs: minutes(5)
  },
  'lamp-controller': {
    label: { en: 'Lamp controller', zh: '单灯控制器' },
    fitsTo: ['light'],
    metrics: [
      'powerState',
      'activePowerW',
      'supplyVoltageV',
      'supplyCurrentA',
      'powerFactor',
      'lampFailure',
      'relayFailure'
    ],
    expectedIntervalMs: minutes(5)
  },
  'cabinet-controller': {
    label: { en: 'Cabinet controller', zh: '配电柜控制器' },
    fitsTo: ['cabinet'],
    metrics: ['energised', 'energyKwh', 'doorOpen', 'supplyVoltageV', 'supplyCurrentA', 'activePowerW'],
    expectedIntervalMs: minutes(5)
  },
  gateway: {
    label: { en: 'Gateway', zh: '网关' },
    fitsTo: ['cabinet', 'compactor', 'toilet', 'bin', 'light'],
    metrics: ['energised', 'energyKwh', 'doorOpen', 'supplyVoltageV', 'supplyCurrentA', 'activePowerW'],
    expectedIntervalMs: minutes(5)
  }
} as const satisfies Record<string, DeviceKindDefinition>

export type DeviceKind = keyof typeof DEVICE_KINDS
export const DEVICE_KIND_IDS = Object.keys(DEVICE_KINDS) as DeviceKind[]
export const deviceKind = (kind: DeviceKind): DeviceKindDefinition => DEVICE_KINDS[kind]

/** A level is unknown, a device silent, after this many expected intervals. */
export const STALE_INTERVALS = 3

/** Names of the registry's attributes with closed sets of values. */
export const STREAMS = ['residual', 'recyclable', 'food', 'hazardous'] as const
export const LIGHTING_GRADES = ['main', 'secondary', 'branch'] as const
export const CLEANING_GRADES = ['special', '1', '2', '3'] as const
export type LightingGrade = (typeof LIGHTING_GRADES)[number]
export const LIGHTING_GRADE_LABELS: Record<LightingGrade, Label> = {
  main: { en: 'main roads', zh: '主干路' },
  secondary: { en: 'secondary roads', zh: '次干路' },
  branch: { en: 'branch roads', zh: '支路' }
}
export type CleaningGrade = (typeof CLEANING_GRADES)[number]

/** GB/T 30428 levels of the area tree, top down. */
export const AREA_KINDS = ['city', 'district', 'street', 'grid'] as const
export type AreaKind = (typeof AREA_KINDS)[number]
