import type { CleaningGrade, LightingGrade } from '#model/kinds'

/** The city the names, the sun and the weather come from. All coordinates are WGS 84, rounded to what a map shows. */
export const CITY = { id: 'nanjing', name: '南京市', lat: 32.06, lon: 118.778, timeZone: 'Asia/Shanghai' }
export const DISTRICT = { id: 'gulou', name: '鼓楼区', lat: 32.0663, lon: 118.7697 }

/** China keeps one offset all year. */
export const UTC_OFFSET_MS = 8 * 3_600_000

/** Mean temperature by month, °C (Nanjing, 1991–2020). */
export const MONTH_C = [3, 5.4, 10.2, 16.4, 21.7, 25.2, 28.7, 28.1, 23.9, 18.2, 11.7, 5.4] as const

export const STREETS = [
  { id: 'hunan', name: '湖南路街道', lat: 32.0702, lon: 118.7745 },
  { id: 'ninghai', name: '宁海路街道', lat: 32.0575, lon: 118.7615 },
  { id: 'zhongyang', name: '中央门街道', lat: 32.0862, lon: 118.7768 },
  { id: 'huaqiao', name: '华侨路街道', lat: 32.0485, lon: 118.7705 },
  { id: 'jiangdong', name: '江东街道', lat: 32.0588, lon: 118.7382 },
  { id: 'yijiang', name: '挹江门街道', lat: 32.0835, lon: 118.7515 },
  { id: 'fenghuang', name: '凤凰街道', lat: 32.0452, lon: 118.7478 },
  { id: 'jianning', name: '建宁路街道', lat: 32.0955, lon: 118.7532 },
  { id: 'rehe', name: '热河南路街道', lat: 32.0768, lon: 118.7385 },
  { id: 'mufu', name: '幕府山街道', lat: 32.1085, lon: 118.7735 }
] as const
export type StreetId = (typeof STREETS)[number]['id']

export interface RoadPlan {
  id: string
  name: string
  street: StreetId
  lighting: LightingGrade
  cleaning: CleaningGrade
  /** Where it begins and ends, [lat, lon]. */
  from: readonly [number, number]
  to: readonly [number, number]
}

/** The roads everyone knows, longest avenue first; lanes fill up behind them. */
export const ROADS: readonly RoadPlan[] = [
  {
    id: 'zhongshan-bei-lu',
    name: '中山北路',
    street: 'hunan',
    lighting: 'main',
    cleaning: 'special',
    from: [32.0608, 118.7785],
    to: [32.0872, 118.7395]
  },
  {
    id: 'zhongyang-lu',
    name: '中央路',
    street: 'zhongyang',
    lighting: 'main',
    cleaning: 'special',
    from: [32.0622, 118.7796],
    to: [32.0868, 118.7832]
  },
  {
    id: 'beijing-xi-lu',
    name: '北京西路',
    street: 'ninghai',
    lighting: 'secondary',
    cleaning: '1',
    from: [32.0592, 118.7772],
    to: [32.0562, 118.7536]
  },
  {
    id: 'hunan-lu',
    name: '湖南路',
    street: 'hunan',
    lighting: 'secondary',
    cleaning: 'special',
    from: [32.0697, 118.7688],
    to: [32.0706, 118.7816]
  },
  {
    id: 'yihe-lu',
    name: '颐和路',
    street: 'ninghai',
    lighting: 'branch',
    cleaning: '1',
    from: [32.0604, 118.7612],
    to: [32.0633, 118.7548]
  },
  {
    id: 'yunnan-lu',
    name: '云南路',
    street: 'hunan',
    lighting: 'branch',
    cleaning: '2',
    from: [32.0588, 118.7702],
    to: [32.0698, 118.7695]
  },
  {
    id: 'majia-jie',
    name: '马家街',
    street: 'hunan',
    lighting: 'branch',
    cleaning: '2',
    from: [32.0735, 118.7738],
    to: [32.0722, 118.7802]
  },
  {
    id: 'xinmofan-malu',
    name: '新模范马路',
    street: 'zhongyang',
    lighting: 'branch',
    cleaning: '1',
    from: [32.0815, 118.7658],
    to: [32.0808, 118.7822]
  },
  {
    id: 'ninghai-lu',
    name: '宁海路',
    street: 'ninghai',
    lighting: 'branch',
    cleaning: '2',
    from: [32.0528, 118.7638],
    to: [32.0618, 118.7645]
  },
  {
    id: 'sanpailou-dajie',
    name: '三牌楼大街',
    street: 'zhongyang',
    lighting: 'branch',
    cleaning: '2',
    from: [32.0778, 118.7622],
    to: [32.0852, 118.7678]
  },
  {
    id: 'hankou-lu',
    name: '汉口路',
    street: 'ninghai',
    lighting: 'branch',
    cleaning: '2',
    from: [32.0552, 118.7642],
    to: [32.0562, 118.7782]
  },
  {
    id: 'fujian-lu',
    name: '福建路',
    street: 'zhongyang',
    lighting: 'branch',
    cleaning: '3',
    from: [32.0792, 118.7568],
    to: [32.0802, 118.7668]
  },
  {
    id: 'jiangdong-bei-lu',
    name: '江东北路',
    street: 'jiangdong',
    lighting: 'main',
    cleaning: '1',
    from: [32.0452, 118.7352],
    to: [32.0752, 118.7372]
  },
  {
    id: 'hanzhong-lu',
    name: '汉中路',
    street: 'huaqiao',
    lighting: 'main',
    cleaning: 'special',
    from: [32.0428, 118.7618],
    to: [32.0432, 118.7822]
  },
  {
    id: 'huju-lu',
    name: '虎踞路',
    street: 'huaqiao',
    lighting: 'main',
    cleaning: '1',
    from: [32.0462, 118.7592],
    to: [32.0612, 118.7568]
  },
  {
    id: 'jianning-lu',
    name: '建宁路',
    street: 'jianning',
    lighting: 'main',
    cleaning: '1',
    from: [32.0912, 118.7462],
    to: [32.0898, 118.7812]
  },
  {
    id: 'zhenghe-bei-lu',
    name: '郑和北路',
    street: 'rehe',
    lighting: 'secondary',
    cleaning: '2',
    from: [32.0698, 118.7358],
    to: [32.0822, 118.7412]
  },
  {
    id: 'guangzhou-lu',
    name: '广州路',
    street: 'huaqiao',
    lighting: 'secondary',
    cleaning: '1',
    from: [32.0502, 118.7598],
    to: [32.0508, 118.7792]
  },
  {
    id: 'shanghai-lu',
    name: '上海路',
    street: 'huaqiao',
    lighting: 'secondary',
    cleaning: '1',
    from: [32.0438, 118.7672],
    to: [32.0582, 118.7668]
  },
  {
    id: 'dinghuaimen-dajie',
    name: '定淮门大街',
    street: 'jiangdong',
    lighting: 'secondary',
    cleaning: '2',
    from: [32.0688, 118.7352],
    to: [32.0692, 118.7532]
  },
  {
    id: 'longjiang-lu',
    name: '龙江路',
    street: 'jiangdong',
    lighting: 'branch',
    cleaning: '2',
    from: [32.0612, 118.7398],
    to: [32.0608, 118.7488]
  },
  {
    id: 'fenghuang-dajie',
    name: '凤凰西街',
    street: 'fenghuang',
    lighting: 'secondary',
    cleaning: '2',
    from: [32.0402, 118.7488],
    to: [32.0512, 118.7468]
  },
  {
    id: 'rehe-nan-lu',
    name: '热河南路',
    street: 'rehe',
    lighting: 'secondary',
    cleaning: '2',
    from: [32.0752, 118.7402],
    to: [32.0852, 118.7448]
  },
  {
    id: 'mufu-xi-lu',
    name: '幕府西路',
    street: 'mufu',
    lighting: 'secondary',
    cleaning: '3',
    from: [32.1062, 118.7662],
    to: [32.1072, 118.7852]
  },
  {
    id: 'yancangqiao',
    name: '盐仓桥',
    street: 'yijiang',
    lighting: 'branch',
    cleaning: '2',
    from: [32.0862, 118.7488],
    to: [32.0882, 118.7538]
  },
  {
    id: 'chahaer-lu',
    name: '察哈尔路',
    street: 'yijiang',
    lighting: 'branch',
    cleaning: '2',
    from: [32.0768, 118.7528],
    to: [32.0782, 118.7628]
  }
]

/** Lanes of these names, numbered, are the rest of a full district's roads. */
export const LANES = [
  { id: 'xikang-lu', name: '西康路' },
  { id: 'guling-lu', name: '牯岭路' },
  { id: 'langya-lu', name: '琅琊路' },
  { id: 'putuo-lu', name: '普陀路' },
  { id: 'ningxia-lu', name: '宁夏路' },
  { id: 'chibi-lu', name: '赤壁路' },
  { id: 'tianzhu-lu', name: '天竺路' },
  { id: 'wuyi-lu', name: '武夷路' },
  { id: 'lingyin-lu', name: '灵隐路' },
  { id: 'jinyin-jie', name: '金银街' },
  { id: 'qingdao-lu', name: '青岛路' },
  { id: 'tianjin-lu', name: '天津路' },
  { id: 'nanxiucun', name: '南秀村' },
  { id: 'xiaofenqiao', name: '小粉桥' },
  { id: 'gaoyunling', name: '高云岭' },
  { id: 'fuhougang', name: '傅厚岗' },
  { id: 'houzaixiang', name: '厚载巷' },
  { id: 'dingjiaqiao', name: '丁家桥' },
  { id: 'sajiawan', name: '萨家湾' },
  { id: 'huilongqiao', name: '回龙桥' },
  { id: 'tongjiaxiang', name: '童家巷' },
  { id: 'cibeishe', name: '慈悲社' },
  { id: 'guanjiaqiao', name: '管家桥' },
  { id: 'pingcangxiang', name: '平仓巷' }
] as const
