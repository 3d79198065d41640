import type { LampView, LightingStanding } from '#model/lighting'
import type { Language } from '#model/label'
import { useWords } from './words.svelte.ts'

/** Words of lighting rates. */
const en = {
  title: 'Lighting',
  lead: 'Of the lamps that should be lit now, how many are. It is a range where some have not been heard of.',
  exportCsv: 'Export CSV',
  level: 'Counted by',
  search: 'Search name or id',
  list: 'Lighting rates, worst first',
  columns: {
    place: 'Place',
    rate: 'Lighting rate',
    asked: 'Asked',
    dark: 'Dark',
    unknown: 'Not heard',
    out: 'Left out',
    lamps: 'Lamps',
    ticket: 'Ticket'
  },
  csv: { level: 'Counted by', id: 'Id', area: 'In', min: 'Rate from %', max: 'Rate to %', lit: 'Lit' },
  views: { lit: 'lit', dark: 'dark', unknown: 'not heard', out: 'left out' } as Record<LampView, string>,
  why: {
    dark: 'Should be lit and is not.',
    unknown: 'Not heard since it should be lit: it may be either.',
    out: 'Announced work, a cabinet without power, or it need not be lit now.'
  },
  standings: { under: 'under', unsure: 'not sure', met: 'met' } as Record<LightingStanding, string>,
  percent: (n: string) => `${n} %`,
  range: (from: string, to: string) => `${from} to ${to} %`,
  asked: (percent: string) => `≥ ${percent}`,
  darkAllowed: (n: string) => `≤ ${n} dark`,
  litOf: (lit: string, all: string) => `${lit} of ${all} lit`,
  whole: 'as a whole',
  lampsThere: (name: string, n: string) => `${name}: lamps with a controller ${n}`,
  noRate: 'none should be lit',
  ticket: 'Open ticket',
  showLamps: (name: string) => `Lamps of ${name} that are not lit`,
  allLit: 'No lamp here is dark or unheard of.',
  allLamps: 'Use the search of the overview to see the rest.',
  day: {
    title: 'It is day: no street light should be lit',
    until: 'Counting begins at dusk,',
    since: 'Day since'
  },
  night: {
    since: 'Night since',
    until: 'dawn',
    title: 'No street light should be lit now',
    none: 'All lamps are under announced work or a cabinet without power, or need not be lit by their schedule.',
    follow: 'Lamps have a quarter of an hour to follow dusk. They are judged from'
  },
  nowhere: {
    title: 'Nobody can say whether it is night',
    how: 'The sun is taken at the coordinates of the root area, and it has none. Import them with the areas.'
  },
  noLamps: {
    title: 'No street light with a controller yet',
    how: 'Import lights, their controllers and the roads they stand on.',
    to: 'Devices'
  },
  noneHere: 'No lamps are counted at this level here.',
  nothingMatches: 'No place matches.',
  counted: 'Counted',
  ofRoad: 'Lighting rate of the road'
}

type LightingWords = typeof en

const zh: LightingWords = {
  title: '亮灯率',
  lead: '当前应亮路灯中已亮的比例。部分路灯无数据时按区间显示：最低按未亮计，最高按已亮计。',
  exportCsv: '导出 CSV',
  level: '统计层级',
  search: '搜索名称或编号',
  list: '亮灯率（由差到好）',
  columns: {
    place: '位置',
    rate: '亮灯率',
    asked: '要求',
    dark: '未亮',
    unknown: '无数据',
    out: '不计入',
    lamps: '路灯数',
    ticket: '工单'
  },
  csv: { level: '统计层级', id: '编号', area: '所属', min: '亮灯率下限%', max: '亮灯率上限%', lit: '已亮' },
  views: { lit: '已亮', dark: '未亮', unknown: '无数据', out: '不计入' },
  why: {
    dark: '应亮而未亮。',
    unknown: '应亮时段内尚无数据，是否亮灯未知。',
    out: '计划施工、配电柜停电，或当前无需亮灯。'
  },
  standings: { under: '未达标', unsure: '待定', met: '达标' },
  percent: n => `${n}%`,
  range: (from, to) => `${from}～${to}%`,
  asked: percent => `≥ ${percent}`,
  darkAllowed: n => `未亮 ≤ ${n} 盏`,
  litOf: (lit, all) => `应亮 ${all} 盏，已亮 ${lit} 盏`,
  whole: '总体',
  lampsThere: (name, n) => `${name}：装有控制器的路灯 ${n} 盏`,
  noRate: '当前无需亮灯',
  ticket: '查看工单',
  showLamps: name => `${name}未亮及无数据的路灯`,
  allLit: '此处没有未亮或无数据的路灯。',
  allLamps: '其余路灯请在总览中搜索。',
  day: { title: '现在是白天，路灯无需点亮', until: '天黑后开始统计：', since: '天亮时间' },
  night: {
    since: '天黑时间',
    until: '天亮时间',
    title: '当前没有应亮的路灯',
    none: '所有路灯均处于计划施工或配电柜停电状态，或按开关灯计划无需点亮。',
    follow: '天黑后留有一刻钟开灯时间，开始判定：'
  },
  nowhere: {
    title: '无法判断昼夜',
    how: '昼夜按根网格的坐标推算，但该网格没有坐标，请随网格一并导入。'
  },
  noLamps: {
    title: '还没有装控制器的路灯',
    how: '请导入路灯、单灯控制器及其所在道路。',
    to: '设备'
  },
  noneHere: '此处没有该层级的统计。',
  nothingMatches: '没有符合条件的位置。',
  counted: '统计于',
  ofRoad: '所在道路亮灯率'
}

const WORDS: Record<Language, LightingWords> = { en, zh }

/** In the reader's language; read `t` where it is shown, so that it follows a switch. */
export function useLightingWords() {
  const words = useWords()
  /** Never more than it is: 97.996 % is not 98 %. */
  const cut = (pct: number): string => words.number(Math.floor(pct * 100 + 1e-6) / 100, 2)
  return {
    get t(): LightingWords {
      return WORDS[words.language]
    },
    percent(pct: number): string {
      return WORDS[words.language].percent(cut(pct))
    },
    rate({ min, max }: { min: number; max: number }): string {
      const t = WORDS[words.language]
      return cut(min) === cut(max) ? t.percent(cut(min)) : t.range(cut(min), cut(max))
    }
  }
}
