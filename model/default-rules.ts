import { defineRule, type Rule } from './rules.ts'
import { hours, minutes } from './time.ts'

/** Over 90 % a street bin spills within the hour at lunch time; ten minutes is the client's figure. */
const binFull = defineRule({
  id: 'bin-full',
  label: { en: 'Bin full', zh: '垃圾桶满溢' },
  why: {
    en: 'At 90 % a street bin spills within the hour. Ten minutes is the contract’s figure; on special and grade 1 roads it must be emptied within ten minutes more.',
    zh: '满溢度达到 90% 的街面垃圾桶一小时内就会外溢。持续十分钟为合同约定；特级、一级道路须在十分钟内清运。'
  },
  subject: 'bin',
  severity: 'major',
  when: { metric: 'fillPct', atLeast: 90 },
  forMs: minutes(10),
  clear: { metric: 'fillPct', atMost: 60 },
  clearForMs: minutes(2),
  noData: 'hold',
  ticket: {
    title: { en: 'Empty the bin', zh: '清运垃圾桶' },
    dueMs: hours(2),
    dueMsByCleaningGrade: { special: minutes(10), '1': minutes(10) }
  }
})

/** 60 °C is no weather; +10 °C in two minutes is smouldering long before that. No hold: a fire does not wait. */
const binFire = defineRule({
  id: 'bin-fire',
  label: { en: 'Bin on fire', zh: '垃圾桶起火' },
  why: {
    en: 'No weather heats a bin to 60 °C or by 10 °C within two minutes. It fires at once.',
    zh: '正常天气不会使桶内达到 60°C 或两分钟内升高 10°C，立即报警。'
  },
  subject: 'bin',
  severity: 'critical',
  when: {
    any: [
      { metric: 'tempC', atLeast: 60 },
      { metric: 'tempC', risesBy: 10, withinMs: minutes(2) }
    ]
  },
  forMs: 0,
  clear: { metric: 'tempC', below: 45 },
  clearForMs: minutes(10),
  noData: 'hold',
  ticket: { title: { en: 'Put out the fire', zh: '立即灭火处置' }, dueMs: minutes(10) }
})

const compactorFull = defineRule({
  id: 'compactor-full',
  label: { en: 'Container full', zh: '箱体满载' },
  why: {
    en: 'A container at 95 % stops taking waste, and the street behind it backs up.',
    zh: '箱体满载率达 95% 即无法继续收纳，前端清运随之受阻。'
  },
  subject: 'compactor',
  severity: 'major',
  when: { metric: 'containerFillPct', atLeast: 95 },
  forMs: minutes(10),
  clear: { metric: 'containerFillPct', atMost: 20 },
  clearForMs: 0,
  noData: 'hold',
  ticket: { title: { en: 'Haul the container', zh: '转运箱体' }, dueMs: hours(2) }
})

const compactorFault = defineRule({
  id: 'compactor-fault',
  label: { en: 'Compactor fault', zh: '压缩机故障' },
  why: {
    en: 'The machine itself reports a fault; one minute keeps out the flicker of a restart.',
    zh: '设备自报故障；持续一分钟可排除重启瞬态。'
  },
  subject: 'compactor',
  severity: 'major',
  when: {
    any: [
      { metric: 'state', is: 'fault' },
      { metric: 'faultCode', above: 0 }
    ]
  },
  forMs: minutes(1),
  clear: {
    all: [
      { metric: 'state', isNot: 'fault' },
      { metric: 'faultCode', is: 0 }
    ]
  },
  clearForMs: minutes(5),
  noData: 'hold',
  ticket: { title: { en: 'Repair the compactor', zh: '维修压缩机' }, dueMs: hours(4) }
})

const toiletOdour = defineRule({
  id: 'toilet-odour',
  label: { en: 'Odour over limit', zh: '臭气超标' },
  why: {
    en: 'Ammonia or hydrogen sulphide over the limit of the toilet’s class. A limit below the sensor’s resolution is not judged.',
    zh: '氨或硫化氢超过该类别公厕限值；低于传感器分辨率的限值不予判定。'
  },
  subject: 'toilet',
  severity: 'major',
  when: { odour: ['nh3Ppm', 'h2sPpm'], aboveShare: 1 },
  forMs: minutes(10),
  clear: { odour: ['nh3Ppm', 'h2sPpm'], atMostShare: 0.8 },
  clearForMs: minutes(10),
  noData: 'hold',
  ticket: { title: { en: 'Clean and air the toilet', zh: '保洁并通风' }, dueMs: minutes(30) }
})

const toiletCrowded = defineRule({
  id: 'toilet-crowded',
  label: { en: 'Toilet crowded', zh: '公厕拥挤' },
  why: { en: 'Every stall taken for a quarter of an hour.', zh: '所有厕位连续一刻钟占满。' },
  subject: 'toilet',
  severity: 'minor',
  when: { metric: 'stallsOccupied', atLeastMetric: 'stallsTotal' },
  forMs: minutes(15),
  clear: { metric: 'stallsOccupied', belowMetric: 'stallsTotal' },
  clearForMs: minutes(5),
  noData: 'hold',
  ticket: { title: { en: 'Guide visitors, open more stalls', zh: '疏导人流，增开厕位' }, dueMs: minutes(30) }
})

const lampOut = defineRule({
  id: 'lamp-out',
  label: { en: 'Lamp out', zh: '路灯不亮' },
  why: {
    en: 'A lamp that should be lit and is not, by its power and failure flags. 24 hours is the client’s figure.',
    zh: '应亮未亮，按功率与故障标志判定。24 小时修复为合同约定。'
  },
  subject: 'light',
  severity: 'minor',
  when: { lamp: 'dark' },
  forMs: minutes(10),
  clear: { lamp: 'lit' },
  clearForMs: minutes(5),
  noData: 'hold',
  ticket: { title: { en: 'Repair the lamp', zh: '维修路灯' }, dueMs: hours(24) }
})

/** 98 % is the client's figure, for each road and each district × lighting grade. */
const lightingRate = defineRule({
  id: 'lighting-rate',
  label: { en: 'Lighting rate low', zh: '亮灯率不达标' },
  why: {
    en: 'Lit ÷ should be lit, under 98 % of a road or of a district’s lights of one grade. Stale lamps make it a range, and it fires only if the whole range is under.',
    zh: '道路或某区某等级照明的亮灯率低于 98%。数据过期的灯按区间计，仅当整个区间都低于目标才报警。'
  },
  subject: 'lamp-group',
  severity: 'major',
  when: { lightingRate: 'below', pct: 98 },
  forMs: minutes(10),
  clear: { lightingRate: 'atLeast', pct: 98 },
  clearForMs: minutes(10),
  noData: 'hold',
  ticket: { title: { en: 'Restore the lighting', zh: '恢复照明' }, dueMs: hours(24) }
})

const deviceSilent = defineRule({
  id: 'device-silent',
  label: { en: 'Device silent', zh: '设备失联' },
  why: {
    en: 'No report for three expected intervals, counted by arrival. Our own outages do not count.',
    zh: '连续三个上报周期未收到数据，按到达时间计；平台自身中断不计。'
  },
  subject: 'device',
  severity: 'minor',
  when: { silentIntervals: 3 },
  forMs: 0,
  clear: { reported: true },
  clearForMs: 0,
  noData: 'hold',
  ticket: { title: { en: 'Check the device', zh: '检查设备' }, dueMs: hours(24) }
})

export const DEFAULT_RULES: readonly Rule[] = [
  binFull,
  binFire,
  compactorFull,
  compactorFault,
  toiletOdour,
  toiletCrowded,
  lampOut,
  lightingRate,
  deviceSilent
]
