import type { Millis } from '#model/time'
import type { Fate, Outcome } from './fate.ts'
import type { MustTicket } from './expectation.ts'
import type { Ended, RuleScore, Score } from './score.ts'

/** One thing the system says otherwise than is foreseen. */
export interface Disagreement {
  expected: MustTicket
  ticket: string
  about: 'cleared' | 'ending' | 'claim' | 'late claim' | 'severity'
  foreseen: string
  said: string
}

/** The sensor's clock and the step's end, and the shift of a clock that is ahead. */
const NEAR_MS = 1000

const iso = (at: Millis): string => new Date(at).toISOString()

/** Compares how the tickets that had to be went on and ended; what is not foreseen counts neither way. */
export function scoreEnds(
  { found, rules }: Pick<Score, 'found' | 'rules'>,
  details: ReadonlyMap<string, Ended>,
  stepMs: Millis
): Disagreement[] {
  const scores = new Map(rules.map(one => [one.rule, one]))
  const wrong: Disagreement[] = []
  for (const { expected, ticket } of found) {
    const detail = details.get(ticket.id)
    const score = scores.get(expected.rule)
    if (!detail || !score || !expected.fate) continue
    const count = (
      to: keyof Pick<RuleScore, 'ends' | 'claims'>,
      one: Omit<Disagreement, 'expected' | 'ticket'>
    ) => {
      const right = one.foreseen === one.said
      score[to][right ? 'right' : 'wrong']++
      if (!right) wrong.push({ expected, ticket: ticket.id, ...one })
    }
    const { fate } = expected
    for (const one of [...endsOf(fate, detail), ...severityOf(expected, detail)]) count('ends', one)
    for (const one of claimsOf(fate, detail, stepMs)) count('claims', one)
  }
  return wrong
}

type Said = Omit<Disagreement, 'expected' | 'ticket'>

function endsOf(fate: Fate, { clearedAt, closeReason, state, lateClaimAt }: Ended): Said[] {
  const said: Said[] = []
  const { clears, ending, lateClaim } = fate
  if (clears !== undefined) {
    const at = clearedAt === null ? undefined : Date.parse(clearedAt)
    const fits =
      clears === null
        ? at === undefined
        : at !== undefined && at >= clears.from - NEAR_MS && at <= clears.to + NEAR_MS
    const foreseen =
      clears === null
        ? 'never'
        : clears.to === clears.from
          ? iso(clears.from)
          : `${iso(clears.from)} – ${iso(clears.to)}`
    said.push({ about: 'cleared', foreseen, said: fits ? foreseen : (clearedAt ?? 'never') })
  }
  if (ending !== undefined) {
    const how = closeReason === 'person' ? 'verified' : (closeReason ?? 'open')
    said.push({ about: 'ending', foreseen: ending, said: state === 'void' ? 'void' : how })
  }
  if (lateClaim) said.push({ about: 'late claim', foreseen: 'kept', said: lateClaimAt ? 'kept' : 'lost' })
  return said
}

/** That it became critical in time, if it had to; what people did before that leaves it open. */
function severityOf({ critical, fate }: MustTicket, { history }: Ended): Said[] {
  const over = fate?.clears
  if (!critical || (over && over.from <= critical.to)) return []
  const foreseen = `critical ${iso(critical.from)} – ${iso(critical.to)}`
  const rose = history.find(({ action, note }) => action === 'severity' && note === 'critical')
  const at = Date.parse(rose?.at ?? '')
  const fits = at >= critical.from - NEAR_MS && at <= critical.to + NEAR_MS
  return [{ about: 'severity', foreseen, said: fits ? foreseen : (rose?.at ?? 'never') }]
}

function claimsOf({ claims }: Fate, { history }: Ended, stepMs: Millis): Said[] {
  return claims.flatMap(({ at, outcome }): Said[] => {
    if (outcome === undefined) return []
    const i = history.findIndex(
      event => event.action === 'claim' && Math.abs(Date.parse(event.at) - at) <= stepMs
    )
    const said = i < 0 ? 'no claim' : outcomeOf(history.slice(i + 1))
    return [{ about: 'claim', foreseen: outcome, said }]
  })
}

/** What followed a claim first. */
function outcomeOf(later: Ended['history']): Outcome | 'nothing' {
  for (const { action, who, data } of later) {
    if (action === 'no-report') return 'person'
    if (action === 'verify') return who === 'sensor' ? 'confirmed' : 'person'
    if (action === 'return') return data?.suspectedFalse === true ? 'contradicted' : 'person'
    if (action === 'claim') break
  }
  return 'nothing'
}
