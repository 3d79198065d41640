import type { Clock, Millis } from '#model/time'
import type { City } from './city.ts'
import type { DrivenClock } from './driven-clock.ts'
import type { Fault, FaultKind } from './faults.ts'
import { mqttLink, type Link, type LinkCounts } from './link.ts'
import { ongoing, ONGOING_MS } from './plan.ts'
import { reportStream } from './reports.ts'

export interface FleetOptions {
  city: City
  /** The broker, e.g. `mqtt://127.0.0.1:1883`. */
  url: string
  /** Device id → secret, of every device that speaks for itself; others are not looked at. */
  secrets: ReadonlyMap<string, string>
  /** When the devices are switched on. */
  from: Millis
  faults: readonly Fault[]
  log: (line: string) => void
}

export interface PlayOptions {
  clock: DrivenClock
  to: Millis
  /** Less than the silence of the fastest device (three minutes), or the rules rightly miss it between two steps. */
  stepMs: Millis
  /** Lets new things go wrong, as live operation does; default no. */
  troubles?: boolean
  /** Called when every report of a step is acknowledged and the clock stands at the step's end. */
  onStep?: (at: Millis) => Promise<void> | void
}

export interface Fleet {
  /**
   * Plays the time from where the fleet stands to `to` as fast as the broker acknowledges: for each step sets the clock
   * to its end, then publishes all reports due in it with their own `at`. Stops early when the fleet is closed.
   */
  play(options: PlayOptions): Promise<void>
  /** From where the fleet stands on, publishes each report when it is due, and lets new things go wrong by default. */
  live(clock: Clock, options?: { troubles?: boolean }): void
  /** Somebody puts something right, in the world the devices measure. */
  repair(job: { devices: readonly string[]; kinds: readonly FaultKind[] }, at: Millis): void
  /** Connections, acknowledged reports, reports given up. */
  counts(): LinkCounts
  /** Everything that went wrong so far, or is to: the ground truth comes from it (`expectationOf`). */
  faults(): readonly Fault[]
  /** Every device says good-bye. */
  close(): Promise<void>
}

/** Connections in the making at one time; a listening socket's queue is not much longer. */
const CONNECTING = 64
const LIVE_STEP_MS = { least: 50, most: 1000 }

async function inParallel<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>
): Promise<void> {
  const left = items.values()
  await Promise.all(
    Array.from({ length: limit }, async () => {
      for (const item of left) await work(item)
    })
  )
}

/**
 * Connects every device that speaks for itself with the name of its own id. Rejects, with nothing left open, when one has
 * no secret or the broker refuses it; later losses are mended by the links themselves.
 */
export async function connectFleet({ city, url, secrets, from, faults, log }: FleetOptions): Promise<Fleet> {
  const stream = reportStream({ city, from, faults })
  const counts: LinkCounts = { connected: 0, acknowledged: 0, waiting: 0, dropped: 0 }
  const speakers = city.devices.filter(({ gateway }) => gateway === null)
  const nameless = speakers.filter(({ id }) => !secrets.has(id)).map(({ id }) => id)
  if (nameless.length > 0)
    throw new Error(`no secret for ${nameless.length} devices: ${nameless.slice(0, 5).join(', ')} …`)
  const links = new Map(
    speakers.map(({ id }) => [
      id,
      mqttLink({ url, device: id, secret: secrets.get(id) as string, counts, log })
    ])
  )
  const linkOf = (device: string): Link => links.get(device) as Link
  const closeAll = () => Promise.all([...links.values()].map(link => link.close()))

  try {
    await inParallel([...links], CONNECTING, async ([id, link]) => {
      await link.open().catch((cause: Error) => {
        throw new Error(`device ${id} cannot connect to ${url}: ${cause.message}`, { cause })
      })
    })
  } catch (error) {
    await closeAll()
    throw error
  }

  let now = from
  let down = new Set<string>()
  let closed = false
  let timer: NodeJS.Timeout | undefined

  /** Publishes what is due up to `at`; links that come back do so before, links that fail do so after. */
  async function advance(at: Millis, acknowledged: boolean): Promise<void> {
    const downThen = stream.down(at)
    for (const device of down) if (!downThen.has(device)) links.get(device)?.setUp(true)
    const deliveries = stream.until(at).map(report => {
      const link = linkOf(report.device)
      if (report.restarted) link.restart()
      return link.deliver(report)
    })
    now = at
    if (acknowledged) await Promise.all(deliveries)
    for (const device of downThen) if (!down.has(device)) links.get(device)?.setUp(false)
    down = downThen
  }

  let nextTrouble: Millis | undefined
  /** What goes wrong by itself up to `at`; from the first call on. */
  function trouble(at: Millis): void {
    for (nextTrouble ??= now; nextTrouble <= at; nextTrouble += ONGOING_MS)
      stream.add(ongoing({ city, from: nextTrouble, faults: stream.faults() }))
  }

  return {
    counts: () => ({ ...counts }),
    faults: () => stream.faults(),
    repair: ({ devices, kinds }, at) => void stream.repair(devices, kinds, at),

    async play({ clock, to, stepMs, troubles = false, onStep }) {
      while (now < to && !closed) {
        const at = Math.min(to, now + stepMs)
        if (troubles) trouble(at)
        clock.set(at)
        await advance(at, true)
        await onStep?.(at)
      }
    },

    live(clock, { troubles = true } = {}) {
      const step = () => {
        const at = Math.max(now, clock.now())
        if (troubles) trouble(at)
        void advance(at, false)
        const pauseMs = stream.nextAt() - at
        timer = setTimeout(step, Math.min(LIVE_STEP_MS.most, Math.max(LIVE_STEP_MS.least, pauseMs)))
      }
      step()
    },

    async close() {
      closed = true
      clearTimeout(timer)
      await closeAll()
    }
  }
}
