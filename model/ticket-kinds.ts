import type { CleaningGrade, FacilityKind } from './kinds.ts'
import type { Label } from './label.ts'
import type { Severity } from './rules.ts'
import { days, hours, minutes, type Millis } from './time.ts'

export interface TicketKindDefinition {
  label: Label
  /** What to do, as the crew reads it. */
  title: Label
  severity: Severity
  /** Time allowed; by the cleaning grade of the place where it differs. */
  dueMs: Millis
  dueMsByGrade?: Partial<Record<CleaningGrade, Millis>>
  /** An open ticket of one of these rules on the same facility is the same trouble. */
  sameAs?: readonly string[]
  /** It is about the facility it names: of two of them it is two troubles, however near they stand. */
  ofFacility?: true
  /** Of these facilities it is a cleaning. */
  serviceOf?: readonly FacilityKind[]
  /** Nothing that somebody on the street would report. */
  ofStaff?: true
}

/** What people report, and planned work that was missed. Ten minutes and 24 hours are the client's figures (★). */
export const TICKET_KINDS = {
  litter: {
    label: { en: 'Litter', zh: '暴露垃圾' },
    title: { en: 'Pick up the litter', zh: '清理暴露垃圾' },
    severity: 'minor',
    dueMs: hours(2),
    // ★ 10 minutes on special and grade 1.
    dueMsByGrade: { special: minutes(10), '1': minutes(10), '2': minutes(30) }
  },
  damaged: {
    label: { en: 'Damaged', zh: '设施破损' },
    title: { en: 'Repair the damage', zh: '修复破损设施' },
    severity: 'major',
    ofFacility: true,
    // ★
    dueMs: hours(24)
  },
  overflow: {
    label: { en: 'Overflowing', zh: '满溢' },
    title: { en: 'Empty it', zh: '清运满溢' },
    severity: 'major',
    dueMs: hours(2),
    dueMsByGrade: { special: minutes(10), '1': minutes(10) },
    ofFacility: true,
    sameAs: ['bin-full', 'compactor-full']
  },
  dirty: {
    label: { en: 'Dirty', zh: '脏污' },
    title: { en: 'Clean it', zh: '保洁' },
    severity: 'minor',
    dueMs: hours(1),
    ofFacility: true,
    serviceOf: ['toilet']
  },
  blocked: {
    label: { en: 'Blocked', zh: '堵塞' },
    title: { en: 'Clear the blockage', zh: '疏通堵塞' },
    severity: 'major',
    ofFacility: true,
    dueMs: hours(4)
  },
  advert: {
    label: { en: 'Illegal advert', zh: '违规小广告' },
    title: { en: 'Remove the advert', zh: '清除小广告' },
    severity: 'minor',
    dueMs: hours(24)
  },
  measure: {
    label: { en: 'Measurement by hand', zh: '人工检测' },
    title: { en: 'Measure by hand what the sensor cannot tell', zh: '人工检测传感器无法判定的指标' },
    severity: 'minor',
    ofFacility: true,
    dueMs: days(7),
    ofStaff: true
  },
  other: {
    label: { en: 'Other', zh: '其他' },
    title: { en: 'See to it', zh: '现场处置' },
    severity: 'minor',
    // It may be anything: of another facility it is likely something else.
    ofFacility: true,
    dueMs: hours(24)
  }
} as const satisfies Record<string, TicketKindDefinition>
export type TicketKind = keyof typeof TICKET_KINDS
export const TICKET_KIND_IDS = Object.keys(TICKET_KINDS) as TicketKind[]
export const ticketKind = (kind: TicketKind): TicketKindDefinition => TICKET_KINDS[kind]
/** What people without an account may report. */
export const PUBLIC_KIND_IDS = TICKET_KIND_IDS.filter(kind => !ticketKind(kind).ofStaff)

export function kindDueMs(kind: TicketKind, grade: CleaningGrade | undefined): Millis {
  const { dueMs, dueMsByGrade } = ticketKind(kind)
  return (grade && dueMsByGrade?.[grade]) ?? dueMs
}
