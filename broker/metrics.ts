import type { TopicLeaf } from '#model/topics'
import { REFUSALS, type Refusal } from './refusal.ts'

export const LATENCY_BUCKETS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000] as const

/** Plain numbers the broker keeps and main.ts shows; counters only grow, gauges say so. */
export interface BrokerMetrics {
  /** Gauge: open sockets. */
  connections: number
  /** Gauge: sockets not being read, for want of room or for their rate. */
  pausedSockets: number
  /** Gauge: bytes read and not yet in the journal. */
  gateBytes: number
  /** Gauge: 1 while the journal refuses and everything waits. */
  gateStalled: 0 | 1
  messages: Record<TopicLeaf, number>
  bytes: number
  refused: Record<Refusal, number>
  /** From a message's arrival at the gate to its release; `counts[i]` holds those ≤ LATENCY_BUCKETS_MS[i], the last the rest. */
  gateLatency: { counts: number[]; sumMs: number; count: number }
}

export function brokerMetrics(): BrokerMetrics {
  return {
    connections: 0,
    pausedSockets: 0,
    gateBytes: 0,
    gateStalled: 0,
    messages: { telemetry: 0, status: 0, reply: 0, command: 0 },
    bytes: 0,
    refused: Object.fromEntries(REFUSALS.map(reason => [reason, 0])) as Record<Refusal, number>,
    gateLatency: { counts: [...LATENCY_BUCKETS_MS, Infinity].map(() => 0), sumMs: 0, count: 0 }
  }
}

export function observeLatency({ gateLatency }: BrokerMetrics, ms: number) {
  let bucket = 0
  while (bucket < LATENCY_BUCKETS_MS.length && ms > LATENCY_BUCKETS_MS[bucket]!) bucket++
  gateLatency.counts[bucket]!++
  gateLatency.sumMs += ms
  gateLatency.count++
}
