import { setTimeout as sleep } from 'node:timers/promises'
import { binsCsv } from './city.ts'
import type { Finding, LineOptions } from './figures.ts'
import { loadOn } from './load.ts'
import { startProgram, type Standing } from './program.ts'

const LOOK_EVERY_MS = 200
export const FULL_SPEED = { bins: 1000, inflight: 20, warmupMessages: 60_000 } as const

/** 2. The whole program at full speed, from publish to rules and store. */
export async function wholeRoad({ seconds, influx }: LineOptions): Promise<Finding> {
  const program = await startProgram({ influx })
  try {
    const secrets = await program.import(binsCsv({ bins: FULL_SPEED.bins }))
    const load = await loadOn(program, secrets)
    await load.run({ inflight: FULL_SPEED.inflight, messages: FULL_SPEED.warmupMessages })
    await program.untilHandled((await program.standing()).head)

    const before = await program.standing()
    const running = load.run({ inflight: FULL_SPEED.inflight, messages: 30_000 * seconds })
    const seen: (Standing & { at: number })[] = []
    let rssMb = 0
    let done: Awaited<typeof running> | undefined
    void running.then(result => (done = result))
    while (!done) {
      seen.push({ at: performance.now(), ...(await program.standing()) })
      rssMb = Math.max(rssMb, program.rssMb())
      await sleep(LOOK_EVERY_MS)
    }
    const ackedAt = performance.now()
    const { head } = await program.standing()
    while ((seen.at(-1)?.store ?? 0) < head || (seen.at(-1)?.state ?? 0) < head) {
      seen.push({ at: performance.now(), ...(await program.standing()) })
      await sleep(LOOK_EVERY_MS / 4)
    }
    // Connecting is not part of it: the clock starts with the last look at which nothing had come yet.
    const beganAt = seen.findLast(look => look.head - before.head < 100)?.at ?? seen[0]!.at
    const handledAt = seen.at(-1)!.at
    return {
      measured: {
        roadRate: (30_000 * seconds * 1000) / (handledAt - beganAt),
        roadAckRate: done.messagesPerSecond,
        roadStateLag: Math.max(...seen.map(look => look.head - look.state)),
        roadStoreLag: Math.max(...seen.map(look => look.head - look.store)),
        roadDrain: (handledAt - ackedAt) / 1000,
        roadPaused: Math.max(...seen.map(look => look.pausedSockets)),
        roadRss: rssMb
      },
      notes: [
        `Whole road: ${done.sent} messages sent, ${done.acked} acknowledged; longest stall of the event loop ` +
          `${Math.max(...seen.map(look => look.stallMs)).toFixed(0)} ms.`
      ]
    }
  } finally {
    await program.remove()
  }
}
