import type { Subject } from '#model/ids'
import { DEFAULT_RULES } from '#model/default-rules'
import type { Rule } from '#model/rules'
import { episodesOf, type Episode, type Slot, type Truth } from './episodes.ts'

/** One street at night: a cabinet, its lamps, a gateway that speaks for some of them. Nothing lags, all is journal time. */

export interface Said {
  device: string
  at: Slot
  /** Of a lamp. */
  lit?: boolean
  /** Of the cabinet. */
  energised?: boolean
}

/** From slot to slot, the last one not in it. */
export interface Span {
  from: Slot
  to: Slot
}

export interface StreetLamp {
  id: string
  device: string
  throughGateway: boolean
  /** By its schedule it need not be lit then; it is night all the time. */
  rest: Span | null
}

export interface Street {
  lamps: readonly StreetLamp[]
  /** Announced work, known from the start: on the road, on a lamp or on its controller. */
  work: readonly (Span & { subject: Subject })[]
  gatewayInCabinet: boolean
  said: readonly Said[]
  end: Slot
}

export interface StreetEpisode extends Episode {
  rule: string
  subject: string
}
export interface StreetTicket {
  rule: string
  subject: string
  openedAt: Slot
  closedAt: Slot | null
  reason: 'merged' | 'self-cleared' | null
}

/** On a street everybody speaks at a moment of their own: slots are finer. */
export const STREET_SLOT_MS = 5_000
const MINUTE: Slot = 60_000 / STREET_SLOT_MS
/** Every device of the street is expected each five minutes. */
const INTERVAL: Slot = 5 * MINUTE
const PARENT_WAIT: Slot = 5 * MINUTE
/** After each change of what is expected of a lamp; only what it says later counts. */
const GRACE: Slot = 15 * MINUTE
const TARGET_PCT = 98
const ruleOf = (id: string): Rule => DEFAULT_RULES.find(rule => rule.id === id) as Rule

const isIn = (slot: Slot, { from, to }: Span): boolean => from <= slot && slot < to

/** What is expected of a lamp: since when it should be lit, or need not be. */
function expectedOf({ rest }: StreetLamp, slot: Slot): { lit: boolean; since: Slot } {
  if (!rest || slot < rest.from) return { lit: true, since: -Infinity }
  return isIn(slot, rest) ? { lit: false, since: rest.from } : { lit: true, since: rest.to }
}

export function streetEpisodes(street: Street): StreetEpisode[] {
  const { lamps, said, work, end } = street
  const byDevice = new Map<string, Said[]>()
  for (const one of said) byDevice.set(one.device, [...(byDevice.get(one.device) ?? []), one])
  const lastOf = (device: string, slot: Slot) => byDevice.get(device)?.findLast(one => one.at <= slot)
  const unheardFor = (device: string, slot: Slot, intervals: number): boolean => {
    const last = lastOf(device, slot)
    return last !== undefined && slot >= last.at + intervals * INTERVAL
  }
  const shines = (device: string, slot: Slot): Truth => {
    const last = lastOf(device, slot)
    return last?.lit === undefined || slot >= last.at + 3 * INTERVAL ? 'unknown' : last.lit
  }
  const workOver = ({ id, device }: StreetLamp) =>
    work.filter(({ subject }) => ['road:r-1', `facility:${id}`, `device:${device}`].includes(subject))
  /** Its newest word came after its time to follow what is expected, and after work that began, or that is over. */
  const counts = (lamp: StreetLamp, slot: Slot, works: 'began' | 'ended'): boolean => {
    const saidAt = lastOf(lamp.device, slot)?.at ?? -Infinity
    if (saidAt < expectedOf(lamp, slot).since + GRACE) return false
    return workOver(lamp).every(
      ({ from, to }) => saidAt >= to + GRACE || slot < (works === 'began' ? from : to)
    )
  }
  /** It should be lit and is not, and nothing excuses that. */
  const isOut = (lamp: StreetLamp, slot: Slot): Truth => {
    const on = shines(lamp.device, slot)
    return on === 'unknown' ? on : !on && expectedOf(lamp, slot).lit && counts(lamp, slot, 'began')
  }
  const isWell = (lamp: StreetLamp, slot: Slot): Truth => {
    const on = shines(lamp.device, slot)
    return on === 'unknown' ? on : on && expectedOf(lamp, slot).lit && counts(lamp, slot, 'ended')
  }
  const burns = (lamp: StreetLamp, slot: Slot): Truth => {
    const on = shines(lamp.device, slot)
    return on === 'unknown' ? on : on && !expectedOf(lamp, slot).lit && counts(lamp, slot, 'began')
  }
  const energised = (slot: Slot): Truth => {
    const last = lastOf('cc-1', slot)
    return last?.energised === undefined || slot >= last.at + 3 * INTERVAL ? 'unknown' : last.energised
  }
  const gonePct = (slot: Slot): number => {
    const gone = lamps.filter(lamp => {
      const { device, throughGateway } = lamp
      const excused =
        (throughGateway && unheardFor('gw-1', slot, 2)) ||
        workOver(lamp).some(({ from, to }) => slot >= from && slot < to + GRACE)
      return isOut(lamp, slot) === true || (unheardFor(device, slot, 2) && !excused)
    })
    return (100 * gone.length) / lamps.length
  }
  /** Lamps that are seen lit have power; one that speaks for itself no more says nothing. */
  const litPct = (slot: Slot): number =>
    (100 * lamps.filter(lamp => isWell(lamp, slot) === true && !unheardFor(lamp.device, slot, 2)).length) /
    lamps.length
  const find = (
    id: string,
    subject: string,
    judged: { when: (s: Slot) => Truth; clear: (s: Slot) => Truth },
    over: readonly Span[] = []
  ) => {
    const rule = ruleOf(id)
    const holds = { forSlots: rule.forMs / STREET_SLOT_MS, clearForSlots: rule.clearForMs / STREET_SLOT_MS }
    const always = { quiet: (slot: Slot) => over.some(span => isIn(slot, span)), asleep: () => false }
    return episodesOf({ ...judged, ...holds, ...always }, [{ at: 0, received: 0, learn: () => {} }], end).map(
      (episode): StreetEpisode => ({ ...episode, rule: id, subject })
    )
  }

  const dead = find('cabinet-dead', 'facility:cab-1', {
    when: slot =>
      energised(slot) === false || gonePct(slot) >= 80
        ? true
        : energised(slot) === true || litPct(slot) > 20
          ? false
          : 'unknown',
    // Not met; while its own word is stale only lamps that are lit can tell.
    clear: slot => {
      if (energised(slot) === false || gonePct(slot) >= 80) return false
      const said = energised(slot) === true || lastOf('cc-1', slot) === undefined
      return said || litPct(slot) > 20 ? true : 'unknown'
    }
  })
  const isDead = (slot: Slot) =>
    dead.some(({ firedAt, endedAt }) => slot >= firedAt && (endedAt === null || slot < endedAt))
  const ofLamps = lamps.flatMap(lamp => [
    ...find(
      'lamp-out',
      `facility:${lamp.id}`,
      { when: slot => isOut(lamp, slot), clear: slot => isWell(lamp, slot) },
      workOver(lamp)
    ),
    ...find(
      'lamp-day-burn',
      `facility:${lamp.id}`,
      {
        when: slot => burns(lamp, slot),
        clear: slot => (shines(lamp.device, slot) === 'unknown' ? 'unknown' : !shines(lamp.device, slot))
      },
      workOver(lamp)
    )
  ])
  const silent = [...lamps.map(({ device }) => device), 'cc-1', 'gw-1'].flatMap(device => {
    const lamp = lamps.find(one => one.device === device)
    return find(
      'device-silent',
      `device:${device}`,
      { when: slot => unheardFor(device, slot, 3), clear: slot => !unheardFor(device, slot, 3) },
      lamp && workOver(lamp).map(({ from, to }) => ({ from, to: to + INTERVAL }))
    )
  })
  /** Some lamp should be lit, and had its time to follow. */
  const isJudged = (slot: Slot) =>
    lamps.some(lamp => {
      const { lit, since } = expectedOf(lamp, slot)
      return lit && slot >= since + GRACE
    })
  const rate = {
    when: (slot: Slot): Truth => {
      if (!isJudged(slot)) return false
      const counted = lamps.filter(
        lamp => !isDead(slot) && expectedOf(lamp, slot).lit && !workOver(lamp).some(span => isIn(slot, span))
      )
      const least = counted.filter(lamp => isWell(lamp, slot) === true)
      const most = counted.filter(lamp => isOut(lamp, slot) !== true)
      // Where no lamp is counted none is missing.
      if (counted.length === 0) return false
      if (100 * most.length < TARGET_PCT * counted.length) return true
      return 100 * least.length < TARGET_PCT * counted.length ? 'unknown' : false
    }
  }
  const rates = ['area:gulou:main', 'road:r-1'].flatMap(subject =>
    find('lighting-rate', subject, {
      ...rate,
      clear: slot => {
        const under = rate.when(slot)
        return typeof under === 'boolean' ? !under && isJudged(slot) : under
      }
    })
  )
  return [...dead, ...ofLamps, ...silent, ...rates]
}

/** Which subjects explain an episode while they fire themselves. */
export function parentsOf(street: Street, { rule, subject }: { rule: string; subject: string }): string[] {
  const cabinet = 'cabinet-dead facility:cab-1'
  if (rule === 'lamp-out') return [cabinet]
  if (rule !== 'device-silent') return []
  const lamp = street.lamps.find(({ device }) => subject === `device:${device}`)
  if (lamp) return [cabinet, ...(lamp.throughGateway ? ['device-silent device:gw-1'] : [])]
  if (subject === 'device:gw-1') return street.gatewayInCabinet ? [cabinet] : []
  return [cabinet]
}

/**
 * A ticket each, where nobody does anything: a child waits, is merged into its parent's once there is one, and waits once
 * more when the parent is over.
 */
export function streetTickets(street: Street, episodes: readonly StreetEpisode[]): StreetTicket[] {
  const done = new Map<StreetEpisode, StreetTicket[]>()
  const ticketsOf = (episode: StreetEpisode): StreetTicket[] => {
    const known = done.get(episode)
    if (known) return known
    const parents = episodes.filter(one => parentsOf(street, episode).includes(`${one.rule} ${one.subject}`))
    const tickets = ticketsBelow(street, episode, {
      isAlone: parentsOf(street, episode).length === 0,
      fires: slot => parents.some(one => one.firedAt <= slot && (one.endedAt === null || slot < one.endedAt)),
      hasTicket: slot =>
        parents.some(one =>
          ticketsOf(one).some(
            ({ openedAt, closedAt }) => openedAt <= slot && (closedAt === null || slot < closedAt)
          )
        )
    })
    done.set(episode, tickets)
    return tickets
  }
  return episodes.flatMap(ticketsOf)
}

function ticketsBelow(
  street: Street,
  { rule, subject, firedAt, endedAt, clearing }: StreetEpisode,
  parent: { isAlone: boolean; fires(slot: Slot): boolean; hasTicket(slot: Slot): boolean }
): StreetTicket[] {
  const over = endedAt ?? Infinity
  // What is due in the moment of a report is decided before it.
  const isClearing = (slot: Slot) => clearing.some(({ from, to }) => from < slot && slot <= to)
  const tickets: StreetTicket[] = []
  let open: StreetTicket | undefined
  let since = firedAt
  for (let slot = firedAt; slot <= Math.min(over, street.end); slot++) {
    if (open && parent.hasTicket(slot)) {
      Object.assign(open, { closedAt: slot, reason: 'merged' })
      open = undefined
    }
    if (parent.fires(slot)) since = slot + 1
    else if (open) continue
    // What is just ending is given time to.
    else if (slot >= since + PARENT_WAIT && isClearing(slot)) since = slot
    else if (parent.isAlone || slot >= since + PARENT_WAIT) {
      open = { rule, subject, openedAt: slot, closedAt: null, reason: null }
      tickets.push(open)
    }
  }
  if (open && endedAt !== null) Object.assign(open, { closedAt: endedAt, reason: 'self-cleared' })
  return tickets
}
