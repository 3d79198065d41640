import type { Rule } from '#model/rules'
import { addressees, createCrews, type Crews } from './crews.ts'
import type { Effects } from './effects.ts'
import { createRegistry, type Registry } from './registry.ts'
import { createEngine, type Engine } from './rules/engine.ts'
import { smellAt } from './rules/smell.ts'
import { createTimers } from './rules/timers.ts'
import { createTicketDesk, type TicketDesk } from './tickets/desk.ts'

/** All that decides, over one heap of timers: a fold of journal and changes without I/O or a clock. */
export interface Decisions {
  registry: Registry
  crews: Crews
  desk: TicketDesk
  engine: Engine
}

/** An empty city. What is decided goes to `effects()`. */
export function createDecisions(options: { rules: readonly Rule[]; effects: () => Effects }): Decisions {
  const registry = createRegistry()
  const crews = createCrews()
  const timers = createTimers()
  const desk: TicketDesk = createTicketDesk({
    effects: options.effects,
    schedule: timers.schedule,
    registry,
    addressees: addressees({ crews, registry, timeZone: () => engine.calendar().timeZone }),
    calendar: () => engine.calendar(),
    smell: (id, at) => smellAt(id === null ? undefined : engine.facilities.get(id), at, engine.odour)
  })
  const engine: Engine = createEngine({ registry, rules: options.rules, desk, timers })
  return { registry, crews, desk, engine }
}
