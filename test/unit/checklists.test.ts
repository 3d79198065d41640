import { Check } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import {
  AnsweredChecklist,
  CHECKLISTS,
  CHECKLIST_IDS,
  checklist,
  checklistFaults,
  checklistFor,
  type ChecklistAnswer
} from '#model/checklists'

const ID = 'toilet-6-5'
const answered = (...answers: ChecklistAnswer[]) => ({ checklist: ID, answers }) as const
const all = (but?: string) =>
  answered(...CHECKLISTS[ID].items.filter(({ id }) => id !== but).map(({ id }) => ({ item: id, ok: true })))
const messages = (one: AnsweredChecklist, how = { sensed: false, complete: true }) =>
  checklistFaults(one, how).map(({ message }) => message)

describe('the checklists', () => {
  it('have the six that are clean and the five that are not there, each in both languages, each once', () => {
    const { items } = CHECKLISTS[ID]
    expect(items.filter(({ label }) => label.zh.endsWith('净'))).toHaveLength(6)
    expect(items.filter(({ label }) => label.zh.startsWith('无'))).toHaveLength(5)
    for (const id of CHECKLIST_IDS) {
      const labels = checklist(id).items.flatMap(({ label }) => [label.en, label.zh])
      expect(new Set(labels).size).toBe(labels.length)
    }
    expect(items.filter(({ answeredBy }) => answeredBy === 'odour-sensor').map(({ id }) => id)).toEqual([
      'smell'
    ])
  })

  it('are offered where they belong', () => {
    expect(checklistFor('toilet')).toBe(ID)
    expect(checklistFor('bin')).toBeUndefined()
  })
})

describe('an answered checklist', () => {
  it('is whole when every item has its answer', () => {
    expect(messages(all())).toEqual([])
    expect(messages(all('rust'))).toEqual(['rust is not answered'])
    expect(messages(all('rust'), { sensed: false, complete: false })).toEqual([])
  })

  it('leaves the smell to the sensor where there is one', () => {
    const sensed = { sensed: true, complete: true }
    expect(messages(all('smell'), sensed)).toEqual([])
    expect(messages(all(), sensed)).toEqual(['smell is answered by the odour sensor of this facility'])
    const bySensor = answered(...all('smell').answers, { item: 'smell', ok: false, by: 'odour-sensor' })
    expect(messages(bySensor, sensed)).toEqual([])
    expect(messages(all('smell'))).toEqual(['smell is not answered'])
  })

  it('says what is unknown, double, or claimed by a sensor that cannot know it', () => {
    const odd = answered(
      { item: 'roof', ok: true },
      { item: 'floor', ok: true },
      { item: 'floor', ok: false },
      { item: 'walls', ok: true, by: 'odour-sensor' }
    )
    expect(checklistFaults(odd, { sensed: true, complete: false })).toEqual([
      { path: 'answers/0', message: `there is no item roof in ${ID}` },
      { path: 'answers/2', message: 'floor is answered twice' },
      { path: 'answers/3', message: 'walls is answered by a person, no sensor knows it' }
    ])
  })

  it('has a photo by the id of an attachment and nothing else', () => {
    const photo = 'a'.repeat(64)
    const one = (more: object) => ({ checklist: ID, answers: [{ item: 'floor', ok: false, ...more }] })
    expect(Check(AnsweredChecklist, one({ photo, note: 'mud' }))).toBe(true)
    for (const more of [{ photo: '../../etc/passwd' }, { note: '' }, { colour: 'red' }]) {
      expect([more, Check(AnsweredChecklist, one(more))]).toEqual([more, false])
    }
  })
})
