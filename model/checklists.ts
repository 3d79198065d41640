import { Type, type Static } from 'typebox'
import type { FacilityKind } from './kinds.ts'
import type { Label } from './label.ts'

/** Checklists as data: what a person looks at on the spot. An answered one goes with a ticket's action as JSON. */

export interface ChecklistItem {
  id: string
  label: Label
  /** `odour-sensor`: the facility's sensor answers where it has one; a person only where it has none. */
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

/** `ok`: as it should be. A `no` without photo or note says little, yet is an answer. */
export const ChecklistAnswer = Type.Object(
  {
    item: Type.String({ minLength: 1, maxLength: 64 }),
    ok: Type.Boolean(),
    /** Id of an attachment. */
    photo: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
    note: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
    /** Who says so; absent: a person. */
    by: Type.Optional(Type.Enum(['person', 'odour-sensor']))
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

/**
 * What is wrong with an answered checklist of the right shape: unknown or repeated items, answers a person may not give,
 * and, when it must be complete, items left out. `sensed`: the facility has an odour sensor, so no person answers for it.
 */
export function checklistFaults(
  { checklist: id, answers }: AnsweredChecklist,
  { sensed, complete }: { sensed: boolean; complete: boolean }
): { path: string; message: string }[] {
  const items = new Map(checklist(id).items.map(item => [item.id, item]))
  const seen = new Set<string>()
  const faults: { path: string; message: string }[] = []
  for (const [i, answer] of answers.entries()) {
    const item = items.get(answer.item)
    const fault = (message: string) => faults.push({ path: `answers/${i}`, message })
    if (!item) fault(`there is no item ${answer.item} in ${id}`)
    else if (seen.has(answer.item)) fault(`${answer.item} is answered twice`)
    else if (answer.by === 'odour-sensor' && item.answeredBy !== 'odour-sensor')
      fault(`${answer.item} is answered by a person, no sensor knows it`)
    else if (sensed && item.answeredBy === 'odour-sensor' && answer.by !== 'odour-sensor')
      fault(`${answer.item} is answered by the odour sensor of this facility`)
    seen.add(answer.item)
  }
  if (!complete) return faults
  for (const { id: item, answeredBy } of items.values()) {
    const bySensor = sensed && answeredBy === 'odour-sensor'
    if (!seen.has(item) && !bySensor) faults.push({ path: 'answers', message: `${item} is not answered` })
  }
  return faults
}
