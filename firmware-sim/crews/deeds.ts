import type { Millis } from '#model/time'

/** What people did to a ticket, as they know it themselves: what the system made of it is not in here. */
export interface TicketDeed {
  what: 'accept' | 'claim' | 'late-claim' | 'verify' | 'return'
  ticket: string
  rule: string | null
  subject: string
  at: Millis
}

/** Somebody scanned the code at a door after cleaning. */
export interface ScanDeed {
  what: 'scan'
  facility: string
  at: Millis
}

export type Deed = TicketDeed | ScanDeed
