/** UTC epoch milliseconds. */
export type Millis = number

export const seconds = (n: number): Millis => n * 1000
export const minutes = (n: number): Millis => n * 60_000
export const hours = (n: number): Millis => n * 3_600_000
export const days = (n: number): Millis => n * 86_400_000

/** The only thing in the system that knows now. Pure code takes `at` instead. */
export interface Clock {
  /** Now in UTC epoch ms. May step back with the machine's clock; the journal's stamps never do. */
  now(): Millis
}

export const systemClock: Clock = { now: () => Date.now() }
