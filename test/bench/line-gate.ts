import type { Finding } from './figures.ts'
import { secondProcess, type Load } from './load.ts'

/** 1. What the broker, its checks and the journal can take when nobody reads the journal. */
export async function gateAlone({ seconds }: { seconds: number }): Promise<Finding> {
  const messages = 40_000 * seconds
  const { answer } = secondProcess('gate-alone.ts', {
    clients: 1000,
    inflight: 20,
    messages,
    warmup: messages / 10
  })
  const { messagesPerSecond, cpuMicrosPerMessage } = (await answer) as Load & { cpuMicrosPerMessage: number }
  return { measured: { gateRate: messagesPerSecond, gateCpu: cpuMicrosPerMessage } }
}
