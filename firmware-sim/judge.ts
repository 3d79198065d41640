import { readFile } from 'node:fs/promises'
import type { TicketDetail, TicketSummary } from '#model/api'
import { minutes } from '#model/time'
import { UsageError, type Ask } from './api.ts'
import { RULE_IDS } from './truth/domain.ts'
import { expectationIn, VERSION, type TruthFile } from './truth/file.ts'
import { scoreEnds } from './truth/score-ends.ts'
import { score, total, type Ended, type Seen } from './truth/score.ts'
import { scoreCard } from './truth/score-card.ts'

/** The clock of a step; a claim is the same one within it. */
const LEAST_STEP_MS = minutes(0.5)

/** Compares the tickets a Mingjie opened in the time of a file with what had to be. Its lines for people; whether all is right. */
export async function judge(file: string, ask: Ask): Promise<{ lines: string[]; right: boolean }> {
  const truth = await readTruth(file)
  const expectation = expectationIn(truth)
  if (!expectation)
    throw new UsageError(`${file} is not a file of version ${VERSION} of npm run sim -- --expect`)
  const from = Date.parse(truth.from ?? '')
  const to = Date.parse(truth.to ?? '')
  const tickets = (await allTickets(ask)).filter(
    ({ rule, openedAt }) =>
      RULE_IDS.some(id => id === rule) && Date.parse(openedAt) >= from && Date.parse(openedAt) <= to
  )
  const result = score(expectation, tickets, RULE_IDS)
  const details = new Map<string, Ended>()
  for (const { ticket } of result.found)
    details.set(ticket.id, await ask<TicketDetail>(`/api/tickets/${ticket.id}`))
  const wrong = scoreEnds(result, details, Math.max(LEAST_STEP_MS, truth.stepMs))
  const told = ({ id, openedAt, closedAt, state }: Seen) =>
    `    ${id}: opened ${openedAt}, ${state}${closedAt ? `, closed ${closedAt}` : ''}`
  const history = (id: string) =>
    `    ${id}: ${(details.get(id)?.history ?? []).map(event => `${event.action} ${event.at.slice(11, 19)}`).join(', ')}`
  const lines = [
    ...(truth.over ? [] : ['It is not over: this was written before or while it happened.']),
    ...scoreCard(result.rules.filter(({ expected, falseTickets }) => expected + falseTickets > 0)),
    '',
    ...result.misses.flatMap(({ expected: { rule, subject, why, from, toleranceMs }, near }) => [
      `MISSED  ${rule}  ${subject}: ${why}; due ${new Date(from).toISOString()}, within ${Math.round(toleranceMs / 1000)} s`,
      ...near.map(told)
    ]),
    ...result.falseTickets.flatMap(({ ticket, mustNot, duplicateOf }) => [
      `FALSE   ${ticket.rule}  ${ticket.subject}: ${mustNot?.why ?? (duplicateOf ? `a second one beside ${duplicateOf}` : 'nothing was wrong')}`,
      told(ticket)
    ]),
    ...wrong.flatMap(({ expected: { rule, subject }, about, foreseen, said, ticket }) => [
      `${about.toUpperCase()}  ${rule}  ${subject}: foreseen ${foreseen}, it says ${said}`,
      history(ticket)
    ]),
    `${truth.mustNot.length} that must not be were looked for; the program was away ${truth.outages.length} times, people did ${truth.people.length} things.`
  ]
  const all = total(result.rules)
  const right =
    result.misses.length + result.falseTickets.length + wrong.length === 0 && all.expected > 0 && truth.over
  return { lines, right }
}

async function readTruth(file: string): Promise<TruthFile> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as TruthFile
  } catch (cause) {
    throw new UsageError(`${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

async function allTickets(ask: Ask): Promise<TicketSummary[]> {
  const tickets: TicketSummary[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: { items: TicketSummary[]; nextCursor: string | null } = await ask(
      `/api/tickets?status=all&limit=1000${cursor && `&cursor=${encodeURIComponent(cursor)}`}`
    )
    tickets.push(...page.items)
    cursor = page.nextCursor
  }
  return tickets
}
