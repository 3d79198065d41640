import { Type, type Static } from 'typebox'
import type { FacilityKind } from './kinds.ts'
import type { Label } from './label.ts'

/** Checklists as data: what a person looks at on the spot. An answered one goes with a ticket's action as JSON. */

export interface ChecklistItem {
  id: string
  label: Label
  /** `odour-sensor`: the facility's sensor answers where it can tell; else what the person says counts. */
  answeredBy: 'person' | 'odour-sensor'
}

export interface Checklist {
  label: Label
  /** Where it is offered. */
  kinds: readonly FacilityKind[]
  items: readonly ChecklistItem[]
}

const clean = (id: string, en: string, zh: string): ChecklistItem => ({
  id,
  label: { en: `Clean ${en}`, zh: `${zh}净` },
  answeredBy: 'person'
})
const free = (id: string, en: string, zh: string): ChecklistItem => ({
  id,
  label: { en: `No ${en}`, zh: `无${zh}` },
  answeredBy: 'person'
})

export const CHECKLISTS = {
  'toilet-6-5': {
    label: { en: 'Public toilet: six clean, five without', zh: '公厕六净五无' },
    kinds: ['toilet'],
    items: [
      clean('floor', 'floor', '地面'),
      clean('walls', 'walls', '墙壁'),
      clean('doors-windows', 'doors and windows', '门窗'),
      clean('partitions', 'partitions', '隔板'),
      clean('fittings', 'fittings', '设施'),
      clean('basins', 'basins', '面池'),
      free('faeces', 'faeces left', '积粪'),
      free('urine-scale', 'urine scale', '尿碱'),
      free('rust', 'rust', '锈蚀'),
      free('dust', 'dust on walls and partitions', '墙壁隔板积尘'),
      { ...free('smell', 'smell', '臭味'), answeredBy: 'odour-sensor' }
    ]
  }
} as const satisfies Record<string, Checklist>
export type ChecklistId = keyof typeof CHECKLISTS
export const CHECKLIST_IDS = Object.keys(CHECKLISTS) as ChecklistId[]
export const checklist = (id: ChecklistId): Checklist => CHECKLISTS[id]

/** The checklist of a facility kind, or undefined where nobody wrote one. */
export const checklistFor = (kind: FacilityKind): ChecklistId | undefined =>
  CHECKLIST_IDS.find(id => checklist(id).kinds.includes(kind))

/** What a person answers. `ok`: as it should be. A `no` without photo or note says little, yet is an answer. */
export const ChecklistAnswer = Type.Object(
  {
    item: Type.String({ minLength: 1, maxLength: 64 }),
    ok: Type.Boolean(),
    /** Id of an attachment. */
    photo: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
    note: Type.Optional(Type.String({ minLength: 1, maxLength: 500 }))
  },
  { additionalProperties: false }
)
export type ChecklistAnswer = Static<typeof ChecklistAnswer>

/** An answered checklist, to embed in a claim or an inspection. `checklistFaults` says what is wrong with one. */
export const AnsweredChecklist = Type.Object(
  {
    checklist: Type.Enum([...CHECKLIST_IDS]),
    answers: Type.Array(ChecklistAnswer, { minItems: 1, maxItems: 50 })
  },
  { additionalProperties: false }
)
export type AnsweredChecklist = Static<typeof AnsweredChecklist>

/** Why no odour sensor can say whether it smells. */
export const ODOUR_UNTOLD = {
  'no-sensor': { label: { en: 'no odour sensor has reported here', zh: '此处没有臭气传感器读数' } },
  stale: { label: { en: 'the odour sensor has no fresh reading', zh: '臭气传感器没有新读数' } },
  undecidable: {
    label: { en: 'the limit is below what the odour sensor can tell', zh: '限值低于臭气传感器分辨率' }
  }
} as const satisfies Record<string, { label: Label }>
export type OdourUntold = keyof typeof ODOUR_UNTOLD

/** What the answer was read from: ppm, with the limit that counts here. */
export const OdourReading = Type.Object({
  device: Type.String(),
  metric: Type.Enum(['nh3Ppm', 'h2sPpm']),
  value: Type.Number(),
  limit: Type.Number(),
  /** Measured. */
  at: Type.String({ format: 'date-time' })
})
export type OdourReading = Static<typeof OdourReading>

/** What the odour sensors of a facility say at one moment: no smell (`ok`), smell, or null with the reason why nobody can tell. */
export const OdourAnswer = Type.Object({
  ok: Type.Union([Type.Boolean(), Type.Null()]),
  why: Type.Optional(Type.Enum(Object.keys(ODOUR_UNTOLD) as [OdourUntold, ...OdourUntold[]])),
  readings: Type.Array(OdourReading)
})
export type OdourAnswer = Static<typeof OdourAnswer>

/** An answer as it stands in a ticket's history. */
export interface StoredAnswer extends Omit<ChecklistAnswer, 'ok'> {
  /** null: no sensor could tell, and the person did not say. */
  ok: boolean | null
  /** Absent: a person. */
  by?: 'odour-sensor'
  sensor?: OdourAnswer
  /** What the person said where the sensor's answer counts. */
  said?: boolean
}
export interface StoredChecklist {
  checklist: ChecklistId
  answers: StoredAnswer[]
}

export const isSensed = ({ answeredBy }: ChecklistItem): boolean => answeredBy === 'odour-sensor'

/** Whether a sensor has an answer on the checklist of a facility kind. */
export const asksSensor = (kind: FacilityKind): boolean => {
  const id = checklistFor(kind)
  return id !== undefined && checklist(id).items.some(isSensed)
}

/**
 * A person's checklist with the answers of the odour sensor, as of the moment it counts from. Where the sensor can tell, it
 * counts, and what the person said of it is kept beside; where it cannot, the person's answer counts.
 */
export function withOdour(
  { checklist: id, answers }: AnsweredChecklist,
  sensor: OdourAnswer
): StoredChecklist {
  const sensed = new Set(
    checklist(id)
      .items.filter(isSensed)
      .map(({ id: item }) => item)
  )
  const stored = answers.filter(({ item }) => !sensed.has(item)).map(plain)
  for (const item of sensed) stored.push(answerOf(item, answers, sensor))
  return { checklist: id, answers: stored }
}

function answerOf(item: string, answers: readonly ChecklistAnswer[], sensor: OdourAnswer): StoredAnswer {
  const person = answers.find(answer => answer.item === item)
  if (sensor.ok === null) {
    return person ? { ...plain(person), sensor } : { item, ok: null, by: 'odour-sensor', sensor }
  }
  const kept = person ? { ...plain(person), said: person.ok } : { item }
  return { ...kept, ok: sensor.ok, by: 'odour-sensor', sensor }
}

/** Changes of an older build may say who answered: it was never theirs to say. */
const plain = ({ item, ok, photo, note }: ChecklistAnswer): StoredAnswer => ({
  item,
  ok,
  ...(photo !== undefined && { photo }),
  ...(note !== undefined && { note })
})

/**
 * What is wrong with an answered checklist of the right shape: unknown or repeated items and, when it must be complete, items
 * left out. `sensed`: the odour sensor can tell, so no person has to.
 */
export function checklistFaults(
  { checklist: id, answers }: AnsweredChecklist,
  { sensed, complete }: { sensed: boolean; complete: boolean }
): { path: string; message: string }[] {
  const items = new Map(checklist(id).items.map(item => [item.id, item]))
  const seen = new Set<string>()
  const faults: { path: string; message: string }[] = []
  for (const [i, answer] of answers.entries()) {
    const fault = (message: string) => faults.push({ path: `answers/${i}`, message })
    if (!items.has(answer.item)) fault(`there is no item ${answer.item} in ${id}`)
    else if (seen.has(answer.item)) fault(`${answer.item} is answered twice`)
    seen.add(answer.item)
  }
  if (!complete) return faults
  for (const item of items.values()) {
    const bySensor = sensed && isSensed(item)
    if (!seen.has(item.id) && !bySensor)
      faults.push({ path: 'answers', message: `${item.id} is not answered` })
  }
  return faults
}
