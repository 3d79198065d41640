import type { RuleState } from '#ingest/rule-state'
import { AppError } from '#model/errors'
import type { Fault } from '#model/rule-fault-texts'
import { ruleFaults } from '#model/rule-faults'
import { draftFaults, type RuleDraft } from '#model/rule-shapes'
import { RULE_DEFAULTS, type Rule } from '#model/rules'

/** What a new rule need not say. */
const { version: _version, ...DEFAULTS } = RULE_DEFAULTS

/**
 * The next version of a rule as it was sent: what is left out stays as it is. Throws `conflict` when it was edited from another
 * version than the one in force, `bad-request` with every fault and its place.
 */
export function draftOf(options: {
  id: string
  sent: Record<string, unknown>
  basedOn: number
  rules: RuleState
}): Rule {
  const { id, sent, basedOn, rules } = options
  const present = rules.get(id)
  const version = present?.version ?? 0
  if (basedOn !== version) throw new AppError('conflict', wasFaster({ id, basedOn, version }))
  const { id: _id, version: __, ...before } = present ?? { id, version, ...DEFAULTS }
  const draft = { ...before, ...sent }
  const shape = draftFaults(draft)
  if (shape.length > 0) throw refused(shape)
  const rule = { ...(draft as RuleDraft), id, version: version + 1 }
  const faults = ruleFaults(rule, { rules: rules.all(), knows: rules.knows })
  if (faults.length > 0) throw refused(faults)
  return rule
}

function wasFaster({ id, basedOn, version }: { id: string; basedOn: number; version: number }): string {
  if (version === 0) return `There is no rule ${id} yet: a new one is based on 0.`
  if (basedOn === 0) return `There is a rule ${id} already.`
  return `Somebody was faster: ${id} is at version ${version}, you edited version ${basedOn}. Look at it again.`
}

const SHOWN = 20

/** Every fault and its place, as far as anybody reads. */
export function refused(faults: Fault[]): AppError {
  const shown = faults.slice(0, SHOWN).map(({ path, message }) => `${path}: ${message}`)
  const more = faults.length > SHOWN ? [`and ${faults.length - SHOWN} more`] : []
  return new AppError('bad-request', [...shown, ...more].join('; '))
}
