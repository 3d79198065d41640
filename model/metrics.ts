import type { Label } from './label.ts'

/**
 * `level` holds until the next report, `counter` only grows (and may reset to 0), `flag` is true or false,
 * `state` is one of `values`. Everything is stored as a number: a flag as 0 or 1, a state as its index in `values`.
 */
export interface MetricDefinition {
  label: Label
  /** Shown behind the value; the metric's name carries it too. Percent is 0–100. */
  unit: string
  kind: 'level' | 'counter' | 'flag' | 'state'
  min: number
  max: number
  values?: readonly string[]
  /** A state's values in words, in the order of `values`. */
  valueLabels?: readonly Label[]
}

const level = (en: string, zh: string, unit: string, min: number, max: number) =>
  ({ label: { en, zh }, unit, kind: 'level', min, max }) as const
const counter = (en: string, zh: string, unit: string, max: number) =>
  ({ label: { en, zh }, unit, kind: 'counter', min: 0, max }) as const
const flag = (en: string, zh: string) =>
  ({ label: { en, zh }, unit: '', kind: 'flag', min: 0, max: 1 }) as const

/** Ranges are what a working sensor of the kind can report; outside it the reading is quarantined, not clipped. */
export const METRICS = {
  fillPct: level('Fill level', '满溢度', '%', 0, 100),
  distanceMm: level('Distance to waste', '测距', 'mm', 0, 10_000),
  tempC: level('Temperature', '温度', '°C', -60, 300),
  tiltDeg: level('Tilt', '倾斜角', '°', 0, 180),
  lidOpen: flag('Lid open', '箱盖打开'),

  containerFillPct: level('Container fill', '箱体满载率', '%', 0, 100),
  containerWeightKg: level('Container weight', '箱体重量', 'kg', 0, 60_000),
  cyclesTotal: counter('Compaction cycles', '压缩次数', '', 1e9),
  pressureBar: level('Hydraulic pressure', '液压压力', 'bar', 0, 1000),
  motorCurrentA: level('Motor current', '电机电流', 'A', 0, 2000),
  state: {
    label: { en: 'State', zh: '运行状态' },
    unit: '',
    kind: 'state',
    min: 0,
    max: 4,
    values: ['idle', 'compacting', 'full', 'fault', 'maintenance'],
    valueLabels: [
      { en: 'idle', zh: '待机' },
      { en: 'compacting', zh: '压缩中' },
      { en: 'full', zh: '已满' },
      { en: 'fault', zh: '故障' },
      { en: 'maintenance', zh: '检修' }
    ]
  },
  faultCode: level('Fault code', '故障码', '', 0, 65_535),

  stallsTotal: level('Stalls', '厕位总数', '', 0, 500),
  stallsOccupied: level('Stalls occupied', '占用厕位', '', 0, 500),
  visitsTotal: counter('Visits', '如厕人次', '', 1e9),
  waterFlowLpm: level('Water flow', '水流量', 'L/min', 0, 5000),
  paperPct: level('Paper left', '厕纸余量', '%', 0, 100),
  soapPct: level('Soap left', '洗手液余量', '%', 0, 100),
  hotWaterC: level('Hot water', '热水温度', '°C', -10, 110),

  nh3Ppm: level('Ammonia NH₃', '氨气 NH₃', 'ppm', 0, 1000),
  h2sPpm: level('Hydrogen sulphide H₂S', '硫化氢 H₂S', 'ppm', 0, 1000),
  humidityPct: level('Humidity', '湿度', '%', 0, 100),

  powerState: {
    label: { en: 'Lamp', zh: '亮灭状态' },
    unit: '',
    kind: 'state',
    min: 0,
    max: 2,
    values: ['off', 'on', 'dimmed'],
    valueLabels: [
      { en: 'off', zh: '灭' },
      { en: 'on', zh: '亮' },
      { en: 'dimmed', zh: '调光' }
    ]
  },
  activePowerW: level('Active power', '有功功率', 'W', 0, 5000),
  supplyVoltageV: level('Supply voltage', '供电电压', 'V', 0, 1000),
  supplyCurrentA: level('Supply current', '供电电流', 'A', 0, 100),
  powerFactor: level('Power factor', '功率因数', '', -1, 1),
  lampFailure: flag('Lamp failure', '灯具故障'),
  relayFailure: flag('Relay failure', '继电器故障'),

  energised: flag('Energised', '带电'),
  energyKwh: counter('Energy', '电能', 'kWh', 1e12),
  doorOpen: flag('Door open', '柜门打开'),

  batteryPct: level('Battery', '电池', '%', 0, 100),
  rssiDbm: level('Signal', '信号强度', 'dBm', -200, 20),
  snrDb: level('Signal-to-noise', '信噪比', 'dB', -50, 60)
} as const satisfies Record<string, MetricDefinition>

export type MetricId = keyof typeof METRICS
export const METRIC_IDS = Object.keys(METRICS) as MetricId[]

export const isMetric = (name: string): name is MetricId => Object.hasOwn(METRICS, name)
export const metricDefinition = (metric: MetricId): MetricDefinition => METRICS[metric]

export type RawValue = number | boolean | string

/** The stored number of a reported value, or what was expected instead. */
export function encodeValue(metric: MetricId, raw: RawValue): { value: number } | { expected: string } {
  const definition = metricDefinition(metric)
  if (definition.values) {
    const index = typeof raw === 'string' ? definition.values.indexOf(raw) : -1
    return index >= 0 ? { value: index } : { expected: `one of ${definition.values.join(', ')}` }
  }
  if (definition.kind === 'flag') {
    if (raw === true || raw === 1) return { value: 1 }
    if (raw === false || raw === 0) return { value: 0 }
    return { expected: 'true or false' }
  }
  if (typeof raw !== 'number' || !(raw >= definition.min && raw <= definition.max)) {
    return { expected: `a number from ${definition.min} to ${definition.max} ${definition.unit}`.trimEnd() }
  }
  return { value: raw }
}

/** The value as people and APIs know it: `true`, `"fault"`, 93.5. */
export function decodeValue(metric: MetricId, value: number): RawValue {
  const definition = metricDefinition(metric)
  if (definition.kind === 'flag') return value !== 0
  return definition.values?.[value] ?? value
}
