import { Check } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import {
  AnsweredChecklist,
  CHECKLISTS,
  CHECKLIST_IDS,
  checklist,
  checklistFaults,
  checklistFor,
  withOdour,
  type ChecklistAnswer,
  type OdourAnswer
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

  it('need not say what the sensor can, and must where it cannot', () => {
    expect(messages(all('smell'), { sensed: true, complete: true })).toEqual([])
    expect(messages(all(), { sensed: true, complete: true })).toEqual([])
    expect(messages(all('smell'))).toEqual(['smell is not answered'])
  })

  it('says what is unknown or double', () => {
    const odd = answered(
      { item: 'roof', ok: true },
      { item: 'floor', ok: true },
      { item: 'floor', ok: false }
    )
    expect(checklistFaults(odd, { sensed: true, complete: false })).toEqual([
      { path: 'answers/0', message: `there is no item roof in ${ID}` },
      { path: 'answers/2', message: 'floor is answered twice' }
    ])
  })

  it('has a photo by the id of an attachment and nothing else', () => {
    const photo = 'a'.repeat(64)
    const one = (more: object) => ({ checklist: ID, answers: [{ item: 'floor', ok: false, ...more }] })
    expect(Check(AnsweredChecklist, one({ photo, note: 'mud' }))).toBe(true)
    for (const more of [
      { photo: '../../etc/passwd' },
      { note: '' },
      { colour: 'red' },
      { by: 'odour-sensor' }
    ]) {
      expect([more, Check(AnsweredChecklist, one(more))]).toEqual([more, false])
    }
  })
})

describe('the answer of the odour sensor', () => {
  const clean: OdourAnswer = { ok: true, readings: [] }
  const stale: OdourAnswer = { ok: null, why: 'stale', readings: [] }
  const smellOf = (person: ChecklistAnswer | undefined, sensor: OdourAnswer) => {
    const one = answered({ item: 'floor', ok: true }, ...(person ? [person] : []))
    const { answers } = withOdour(one, sensor)
    expect(answers[0]).toEqual({ item: 'floor', ok: true })
    return answers.slice(1)
  }

  it('is written beside what the person answered, and counts where it can tell', () => {
    expect(smellOf(undefined, clean)).toEqual([
      { item: 'smell', ok: true, by: 'odour-sensor', sensor: clean }
    ])
    expect(smellOf({ item: 'smell', ok: false, note: 'drains' }, clean)).toEqual([
      { item: 'smell', ok: true, note: 'drains', said: false, by: 'odour-sensor', sensor: clean }
    ])
  })

  it('leaves it to the person where it cannot, and is never made up', () => {
    expect(smellOf({ item: 'smell', ok: false }, stale)).toEqual([
      { item: 'smell', ok: false, sensor: stale }
    ])
    expect(smellOf(undefined, stale)).toEqual([
      { item: 'smell', ok: null, by: 'odour-sensor', sensor: stale }
    ])
  })

  it('cannot be claimed by a request of an older build', () => {
    const claimed = { item: 'smell', ok: true, by: 'odour-sensor' } as ChecklistAnswer
    expect(smellOf(claimed, stale)).toEqual([{ item: 'smell', ok: true, sensor: stale }])
  })
})
