/** Why a connection, a packet or a subscription was refused, or a connection ended by us. */
export const REFUSALS = [
  'too-many-connections',
  'connect-timeout',
  'packet-too-large',
  'malformed',
  'protocol-version',
  'keepalive',
  'client-id',
  'wrong-credentials',
  'will',
  'topic',
  'retain',
  'qos-2',
  'subscription',
  'keepalive-timeout',
  'slow-reader'
] as const
export type Refusal = (typeof REFUSALS)[number]

/** An end of a connection that was our decision. */
export class RefusalError extends Error {
  readonly reason: Refusal
  constructor(reason: Refusal) {
    super(reason)
    this.reason = reason
  }
}

/** The reason to count for an error Aedes ended a connection with; none when the other side just went away. */
export function reasonOf(error: Error & { code?: string; errorCode?: number }): Refusal | undefined {
  if (error instanceof RefusalError) return error.reason
  if (error.code?.startsWith('E') || error.message === 'connection closed') return undefined
  if (error.errorCode === 1) return 'protocol-version'
  if (error.errorCode === 6) return 'keepalive'
  if (error.message === 'connect did not arrive in time') return 'connect-timeout'
  if (error.message === 'keep alive timeout') return 'keepalive-timeout'
  if (error.message === 'drain timeout') return 'slow-reader'
  return 'malformed'
}
