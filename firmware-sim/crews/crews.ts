import type { TicketAction } from '#model/tickets'
import { hours, minutes, type Millis } from '#model/time'
import type { City } from '../city.ts'
import { cleanings } from '../cleaning.ts'
import type { Fault } from '../faults.ts'
import { between, randomFor } from '../random.ts'
import type { Deed, TicketDeed } from './deeds.ts'
import type { Desk, DeskRole, Work } from './desk.ts'
import { jobOf, type Job } from './repairs.ts'

export interface Crews {
  /** Does what is due at `at`: the operator's part, the crews', the inspector's and the cleaners'. One call at a time. */
  step(at: Millis): Promise<void>
  /** What was done so far, and what was refused. */
  counts(): Record<Count, number>
  /** Everything they did that was not refused, in order. */
  deeds(): readonly Deed[]
}
type Count = 'dispatched' | 'accepted' | 'claimed' | 'verified' | 'false claims' | 'late claims' | 'refused'

/** The states a crew or the operator has something to do in, and how much of the allowed time each takes at most. */
const SHARE = { new: 0.04, dispatched: 0.12, accepted: 0.3, 'in-progress': 0.25 } as const
const LEAST_MS = minutes(1)
const MOST_MS = hours(4)
/** How long an inspector takes to look at what no sensor can tell. */
const LOOK_MS: readonly [Millis, Millis] = [minutes(3), minutes(12)]
/** One crew in eight says it is done without having been there. */
const LAZY_SHARE = 0.12
/** One ticket in ten is of a crew without signal: it repairs, and its phone tells of it when it is back. */
const UNHEARD_SHARE = 0.1
/** How long after the work that is. */
const SIGNAL_MS: readonly [Millis, Millis] = [minutes(50), minutes(100)]
const CLEANING = 'toilet-clean-due'
const NOT_DONE = '现场未处置，退回重做。'
const VERIFIED = '现场照片核实，处置合格。'

interface Known {
  state: Work['state']
  dueAt: Millis
  /** It claimed once and was sent back: this time it goes. */
  returned: boolean
  wentUnheard?: boolean
}

/** Of a crew whose phone has no signal: it was there, and claims when it has. */
interface Unheard {
  ticket: Work
  claimAt: Millis
}

/**
 * The people of the simulated city: an operator who sends crews where the system does not, crews that travel, repair the
 * world and claim, some of them without having been there, and an inspector where no sensor can tell. How long each
 * takes depends on the seed and the ticket's id alone.
 */
export function simulateCrews(options: {
  city: City
  desk: Desk
  /** Puts the world right at that moment; what is not wrong any more is left alone. */
  repair: (job: Job, at: Millis) => void
  /** None of them is lazy, and every phone has signal. */
  honest?: boolean
  /** What is wrong with whom: an absent cleaner cleans nothing. */
  faults: () => readonly Fault[]
  /** Cleanings after this are theirs; default the first step's time. */
  from?: Millis
  /** Travel, repair and what else takes them time, as a share of what it takes in a city; default 1. */
  pace?: number
  /** What time it is when something is done, where time goes on meanwhile; default the step's. */
  now?: () => Millis
}): Crews {
  const { city, desk, repair, faults, honest = false, pace = 1, now } = options
  const known = new Map<string, Known>()
  const unheard = new Map<string, Unheard>()
  const deeds: Deed[] = []
  let cleanedTo = options.from
  const counts: Record<Count, number> = {
    dispatched: 0,
    accepted: 0,
    claimed: 0,
    verified: 0,
    'false claims': 0,
    'late claims': 0,
    refused: 0
  }

  function waitMs(ticket: Work, returned: boolean): Millis {
    const random = randomFor(city.seed, `crew/${ticket.id}/${ticket.state}/${returned}`)
    if (ticket.state === 'claimed-done') return pace * between(random, ...LOOK_MS)
    const share = SHARE[ticket.state as keyof typeof SHARE] ?? 0
    const most = Math.min(MOST_MS, Math.max(2 * LEAST_MS, share * ticket.allowedMs))
    return pace * between(random, Math.max(LEAST_MS, most / 4), most)
  }

  const isLazy = ({ id }: Work, returned: boolean): boolean =>
    !honest && !returned && randomFor(city.seed, `crew/${id}`)() < LAZY_SHARE

  const hasNoSignal = ({ id, rule }: Work): boolean =>
    !honest && rule !== CLEANING && randomFor(city.seed, `signal/${id}`)() < UNHEARD_SHARE

  /** What is to be done with a ticket in this state, by whom; nothing where the sensor is waited for. */
  function next(ticket: Work): { action: TicketAction; as: DeskRole; note?: string } | undefined {
    switch (ticket.state) {
      case 'new':
        return { action: 'dispatch', as: 'operator' }
      case 'dispatched':
        return { action: 'accept', as: 'crew' }
      case 'accepted':
        return { action: 'start', as: 'crew' }
      case 'in-progress':
        return { action: 'claim', as: 'crew' }
      case 'claimed-done':
        return ticket.verification === 'person'
          ? { action: 'verify', as: 'inspector', note: VERIFIED }
          : undefined
      default:
        return undefined
    }
  }

  /** Cleaning is proved by the code at the door; everything else shows in what the sensors measure. */
  async function work(ticket: Work, at: Millis): Promise<void> {
    const [type, facility = ''] = ticket.subject.split(':')
    if (ticket.rule === CLEANING && type === 'facility') await scan(facility, at)
    else repair(jobOf(city, ticket), at)
  }

  async function scan(facility: string, at: Millis): Promise<void> {
    await desk.scan(facility)
    deeds.push({ what: 'scan', facility, at: now?.() ?? at })
  }

  const DEEDS: Partial<Record<TicketAction, TicketDeed['what']>> = {
    accept: 'accept',
    claim: 'claim',
    verify: 'verify',
    return: 'return'
  }

  async function act(
    ticket: Work,
    { action, as, note, at }: { action: TicketAction; as: DeskRole; note?: string; at: Millis }
  ): Promise<string | undefined> {
    const refused = await desk.act(ticket, action, as, note)
    const what = DEEDS[action]
    const { id, rule, subject } = ticket
    if (refused === undefined && what) deeds.push({ what, ticket: id, rule, subject, at: now?.() ?? at })
    return refused
  }

  /** The phones that have signal again: what was put right meanwhile and ended by itself is claimed all the same. */
  async function catchUp(open: readonly Work[], at: Millis): Promise<void> {
    for (const [id, { ticket, claimAt }] of unheard) {
      if (claimAt > at) continue
      unheard.delete(id)
      // The sensor has not told yet: it goes on like any other, by phone.
      if (open.some(one => one.id === id)) continue
      const refused = await desk.act(ticket, 'claim', 'crew')
      if (refused !== undefined) counts.refused++
      else {
        counts['late claims']++
        const { rule, subject } = ticket
        deeds.push({ what: 'late-claim', ticket: id, rule, subject, at: now?.() ?? at })
      }
    }
  }

  function count(action: TicketAction, refused: boolean): void {
    if (refused) counts.refused++
    else if (action === 'dispatch') counts.dispatched++
    else if (action === 'accept') counts.accepted++
    else if (action === 'claim') counts.claimed++
    else if (action === 'verify') counts.verified++
  }

  async function workOn(ticket: Work, at: Millis): Promise<void> {
    const before = known.get(ticket.id)
    const returned =
      before?.returned === true || (before?.state === 'claimed-done' && ticket.state === 'dispatched')
    if (before?.state !== ticket.state || before.returned !== returned) {
      known.set(ticket.id, { state: ticket.state, returned, dueAt: at + waitMs(ticket, returned) })
      return
    }
    const move = before.dueAt <= at && ticket.paused === null ? next(ticket) : undefined
    if (!move || unheard.has(ticket.id)) return
    if (move.action === 'accept' && !before.wentUnheard && hasNoSignal(ticket)) {
      before.wentUnheard = true
      await work(ticket, at)
      unheard.set(ticket.id, {
        ticket,
        claimAt: at + pace * between(randomFor(city.seed, `signal-back/${ticket.id}`), ...SIGNAL_MS)
      })
      return
    }
    if (move.action === 'claim') {
      if (isLazy(ticket, returned)) counts['false claims']++
      else await work(ticket, at)
    }
    const refused = await act(ticket, { ...move, at })
    count(move.action, refused !== undefined)
    // Nothing was done there: the crew goes again.
    if (refused !== undefined && move.action === 'verify')
      await act(ticket, { action: 'return', as: 'inspector', note: NOT_DONE, at })
    // Somebody else was there first, or it ended meanwhile: looked at anew.
    if (refused !== undefined) known.delete(ticket.id)
  }

  return {
    counts: () => ({ ...counts }),
    deeds: () => deeds,
    async step(at) {
      const open = await desk.openTickets()
      await catchUp(open, at)
      for (const ticket of open) await workOn(ticket, at)
      const from = cleanedTo ?? at
      cleanedTo = at
      for (const { facility } of cleanings({ city, from, to: at, faults: faults() })) await scan(facility, at)
      const ids = new Set(open.map(({ id }) => id))
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id)
    }
  }
}
