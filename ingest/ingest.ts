import type { Journal } from '#db/journal'
import type { StateStore } from '#db/state-store'
import type { TelemetryStore } from '#db/telemetry/store'
import type { quarantine } from '#db/schema'
import { DEFAULT_RULES } from '#model/default-rules'
import type { SystemState } from '#model/api'
import type { Clock } from '#model/time'
import type { Crews } from './crews.ts'
import { createDecisions } from './decisions.ts'
import { noEffects, type Effects } from './effects.ts'
import { createLighting, type Lighting } from './lighting.ts'
import { createLivePicture } from './live-picture.ts'
import type { LiveState } from './live-state.ts'
import { normaliseBatch } from './normalise.ts'
import { recentRecords } from './recent-records.ts'
import { ruleState, type RuleState } from './rule-state.ts'
import { startStateConsumer, type StateConsumer } from './state-consumer.ts'
import { startStoreConsumer, type StoreConsumer } from './store-consumer.ts'

/** Decoded records the store has not taken yet; beyond this they are decoded a second time. */
const RECENT_BYTES = 64_000_000

export interface Ingest {
  live: LiveState
  crews: Crews
  rules: RuleState
  lighting: Lighting
  state: StateConsumer
  store: StoreConsumer
  close(): Promise<void>
}

/** Both consumers of the journal over one registry, one engine and one live picture. */
export async function startIngest(options: {
  journal: Journal
  stateStore: StateStore
  telemetry: TelemetryStore
  quarantine: (row: typeof quarantine.$inferInsert) => Promise<void>
  system: () => SystemState
  onFatal: (error: Error) => void
  clock: Clock
  log: (message: string) => void
}): Promise<Ingest> {
  const { journal, stateStore, clock, log, onFatal } = options
  const effects: { current: Effects } = { current: noEffects() }
  const { registry, crews, desk, engine } = createDecisions({
    rules: DEFAULT_RULES,
    effects: () => effects.current
  })
  const live = createLivePicture({ engine, desk, registry, system: options.system, clock })
  const recent = recentRecords({ maxBytes: RECENT_BYTES })

  const state = await startStateConsumer({
    journal,
    store: stateStore,
    engine,
    desk,
    registry,
    crews,
    effects,
    normalise(records) {
      const normalised = normaliseBatch(records, registry)
      recent.add(normalised)
      return normalised
    },
    onBatch: () => live.update(),
    onFatal,
    clock,
    log
  })
  const store = startStoreConsumer({
    journal,
    store: options.telemetry,
    committed: () => state.committed(),
    recent,
    changes: stateStore,
    quarantine: options.quarantine,
    onFatal,
    clock,
    log
  })

  return {
    live,
    crews,
    rules: ruleState({ engine, registry }),
    lighting: createLighting({ engine, registry, desk, clock }),
    state,
    store,
    async close() {
      await state.close()
      await store.close()
    }
  }
}
