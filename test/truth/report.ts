import type { Millis } from '#model/time'
import type { PlayedSeed } from './play.ts'
import type { Disagreement } from '#sim/truth/score-ends'
import { total, type FalseTicket, type Miss, type RuleScore } from '#sim/truth/score'
import { scoreCard } from '#sim/truth/score-card'

const clock = (at: Millis): string =>
  Number.isFinite(at) ? new Date(at).toISOString().slice(0, 16).replace('T', ' ') : 'never'

/** Rules of all seeds, each in one line. */
export function addUp(seeds: readonly PlayedSeed[]): RuleScore[] {
  const rules = new Set(seeds.flatMap(({ score }) => score.rules.map(({ rule }) => rule)))
  return [...rules].map(rule =>
    total(
      seeds.flatMap(({ score }) => score.rules.filter(one => one.rule === rule)),
      rule
    )
  )
}

export function report(seeds: readonly PlayedSeed[]): string[] {
  const rules = addUp(seeds)
  const missing = [...new Set(seeds.flatMap(one => one.missing))]
  const untested = rules.filter(({ expected }) => expected === 0).map(({ rule }) => rule)
  return [
    ...scoreCard(rules),
    '',
    ...seeds.flatMap(one => [
      ...one.score.misses.flatMap(miss => missed(one, miss)),
      ...one.score.falseTickets.flatMap(wrong => falsely(one, wrong)),
      ...one.disagreements.flatMap(wrong => otherwise(one, wrong))
    ]),
    ...(untested.length > 0 ? [`nothing surely had to follow of: ${untested.join(', ')}`] : []),
    ...(missing.length > 0 ? [`not in this system, so not judged: ${missing.join(', ')}`] : [])
  ]
}

/** What happened around a subject, as the simulator knows it. */
function happened({ played }: PlayedSeed, subject: string): string[] {
  const id = subject.slice(subject.indexOf(':') + 1)
  const devices = new Set(
    played.city.devices.filter(device => device.id === id || device.facility === id).map(device => device.id)
  )
  return played.faults
    .filter(({ device }) => devices.has(device))
    .map(({ kind, device, from, to }) => `    fault: ${kind} of ${device}, ${clock(from)} – ${clock(to)}`)
}

function missed(one: PlayedSeed, { expected, near }: Miss): string[] {
  const { rule, subject, from, toleranceMs, why, bornCleared } = expected
  return [
    `MISSED  seed ${one.seed}  ${rule}  ${subject}${bornCleared ? ' (born cleared)' : ''}: ${why}`,
    `    due ${clock(from)}, at the latest ${clock(from + toleranceMs)}; gone ${clock(expected.to)}`,
    ...happened(one, subject),
    ...near.map(ticket => `    there is ${told(ticket)}`)
  ]
}

function falsely(one: PlayedSeed, { ticket, mustNot, duplicateOf }: FalseTicket): string[] {
  const detail = one.details.get(ticket.id)
  return [
    `FALSE   seed ${one.seed}  ${ticket.rule}  ${ticket.subject}: ${mustNot?.why ?? (duplicateOf ? `a second one beside ${duplicateOf}` : 'nothing was wrong')}`,
    `    ${told(ticket)}`,
    ...happened(one, ticket.subject),
    ...(detail?.evidence ?? []).slice(0, 4).map(said => `    evidence: ${JSON.stringify(said)}`)
  ]
}

const told = ({ id, openedAt, closedAt, state }: FalseTicket['ticket']): string =>
  `${id}: opened ${clock(Date.parse(openedAt))}, ${state}${closedAt ? `, closed ${clock(Date.parse(closedAt))}` : ''}`

function otherwise(one: PlayedSeed, wrong: Disagreement): string[] {
  const { rule, subject } = wrong.expected
  const deeds = (one.played.deeds ?? []).flatMap(deed =>
    deed.what !== 'scan' && deed.rule === rule && deed.subject === subject
      ? [`${deed.what} ${clock(deed.at)}`]
      : []
  )
  const { history = [] } = one.details.get(wrong.ticket) ?? {}
  return [
    `${wrong.about.toUpperCase()}  seed ${one.seed}  ${rule}  ${subject}: foreseen ${wrong.foreseen}, it says ${wrong.said}`,
    ...happened(one, subject),
    ...(deeds.length > 0 ? [`    people: ${deeds.join(', ')}`] : []),
    `    ${wrong.ticket}: ${history.map(event => `${event.action} ${event.at.slice(11, 19)}`).join(', ')}`
  ]
}
