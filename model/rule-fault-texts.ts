import type { Label, Language } from './label.ts'

/** What a fault is about; a label is said in the reader's language. */
export type FaultParams = Readonly<Record<string, string | number | Label>>
/** The same with every label in one language. */
type Said = Readonly<Record<string, string | number>>

/** After a Chinese word a number stands apart, another word does not. */
const apart = (text: string | number | undefined): string => String(text).replace(/^(?=[\w-])/, ' ')

/** Everything that can be wrong with a rule, in words: in English for the API, in the reader's language on the page. */
export const FAULT_TEXTS = {
  'not-an-object': { en: () => 'expected an object', zh: () => '须为对象' },
  missing: { en: () => 'is missing', zh: () => '缺少此项' },
  'no-such-field': {
    en: p => `is no field here: expected ${p.known}`,
    zh: p => `此处没有该项，可用：${p.known}`
  },
  'not-expected': {
    en: p => `expected ${p.expected}, came ${p.came}`,
    zh: p => `须为${apart(p.expected)}，收到 ${p.came}`
  },
  'fields-expected': { en: p => `expected ${p.fields}`, zh: p => `须包含 ${p.fields}` },
  'no-condition': { en: p => `expected a condition, came ${p.came}`, zh: p => `须为条件，收到 ${p.came}` },
  'too-deep': {
    en: p => `is nested more than ${p.most} deep`,
    zh: p => `嵌套不得超过 ${p.most} 层`
  },
  'no-kind': {
    en: p => `says none of them: a condition has one of ${p.known}`,
    zh: p => `未说明条件种类，须含下列之一：${p.known}`
  },
  'several-kinds': {
    en: p => `says ${p.kinds} at once: a condition has one of ${p.known}`,
    zh: p => `同时写了 ${p.kinds}，一个条件只能含下列之一：${p.known}`
  },
  'not-of-kind': {
    en: p => `does not belong to a condition with ${p.kind}`,
    zh: p => `该项不属于 ${p.kind} 条件`
  },
  'part-list': {
    en: p => `expected a list of 1 to ${p.most} conditions`,
    zh: p => `须为 1 至 ${p.most} 个条件的列表`
  },
  'step-list': {
    en: p => `expected a list of at most ${p.most} steps {severity, when, forMs}`,
    zh: p => `须为至多 ${p.most} 级的列表，每级含 severity、when、forMs`
  },
  'exception-list': {
    en: p => `expected a list of at most ${p.most} overrides {scope, set}`,
    zh: p => `须为至多 ${p.most} 项例外的列表，每项含 scope、set`
  },
  'exception-parts': {
    en: () => 'expected {scope, set}: for whom, and which settings',
    zh: () => '须含 scope（适用对象）和 set（参数）'
  },
  'other-subject': {
    en: p => `a rule cannot change what it is about: ${p.id} is about ${p.subject}`,
    zh: () => '规则的对象不可更改'
  },
  'bad-id': {
    en: () => 'a new rule has a name of small letters, digits and -, such as bin-lid-open',
    zh: () => '编号须以小写字母开头，由小写字母、数字和 - 组成，如 bin-lid-open'
  },
  'no-such-subject': {
    en: p => `a new rule is about one of ${p.known}`,
    zh: p => `新规则的对象须为 ${p.known} 之一`
  },
  'not-of-subject': {
    en: p => `${p.what} can be asked only of ${p.subjects}, not of ${p.subject}`,
    zh: p => `${p.what}不适用于此对象`
  },
  'only-lighting-rate': {
    en: () => 'a group of lamps is judged by lightingRate only',
    zh: () => '路灯组只能按亮灯率判定'
  },
  'no-event-of': {
    en: p => `no ${p.event} can be asked only of ${p.subject}`,
    zh: () => '此对象不适用该条件'
  },
  'not-reported': {
    en: p => `no device of a ${p.subject} reports ${p.metric}; it has ${p.known}`,
    zh: p => `此对象的设备不上报 ${p.metric}`
  },
  'not-a-level': {
    en: p => `${p.metric} is compared with is or isNot`,
    zh: p => `${p.metric} 只能用“为”或“不为”`
  },
  'not-a-value': { en: p => `${p.metric} is ${p.expected}`, zh: p => `${p.metric} 不会取此值` },
  'no-counter': {
    en: p => `only a counter counts on; ${p.metric} is none`,
    zh: p => `${p.metric} 不是计数值`
  },
  'outside-range': {
    en: p => `${p.metric} lies between ${p.min} and ${p.max} ${p.unit}, so ${p.limit} decides nothing`,
    zh: p => `取值须在 ${p.min} 至 ${p.max} ${p.unit} 之间`
  },
  'rises-too-far': {
    en: p => `${p.metric} cannot rise by more than ${p.most} ${p.unit}`,
    zh: p => `升幅不会超过 ${p.most} ${p.unit}`
  },
  'not-worse': {
    en: p => `must be worse than ${p.before}, which it follows`,
    zh: () => '级别须高于前一级'
  },
  'empty-window': {
    en: () => 'begins when it ends; for the whole day leave the windows out',
    zh: () => '起止时间相同；如需全天生效，请删除时段'
  },
  'window-begins-late': { en: () => 'a window begins before 24:00', zh: () => '起始时间须早于 24:00' },
  'ends-while-it-begins': {
    en: p => `what ends it is true while it begins: both hold at ${p.at}`,
    zh: p => `恢复条件与立案条件重叠：${p.at} 时既立案又恢复`
  },
  'verified-while-it-begins': {
    en: p => `what verifies a claim is true while it begins: both hold at ${p.at}`,
    zh: p => `核实条件与立案条件重叠：${p.at} 时既立案又核实`
  },
  'small-roads-apart': {
    en: p =>
      `small roads are judged by dark lamps in one of ${p.fields} and by the rate in the other: set smallRoads in both or in none`,
    zh: p => `${p.fields} 对小路的判定方式不一致：smallRoads 须同时设置或同时不设`
  },
  'verified-by-person': {
    en: () => 'a cleaning that is due by visits and time is verified by a person or a scan, not by a sensor',
    zh: () => '按人次和时间到期的保洁由人工或扫码核实，不能由传感器核实'
  },
  'verified-by-report': {
    en: () => 'a report ends silence, and verifies a claim about it: there is nothing else to ask',
    zh: () => '失联以收到上报为恢复并核实，不能另设核实条件'
  },
  'no-such-rule': { en: p => `there is no rule ${p.rule}`, zh: p => `没有规则 ${p.rule}` },
  twice: { en: () => 'is there twice', zh: () => '重复' },
  'no-way-to-parent': {
    en: p => `only a ${p.children} has a ${p.via}, not a ${p.subject}`,
    zh: p => `此对象没有${p.viaZh}`
  },
  'parent-of-other': {
    en: p => `${p.rule} is about ${p.subject}, not about a ${p.wanted}`,
    zh: p => `规则 ${p.rule} 的对象不符`
  },
  'parent-circle': {
    en: p => `would wait for itself: ${p.way}`,
    zh: p => `上级事件形成循环：${p.way}`
  },
  'not-a-scope': {
    en: p => `expected one of ${p.known}, came ${p.scope}`,
    zh: p => `适用对象须为 ${p.known} 之一，收到 ${p.scope}`
  },
  'no-such-class': {
    en: p => `${p.kind} is one of ${p.values}`,
    zh: p => `${p.kind} 取值为 ${p.values} 之一`
  },
  'no-such-place': { en: p => `there is no ${p.kind} ${p.id}`, zh: p => `没有 ${p.kind} ${p.id}` },
  'scope-twice': { en: p => `${p.scope} is there twice`, zh: p => `例外 ${p.scope} 重复` },
  'changes-nothing': { en: () => 'changes nothing', zh: () => '没有修改任何参数' },
  'silence-has-its-rule': {
    en: p => `silence has its rule already: ${p.rule}`,
    zh: () => '失联已有专门规则，不能另设'
  },
  'not-about-silence': {
    en: p => `${p.rule} is not about silence, and that stays`,
    zh: () => '失联已有专门规则，不能另设'
  },
  'silence-alone': {
    en: p => `${p.rule} is about silence: silentIntervals alone`,
    zh: () => '失联规则只能按未上报的周期数判定'
  },
  'limit-list': {
    en: p => `expected a list of 1 to ${p.most} entries {from, name, limits}`,
    zh: p => `须为 1 至 ${p.most} 项的列表，每项含 from、name、limits`
  },
  'not-a-day': {
    en: p => `expected a day such as 2026-01-31, came ${p.came}`,
    zh: p => `须为日期，如 2026-01-31，收到 ${p.came}`
  },
  'not-later': {
    en: p => `must be later than ${p.before}, which it follows`,
    zh: p => `须晚于前一项的 ${p.before}`
  },
  'both-languages': { en: () => 'expected both en and zh, neither empty', zh: () => '中英文名称均须填写' },
  'three-classes': {
    en: () => 'expected three limits in mg/m³, of class 1, 2 and 3',
    zh: () => '须为一、二、三类的三个限值（mg/m³）'
  },
  'not-a-limit': {
    en: p => `expected a limit in mg/m³ over 0, up to ${p.most}`,
    zh: p => `限值须大于 0，不超过 ${p.most} mg/m³`
  },
  'stricter-class': {
    en: p => `class ${p.class} is stricter than the class before it`,
    zh: p => `${p.class} 类限值不得严于前一类`
  },
  'silence-ends': {
    en: () => 'silence ends with a report: {"reported": true}',
    zh: () => '失联须以收到上报为恢复条件'
  }
} as const satisfies Record<string, Record<Language, (params: Said) => string>>
export type FaultCode = keyof typeof FAULT_TEXTS

/** What is wrong with a rule, and where in it: `when.any[1].atLeast`. */
export interface Fault {
  path: string
  code: FaultCode
  params: FaultParams
  /** In English. */
  message: string
}

export function fault(path: string, code: FaultCode, params: FaultParams = {}): Fault {
  return { path, code, params, message: textOf({ code, params }, 'en') }
}

const textOf = ({ code, params }: Pick<Fault, 'code' | 'params'>, language: Language): string => {
  const said = Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, typeof value === 'object' ? value[language] : value])
  )
  return FAULT_TEXTS[code][language](said)
}

/** What is wrong, in the reader's language. */
export const faultText = (wrong: Fault, language: Language): string => textOf(wrong, language)
