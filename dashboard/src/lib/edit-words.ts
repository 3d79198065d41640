import type { Shift, StreetChief } from '#model/crews'
import { FACILITY_KINDS, type FacilityKind } from '#model/kinds'
import type { Label } from '#model/label'
import { SEVERITIES } from '#model/rules'
import { TICKET_KIND_IDS, ticketKind, type TicketKind } from '#model/ticket-kinds'
import type { EscalationLevel } from '#model/ticket-policy'
import { ROLES } from '#model/tickets'
import { days, minutes } from '#model/time'
import type { usePeopleWords } from './i18n/people.ts'
import type { useRuleWords } from './i18n/rules.ts'
import type { useTicketWords } from './i18n/tickets.ts'
import type { useWords } from './i18n/words.svelte.ts'
import { moment } from './time.ts'

/** How the fields of an edit are called, and what they say, in the reader's language. */
export interface EditWords {
  field(field: string): string
  value(field: string, value: unknown): string
  /** Where it stands in the form; the database keeps no order. */
  order(field: string): number
}

interface In {
  words: ReturnType<typeof useWords>
  people: ReturnType<typeof usePeopleWords>['t']
  /** Names of areas and accounts, as far as the page knows them. */
  nameOf?: (id: string) => string
}
type Value = (value: never) => string
/** Field → its name, and how it is said where it is no plain text. */
type Fields = Record<string, string | Said>
/** `nothing`: what it means that nothing is said. */
type Said = [name: string, says: Value, nothing?: string]

function wordsOf(fields: Fields, { words, people }: In): EditWords {
  const plain = (value: unknown): string =>
    typeof value === 'boolean' ? (value ? words.t.yes : words.t.no) : String(value)
  const order = Object.keys(fields)
  return {
    order: field => order.indexOf(field),
    field: field => {
      const known = fields[field]
      return known === undefined ? field : typeof known === 'string' ? known : known[0]
    },
    value(field, value) {
      const known = fields[field]
      const [, says, nothing = people.none] = Array.isArray(known) ? known : []
      if (value === null || value === '') return nothing
      if (says) return says(value as never)
      return Array.isArray(value) ? value.map(plain).join(words.t.listJoin) || people.none : plain(value)
    }
  }
}

const among = (table: Record<string, { label: Label }>, words: In['words']) => (id: string) =>
  table[id] ? words.of(table[id].label) : id

/** Days and times of a shift, as on the page of crews. */
export function shiftText({ days: on, from, to }: Shift, { words, people }: In): string {
  return `${daysText(on, { words, people })} ${from}–${to}${to <= from ? ` (${people.crews.nextDay})` : ''}`
}

export function daysText(on: readonly number[], { words, people }: In): string {
  const { everyDay, days: names, through } = people.crews
  if (on.length === 7) return everyDay
  const sorted = on.toSorted()
  const said = sorted.map(day => names[day - 1] ?? '')
  const inARow = on.length > 2 && Math.max(...on) - Math.min(...on) === on.length - 1
  return inARow ? through(said[0] ?? '', said.at(-1) ?? '') : said.join(words.t.listJoin)
}

export function crewEdits(on: In): EditWords {
  const { words, people, nameOf = (id: string) => id } = on
  const c = people.crews
  const list = (says: (one: string) => string, none: string) => (all: string[]) =>
    all.map(says).join(words.t.listJoin) || none
  const kind = among(FACILITY_KINDS, words)
  const shifts = (all: Shift[]) => all.map(one => shiftText(one, on)).join(words.t.listJoin) || c.always
  return wordsOf(
    {
      name: c.name,
      contractor: c.contractor,
      areas: [c.areas, list(nameOf, people.none)],
      kinds: [c.kinds, list(kind, c.allKinds)],
      shifts: [c.shifts, shifts],
      members: [c.members, list(nameOf, c.noMembers)],
      phone: c.phone,
      active: c.active
    },
    on
  )
}

export function chiefEdits(on: In): EditWords {
  const c = on.people.crews
  const chiefs = (all: StreetChief[]) =>
    all
      .map(({ level, name, phone }) => [`${c.chief(level)}: ${name}`, phone].filter(Boolean).join(' '))
      .join(on.words.t.listJoin) || on.people.none
  return wordsOf({ unit: c.unit, contractor: c.contractor, chiefs: [c.duties, chiefs] }, on)
}

export function planEdits(on: In, tickets: ReturnType<typeof useTicketWords>['t']): EditWords {
  const w = tickets.plans
  const kind = (id: TicketKind) => (TICKET_KIND_IDS.includes(id) ? on.words.of(ticketKind(id).label) : id)
  return wordsOf(
    {
      ...{ title: w.name, facility: w.facility, kind: [w.kind, kind] },
      days: [w.days, (all: number[]) => daysText(all, on)],
      ...{ from: w.from, to: w.to, active: w.active }
    },
    on
  )
}

/** Figures stand in the unit that their label names, as in the form. */
export function policyEdits(on: In, tickets: ReturnType<typeof useTicketWords>['t']): EditWords {
  const w = tickets.policy
  const { words } = on
  const per = (unit: number) => (value: number) => words.number(value / unit, 2)
  const level = (to: EscalationLevel) => w.level[to] ?? to
  const hours = (all: { from: string; to: string }[]) =>
    all.map(({ from, to }) => `${from}–${to}`).join(words.t.listJoin) || w.always
  const kinds = Object.entries(FACILITY_KINDS) as [FacilityKind, { label: Label }][]
  return wordsOf(
    {
      autoDispatch: w.autoDispatch,
      escalation: [
        w.escalation,
        (all: { to: EscalationLevel; share: number }[]) =>
          all.map(({ to, share }) => `${level(to)} ${per(0.01)(share)}`).join(words.t.listJoin)
      ],
      redAtOnce: [
        w.redAtOnce,
        (all: string[]) => all.map(among(SEVERITIES, words)).join(words.t.listJoin) || on.people.none
      ],
      claimWaitMs: [w.claimWait, per(minutes(1))],
      deferMaxMs: [w.deferMax, per(days(1))],
      extendMaxShare: [w.extendMax, per(0.01)],
      'recheck.share': [w.recheckShare, per(0.01)],
      'recheck.afterMs': [w.recheckAfter, per(days(1))],
      'personMade.respondMs': [w.respond, per(minutes(1))],
      'personMade.reworkWithinMs': [w.reworkWithin, per(days(1))],
      joinWithinM: [w.join, per(1)],
      ...Object.fromEntries(
        kinds.map(([kind, { label }]) => [
          `serviceHours.${kind}`,
          [`${w.hours} · ${words.of(label)}`, hours, w.always] satisfies Said
        ])
      )
    },
    on
  )
}

export function maintenanceEdits(
  on: In,
  rules: ReturnType<typeof useRuleWords>['t'],
  now: number
): EditWords {
  const time = (at: string) => moment(Date.parse(at), now, on.words.locale)
  return wordsOf({ from: [rules.from, time], to: [rules.to, time], note: rules.maintenance.note }, on)
}

export function accountEdits(on: In): EditWords {
  const { details, role } = on.people.people
  return wordsOf({ ...details, role: [role, among(ROLES, on.words)] }, on)
}
