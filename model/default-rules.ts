import { defineRule, type Rule, type Rung } from './rules.ts'
import { days, hours, minutes } from './time.ts'

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
  due: hours(2),
  overrides: [
    { scope: 'cleaningGrade:special', set: { due: minutes(10), respondMs: minutes(5) } },
    { scope: 'cleaningGrade:1', set: { due: minutes(10), respondMs: minutes(5) } }
  ],
  ticket: { title: { en: 'Empty the bin', zh: '清运垃圾桶' } }
})

const binTilted = defineRule({
  id: 'bin-tilted',
  label: { en: 'Bin tipped over', zh: '垃圾桶倾倒' },
  why: {
    en: 'A bin that lies at 30° or more for five minutes was knocked over; wind and a passing hand take less.',
    zh: '倾斜 30° 以上并持续五分钟即为倾倒；风吹或触碰不会如此之久。'
  },
  subject: 'bin',
  severity: 'minor',
  when: { metric: 'tiltDeg', atLeast: 30 },
  forMs: minutes(5),
  clear: { metric: 'tiltDeg', below: 15 },
  clearForMs: 0,
  due: hours(4),
  ticket: { title: { en: 'Set the bin upright', zh: '扶正垃圾桶' } }
})

/** Under 30 % nobody could see it emptied: an emptying is a fall of 30 points. */
const binNotEmptied = defineRule({
  id: 'bin-not-emptied',
  label: { en: 'Bin not emptied', zh: '垃圾桶未清运' },
  why: {
    en: 'Waste is cleared the day it arises (日产日清). No emptying since the midnight before last; a bin under 30 % is not judged, and a gap in its reports starts the count anew.',
    zh: '日产日清。自前一日零时起未见清运；满溢度低于 30% 不判定，数据中断后重新计算。'
  },
  subject: 'bin',
  severity: 'minor',
  when: {
    all: [
      { noEvent: 'emptying', days: 1 },
      { metric: 'fillPct', atLeast: 30 }
    ]
  },
  forMs: 0,
  clear: { not: { noEvent: 'emptying', days: 1 } },
  clearForMs: 0,
  due: 'end-of-day',
  respondMs: hours(2),
  ticket: { title: { en: 'Empty the bin today', zh: '当日清运垃圾桶' } }
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
  due: minutes(10),
  respondMs: minutes(2),
  ticket: { title: { en: 'Put out the fire', zh: '立即灭火处置' } }
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
  due: hours(2),
  ticket: { title: { en: 'Haul the container', zh: '转运箱体' } }
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
  due: hours(4),
  reworkWithinMs: days(1),
  ticket: { title: { en: 'Repair the compactor', zh: '维修压缩机' } }
})

/** Three times the limit is no longer a question of airing. */
const ODOUR_LADDER: readonly Rung[] = [
  { severity: 'critical', when: { odour: ['nh3Ppm', 'h2sPpm'], aboveShare: 3 }, forMs: minutes(10) }
]

const stationNotHauled = defineRule({
  id: 'station-not-hauled',
  label: { en: 'Station not hauled', zh: '转运站未外运' },
  why: {
    en: 'What comes in leaves the same day (当天外运). No haul since the midnight before last; a container under 30 % is not judged, and a gap in its reports starts the count anew.',
    zh: '当天外运。自前一日零时起未见外运；箱体低于 30% 不判定，数据中断后重新计算。'
  },
  subject: 'compactor',
  severity: 'major',
  when: {
    all: [
      { noEvent: 'haul', days: 1 },
      {
        any: [
          { metric: 'containerFillPct', atLeast: 30 },
          { loaded: 'atLeast', pct: 30 }
        ]
      }
    ]
  },
  forMs: 0,
  clear: { not: { noEvent: 'haul', days: 1 } },
  clearForMs: 0,
  due: 'end-of-day',
  respondMs: hours(2),
  ticket: { title: { en: 'Haul the container today', zh: '当日外运箱体' } }
})

const stationOdour = defineRule({
  id: 'station-odour',
  label: { en: 'Station odour over limit', zh: '转运站臭气超标' },
  why: {
    en: 'Ammonia or hydrogen sulphide at the boundary over the limit of the station’s class (GB 14554). A limit below the sensor’s resolution is not judged.',
    zh: '厂界氨或硫化氢超过该类别限值（GB 14554）；低于传感器分辨率的限值不予判定。'
  },
  subject: 'compactor',
  severity: 'major',
  when: { odour: ['nh3Ppm', 'h2sPpm'], aboveShare: 1 },
  forMs: minutes(10),
  clear: { odour: ['nh3Ppm', 'h2sPpm'], atMostShare: 0.8 },
  clearForMs: minutes(10),
  ladder: ODOUR_LADDER,
  due: minutes(30),
  respondMs: minutes(10),
  reworkWithinMs: hours(4),
  ticket: { title: { en: 'Wash down and deodorise the station', zh: '冲洗除臭' } }
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
  ladder: ODOUR_LADDER,
  due: minutes(30),
  respondMs: minutes(10),
  reworkWithinMs: hours(4),
  ticket: { title: { en: 'Clean and air the toilet', zh: '保洁并通风' }, service: true }
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
  due: minutes(30),
  respondMs: minutes(10),
  ticket: { title: { en: 'Guide visitors, open more stalls', zh: '疏导人流，增开厕位' } }
})

/** Opening hours are the rule's windows; a toilet that is open all night overrides them. */
const toiletCleanDue = defineRule({
  id: 'toilet-clean-due',
  label: { en: 'Cleaning due', zh: '保洁到期' },
  why: {
    en: '300 visits or four opening hours since it was last cleaned. A cleaning is a crew’s scan at the door or a finished cleaning ticket.',
    zh: '距上次保洁已满 300 人次或四个开放小时。扫码到岗或保洁工单办结视为一次保洁。'
  },
  subject: 'toilet',
  severity: 'minor',
  when: { serviceDue: { visits: 300, openMs: hours(4) } },
  forMs: 0,
  clear: { not: { serviceDue: { visits: 300, openMs: hours(4) } } },
  clearForMs: 0,
  windows: [{ from: '06:00', to: '22:00' }],
  due: hours(1),
  ticket: { title: { en: 'Clean the toilet', zh: '公厕保洁' }, service: true }
})

const toiletSupplies = defineRule({
  id: 'toilet-supplies',
  label: { en: 'Supplies low', zh: '耗材不足' },
  why: {
    en: 'Paper or soap under 10 % runs out within the hour on a busy day.',
    zh: '厕纸或洗手液低于 10%，高峰时一小时内用尽。'
  },
  subject: 'toilet',
  severity: 'minor',
  when: {
    any: [
      { metric: 'paperPct', below: 10 },
      { metric: 'soapPct', below: 10 }
    ]
  },
  forMs: minutes(5),
  clear: {
    all: [
      { metric: 'paperPct', atLeast: 50 },
      { metric: 'soapPct', atLeast: 50 }
    ]
  },
  clearForMs: 0,
  due: hours(1),
  ticket: { title: { en: 'Refill paper and soap', zh: '补充厕纸和洗手液' } }
})

/** A visitor flushes: the half hour counts only while nobody comes. */
const toiletLeak = defineRule({
  id: 'toilet-leak',
  label: { en: 'Water leak', zh: '漏水' },
  why: {
    en: 'Water runs for half an hour though nobody came.',
    zh: '无人如厕而持续出水半小时。'
  },
  subject: 'toilet',
  severity: 'minor',
  when: {
    all: [
      { metric: 'waterFlowLpm', above: 0 },
      { metric: 'visitsTotal', unchanged: true }
    ]
  },
  forMs: minutes(30),
  clear: { metric: 'waterFlowLpm', atMost: 0 },
  clearForMs: 0,
  due: hours(4),
  reworkWithinMs: days(3),
  ticket: { title: { en: 'Find and stop the leak', zh: '查漏维修' } }
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
  parents: [{ rule: 'cabinet-dead', via: 'cabinet' }],
  due: hours(24),
  respondMs: hours(2),
  verifyWithinMs: hours(1),
  reworkWithinMs: days(3),
  ticket: { title: { en: 'Repair the lamp', zh: '维修路灯' } }
})

const lampDayBurn = defineRule({
  id: 'lamp-day-burn',
  label: { en: 'Lamp burns by day', zh: '白天亮灯' },
  why: {
    en: 'Lit half an hour though the sun is up: energy is wasted and the lamp ages.',
    zh: '白天持续亮灯半小时，浪费电能并加速灯具老化。'
  },
  subject: 'light',
  severity: 'minor',
  when: { lamp: 'burning' },
  forMs: minutes(30),
  clear: { lamp: 'off' },
  clearForMs: 0,
  due: days(3),
  respondMs: hours(8),
  reworkWithinMs: days(3),
  ticket: { title: { en: 'Correct the switching', zh: '检修开关控制' } }
})

/** Told before its lamps are silent (three intervals): two intervals and a minute. */
const cabinetDead = defineRule({
  id: 'cabinet-dead',
  label: { en: 'Cabinet dead', zh: '配电柜断电' },
  why: {
    en: 'The cabinet says it has no power, or four fifths of its lamps are dark or unheard for two intervals. One ticket stands for all of its lamps.',
    zh: '配电柜自报失电，或其所供路灯五分之四以上熄灭或两个周期无数据。一张工单代表其全部路灯。'
  },
  subject: 'cabinet',
  severity: 'critical',
  when: {
    any: [
      { metric: 'energised', is: false },
      { lampsGone: 'atLeast', pct: 80 }
    ]
  },
  forMs: minutes(1),
  clear: {
    any: [
      { metric: 'energised', is: true },
      { lampsGone: 'below', pct: 80 }
    ]
  },
  clearForMs: minutes(5),
  due: hours(1),
  respondMs: minutes(15),
  reworkWithinMs: days(1),
  ticket: { title: { en: 'Restore the cabinet’s power', zh: '恢复配电柜供电' } }
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
  ladder: [{ severity: 'critical', when: { lightingRate: 'below', pct: 90 }, forMs: minutes(10) }],
  due: hours(24),
  respondMs: hours(1),
  verifyWithinMs: hours(1),
  reworkWithinMs: days(1),
  ticket: { title: { en: 'Restore the lighting', zh: '恢复照明' } }
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
  parents: [
    { rule: 'device-silent', via: 'gateway' },
    { rule: 'cabinet-dead', via: 'cabinet' }
  ],
  due: hours(24),
  respondMs: hours(4),
  reworkWithinMs: days(1),
  ticket: { title: { en: 'Check the device', zh: '检查设备' } }
})

const batteryLow = defineRule({
  id: 'battery-low',
  label: { en: 'Battery low', zh: '电池电量低' },
  why: {
    en: 'Under 15 % a sensor has weeks left; seven days let it be changed on a planned round.',
    zh: '电量低于 15% 约可再用数周；七天内可随计划更换。'
  },
  subject: 'device',
  severity: 'minor',
  when: { metric: 'batteryPct', below: 15 },
  forMs: hours(1),
  clear: { metric: 'batteryPct', atLeast: 30 },
  clearForMs: 0,
  due: days(7),
  respondMs: days(1),
  verifyWithinMs: hours(2),
  reworkWithinMs: days(7),
  ticket: { title: { en: 'Change the battery', zh: '更换电池' } }
})

export const DEFAULT_RULES: readonly Rule[] = [
  binFull,
  binFire,
  binTilted,
  binNotEmptied,
  compactorFull,
  compactorFault,
  stationNotHauled,
  stationOdour,
  toiletOdour,
  toiletCrowded,
  toiletCleanDue,
  toiletSupplies,
  toiletLeak,
  lampOut,
  lampDayBurn,
  cabinetDead,
  lightingRate,
  deviceSilent,
  batteryLow
]
