import type { Change, ChangeBody } from '#model/changes'
import type { Crews } from './crews.ts'
import type { Engine } from './rules/engine.ts'

/** Who takes changes. */
export interface Takers {
  engine: Engine
  crews: Crews
}

type Take<K extends ChangeBody['kind']> = (
  takers: Takers,
  body: Extract<ChangeBody, { kind: K }>,
  who: string,
  before: Change['applied']
) => string | undefined | void

/**
 * What each kind of change does, at the journal time the engine stands at; answers why it cannot be. `data` is what
 * decisions are made by: it is taken again before a checkpoint is read, which holds what the others came to.
 */
const TAKE: { [K in ChangeBody['kind']]: { data: boolean; take: Take<K> } } = {
  registry: { data: true, take: ({ engine }, body) => engine.registered(body.record) },
  rule: {
    data: true,
    // A version that was taken is taken again, though a newer build may ship the rule in another.
    take: ({ engine }, body, _who, before) =>
      before === null ? engine.ruled(body.rule) : (before.refused ?? engine.ruledAgain(body.rule))
  },
  'odour-limits': {
    data: true,
    take: ({ engine }, body, _who, before) =>
      before === null ? engine.limited(body) : (before.refused ?? engine.limitedAgain(body))
  },
  maintenance: { data: true, take: ({ engine }, body) => engine.announced(body.window) },
  city: { data: true, take: ({ engine }, body) => engine.inTimeZone(body.timeZone) },
  crew: { data: true, take: ({ crews }, body) => crews.apply(body) },
  chief: { data: true, take: ({ crews }, body) => crews.apply(body) },
  service: { data: false, take: ({ engine }, body, who) => engine.act(body, who) },
  'ticket-action': { data: false, take: ({ engine }, body, who) => engine.act(body, who) },
  'ticket-report': { data: false, take: ({ engine }, body, who) => engine.act(body, who) },
  'ticket-rating': { data: false, take: ({ engine }, body, who) => engine.act(body, who) },
  'ticket-policy': { data: false, take: ({ engine }, body, who) => engine.act(body, who) },
  plan: { data: false, take: ({ engine }, body, who) => engine.act(body, who) }
}

/** Puts one change into effect. Answers why it was refused, if it was. */
export function applyChange(takers: Takers, { body, who, applied }: Change): string | null {
  try {
    const { take } = TAKE[body.kind] as { take: Take<ChangeBody['kind']> }
    return take(takers, body, who, applied) ?? null
  } catch (error) {
    return `the program failed on it: ${String(error)}`
  }
}

/** Puts a change from before a checkpoint into effect, if the checkpoint does not hold what came of it. */
export function applyData(takers: Takers, change: Change): void {
  if (TAKE[change.body.kind].data) applyChange(takers, change)
}
