import { FACILITY_KINDS, type FacilityKind } from '#model/kinds'
import {
  SEVERITIES,
  type DayWindow,
  type Rule,
  type RuleSettings,
  type Rung,
  type Severity
} from '#model/rules'
import type { Label } from '#model/label'
import { faultText as textOfFault, type Fault } from '#model/rule-fault-texts'
import { PARENT_VIAS } from '#model/rule-parents'
import type { ScopeKind } from '#model/rule-scopes'
import { conditionText, holdText } from './condition.ts'
import type { useRuleWords } from './i18n/rules.ts'
import type { Words } from './i18n/words.svelte.ts'
import type { RuleField } from './rule-edit.ts'
import { duration } from './time.ts'

type RuleWords = ReturnType<typeof useRuleWords>['t']

export const subjectText = (subject: Rule['subject'], words: Words, r: RuleWords): string =>
  subject in FACILITY_KINDS
    ? words.of(FACILITY_KINDS[subject as FacilityKind].label)
    : (r.kinds[subject] ?? subject)

const windowsText = (windows: readonly DayWindow[], r: RuleWords): string =>
  windows.length === 0
    ? r.allDay
    : windows
        .map(({ from, to, days = [] }) => {
          const some = days.length > 0 && days.length < 7
          return `${some ? `${days.map(day => r.weekdays[day - 1]).join(r.daysJoin)} ` : ''}${from}–${to}`
        })
        .join(', ')

const ladderText = (ladder: readonly Rung[], words: Words): string =>
  ladder
    .map(
      ({ severity, when, forMs }) =>
        `${words.of(SEVERITIES[severity].label)}: ${holdText(when, forMs, words)}`
    )
    .join('; ') || '–'

/** Whom an exception is for; places by the names somebody knows them by. */
export function scopeText(
  scope: string,
  r: RuleWords,
  nameOf: (scope: string) => string | undefined
): string {
  const kind = scope.slice(0, scope.indexOf(':')) as ScopeKind
  const value = scope.slice(scope.indexOf(':') + 1)
  const grade = r.grades[kind as keyof typeof r.grades]?.[value] ?? value
  return r.scopes[kind](nameOf(scope) ?? grade)
}

/** What is wrong, in the reader's language. */
export const faultText = (fault: Fault, { language }: Words): string => textOfFault(fault, language)

/** One setting in words; rules by the names somebody knows them by, else by their ids. */
export function settingText(
  field: RuleField,
  value: Rule[RuleField] | undefined,
  words: Words,
  r: RuleWords,
  nameOf?: (rule: `rule:${string}`) => string | undefined
): string {
  if (value === undefined) return r.notSet
  switch (field) {
    case 'label':
    case 'why':
      return words.of(value as Label)
    case 'ticket':
      return words.of((value as Rule['ticket']).title)
    case 'parents':
      return (
        (value as Rule['parents'])
          .map(({ rule, via }) =>
            r.parentVia(nameOf?.(`rule:${rule}`) ?? rule, words.of(PARENT_VIAS[via].label))
          )
          .join(words.t.listJoin) || '–'
      )
    case 'enabled':
      return value === true ? words.t.yes : words.t.no
    case 'severity':
      return words.of(SEVERITIES[value as Severity].label)
    case 'when':
    case 'clear':
    case 'verify':
      if (value === null) return r.verifyFollow
      return conditionText(value as RuleSettings['when'], words)
    case 'noData':
      return words.t.rules.noDataWords[value as string] ?? (value as string)
    case 'ladder':
      return ladderText(value as readonly Rung[], words)
    case 'windows':
      return windowsText(value as readonly DayWindow[], r)
    case 'due':
      return value === 'end-of-day' ? r.endOfDay : duration(value as number, words.t.time)
    case 'graceMs':
    case 'reworkWithinMs':
      return value === 0 ? '–' : duration(value as number, words.t.time)
    default:
      return duration(value as number, words.t.time)
  }
}

/** Its name without the unit the form shows it in. */
export const fieldName = (field: string, r: RuleWords): string =>
  (r.fields[field] ?? field).replace(/\s?[(（].*[)）]$/, '')
