import { describe, expect, it } from 'vitest'
import { DEFAULT_LIMITS } from '#broker/limits'
import { REFUSALS } from '#broker/refusal'
import { POSTGRES_TROUBLES } from '#db/postgres/troubles'
import { DEFAULT_RULES } from '#model/default-rules'
import { DEVICE_KINDS } from '#model/kinds'
import { METRICS, type MetricDefinition } from '#model/metrics'
import type { Condition, Rule } from '#model/rules'
import { QUARANTINE_REASONS } from '#model/telemetry'
import { TICKET_KIND_IDS, ticketKind } from '#model/ticket-kinds'
import { TICKET_MOVES, type TicketMove } from '#model/tickets'
import type { Millis } from '#model/time'
import { ENVIRONMENT } from '../../config.ts'
import { TROUBLES } from '../../system-state.ts'
import { textOf } from './project-files.ts'

/** The rows of the first table under a heading, cells without their back-ticks; only the first `columns` of them. */
function tableUnder(page: string, heading: string, columns = Infinity): string[][] {
  const section = textOf(page).split(new RegExp(`^#+ ${heading}$`, 'm'))[1] ?? ''
  const lines = section.split('\n')
  const start = lines.findIndex(line => line.startsWith('|'))
  const end = lines.findIndex((line, i) => i > start && !line.startsWith('|'))
  return lines.slice(start + 2, end).map(line =>
    line
      .slice(1, -1)
      .split(' | ')
      .slice(0, columns)
      .map(cell => cell.trim().replaceAll('`', ''))
  )
}

function span(ms: Millis): string {
  if (ms === 0) return 'at once'
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000} h`
  return ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1000} s`
}

const LAMPS = {
  dark: 'should be lit and is dark',
  lit: 'should be lit and is lit',
  burning: 'should be dark and is lit',
  off: 'is off'
}

function words(condition: Condition): string {
  const part = (one: Condition) => ('any' in one || 'all' in one ? `(${words(one)})` : words(one))
  if ('any' in condition) return condition.any.map(part).join(' or ')
  if ('all' in condition) return condition.all.map(part).join(' and ')
  if ('not' in condition) return `not: ${words(condition.not)}`
  if ('noEvent' in condition) return `no ${condition.noEvent} since the midnight before last`
  if ('serviceDue' in condition) {
    const { visits, openMs } = condition.serviceDue
    return `${visits} visits or ${span(openMs)} of opening hours since the last service`
  }
  if ('loaded' in condition)
    return `containerWeightKg ${condition.loaded === 'below' ? '<' : '≥'} ${condition.pct} % of the capacity`
  if ('lampsGone' in condition)
    return `lamps gone ${condition.lampsGone === 'below' ? '<' : '≥'} ${condition.pct} %`
  if ('odour' in condition) {
    const gases = condition.odour.join(' or ')
    return 'aboveShare' in condition
      ? `${gases} > ${100 * condition.aboveShare} % of the limit`
      : `${condition.odour.join(' and ')} ≤ ${100 * condition.atMostShare} % of the limit`
  }
  if ('lamp' in condition) return LAMPS[condition.lamp]
  if ('lightingRate' in condition)
    return `rate ${condition.lightingRate === 'below' ? '<' : '≥'} ${condition.pct} %`
  if ('silentIntervals' in condition) return `no report for ${condition.silentIntervals} intervals`
  if ('reported' in condition) return 'a report'
  if ('risesBy' in condition)
    return `${condition.metric} +${condition.risesBy} within ${span(condition.withinMs)}`
  if ('unchanged' in condition) return `${condition.metric} does not count on`
  if ('atLeastMetric' in condition) return `${condition.metric} ≥ ${condition.atLeastMetric}`
  if ('belowMetric' in condition) return `${condition.metric} < ${condition.belowMetric}`
  const signs = { atLeast: '≥', atMost: '≤', above: '>', below: '<', is: '=', isNot: '≠' }
  const [sign, value] = Object.entries(condition).find(([key]) => key in signs) as [
    keyof typeof signs,
    unknown
  ]
  return `${condition.metric} ${signs[sign]} ${String(value)}`
}

function due(rule: Rule): string {
  const said = (due: Rule['due']) => (due === 'end-of-day' ? 'end of the day' : span(due))
  const others = rule.overrides.flatMap(({ scope, set }) =>
    set.due === undefined ? [] : [`${scope}: ${said(set.due)}`]
  )
  return [...others, said(rule.due)].join('; ')
}

describe('docs/rules.md', () => {
  it('has every live rule with its numbers', () => {
    expect(tableUnder('docs/rules.md', 'The live rules')).toEqual(
      DEFAULT_RULES.map(rule => [
        rule.id,
        rule.subject,
        rule.severity,
        words(rule.when),
        span(rule.forMs),
        words(rule.clear),
        span(rule.clearForMs),
        due(rule)
      ])
    )
    expect(DEFAULT_RULES.filter(rule => rule.noData !== 'hold')).toEqual([])
  })

  it('has every move of a ticket, from where, to where, by whom', () => {
    expect(tableUnder('docs/rules.md', 'What people may do')).toEqual(
      Object.entries(TICKET_MOVES as Record<string, TicketMove>).map(([action, move]) => [
        action,
        move.from.join(', '),
        move.to ?? 'stays',
        move.by.join(', '),
        (move.needs ?? []).join(', '),
        (move.only ?? []).join(', ')
      ])
    )
  })
})

describe('what people report, in docs/rules.md', () => {
  it('has every kind with its times', () => {
    const hoursOf = (ms: Millis | undefined) => (ms === undefined ? '' : span(ms))
    expect(tableUnder('docs/rules.md', 'Tickets')).toEqual(
      TICKET_KIND_IDS.map(kind => {
        const { dueMs, dueMsByGrade = {} } = ticketKind(kind)
        const { special, '1': first, '2': second } = dueMsByGrade
        return [kind, ...[dueMs, special, first, second].map(hoursOf)]
      })
    )
  })
})

describe('docs/operations.md', () => {
  it('has every environment variable with its default', () => {
    expect(tableUnder('docs/operations.md', 'Environment', 2)).toEqual(
      Object.entries(ENVIRONMENT).map(([name, fallback]) => [name, fallback || 'none'])
    )
  })

  it('has every trouble in the words of the page', () => {
    expect(tableUnder('docs/operations.md', 'Not ready', 2)).toEqual(
      Object.entries(TROUBLES).map(([part, { en }]) => [part, en])
    )
  })

  it('has every trouble of Postgres with its codes and its fix', () => {
    expect(tableUnder('docs/operations.md', 'Postgres')).toEqual(
      Object.entries(POSTGRES_TROUBLES).map(([name, { says, states, fix }]) => [name, says, states, fix])
    )
  })

  it('has every metric of our own', () => {
    const names = [...textOf('metrics.ts').matchAll(/(?:gauge|counter)\(\s*'(\w+)'/g)].map(
      m => `mingjie_${m[1]}`
    )
    expect(tableUnder('docs/operations.md', 'Metrics', 1).flat()).toEqual(names)
  })
})

describe('docs/connect-a-device.md', () => {
  const PAGE = 'docs/connect-a-device.md'

  it('has every device kind with what it fits to, reports and how often', () => {
    expect(tableUnder(PAGE, 'Kinds of device')).toEqual(
      Object.entries(DEVICE_KINDS).map(([kind, { fitsTo, metrics, expectedIntervalMs }]) => [
        kind,
        fitsTo.join(', '),
        metrics.join(', '),
        span(expectedIntervalMs)
      ])
    )
  })

  it('has every metric with its unit and range', () => {
    expect(tableUnder(PAGE, 'Metrics')).toEqual(
      Object.entries(METRICS as Record<string, MetricDefinition>).map(([metric, definition]) => [
        metric,
        definition.label.en,
        definition.unit,
        rangeOf(definition)
      ])
    )
  })

  it('has every limit of the broker', () => {
    expect(tableUnder(PAGE, 'Limits', 2)).toEqual(
      Object.entries(DEFAULT_LIMITS).map(([name, value]) => [name, amount(name, value as number)])
    )
  })

  it('has every reason to refuse and every reason to put aside', () => {
    expect(tableUnder(PAGE, 'Refused by the broker', 1).flat()).toEqual([...REFUSALS])
    expect(tableUnder(PAGE, 'Quarantine', 2)).toEqual(
      Object.entries(QUARANTINE_REASONS).map(([reason, { en }]) => [reason, en])
    )
  })
})

function rangeOf({ kind, values, min, max }: MetricDefinition): string {
  if (values) return values.join(', ')
  if (kind === 'flag') return 'true, false'
  return `${min} to ${max}${kind === 'counter' ? ', counts up' : ''}`
}

function amount(name: string, value: number): string {
  if (name.endsWith('Ms')) return span(value)
  if (name === 'keepaliveSeconds') return span(value * 1000)
  if (!/bytes/i.test(name)) return String(value)
  return value % 1_048_576 === 0 ? `${value / 1_048_576} MB` : `${value / 1024} KB`
}

describe('docs/decisions.md', () => {
  it('has a line for every package we depend on or override', () => {
    type Names = Record<string, string>
    const manifest = JSON.parse(textOf('package.json')) as Record<string, Names | undefined>
    const lists = ['dependencies', 'optionalDependencies', 'devDependencies', 'overrides']
    const packages = lists.flatMap(list => Object.keys(manifest[list] ?? {}))
    const named = [...textOf('docs/decisions.md').matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(m => m[1] ?? '')
    )
    expect(packages.filter(name => !named.includes(name))).toEqual([])
    expect(named.filter(name => !packages.includes(name))).toEqual([])
  })
})
