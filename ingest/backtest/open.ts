import { and, asc, gte, inArray, isNotNull, lt, sql } from 'drizzle-orm'
import type { Database } from '#db/database'
import { tickets } from '#db/schema'
import type { TelemetryStore } from '#db/telemetry/store'
import type { AppliedChanges } from '../registry-replay.ts'
import type { RuleState } from '../rule-state.ts'
import { backtestJobs, type BacktestJobs } from './jobs.ts'
import { runBacktest } from './run-backtest.ts'

/** Back-tests over what a running system keeps. */
export function openBacktests(options: {
  db: Database
  telemetry: TelemetryStore
  changes: AppliedChanges
  rules: RuleState
  onError: (error: unknown) => void
}): BacktestJobs {
  const { db, telemetry, changes, rules, onError } = options
  const sources = {
    telemetry,
    changes,
    registry: rules.registry,
    timeZone: rules.timeZone,
    async cleanings(from: number, to: number) {
      const rows = await db
        .select({ facility: tickets.facility, at: tickets.closedAt })
        .from(tickets)
        .where(
          and(
            gte(tickets.closedAt, from),
            lt(tickets.closedAt, to),
            isNotNull(tickets.facility),
            inArray(tickets.closeReason, ['verified', 'person']),
            sql`(${tickets.terms}->>'service')::boolean`
          )
        )
        .orderBy(asc(tickets.closedAt))
      return rows.map(({ facility, at }) => ({ facility: facility as string, at: at as number }))
    }
  }
  return backtestJobs({ run: (request, how) => runBacktest(request, sources, how), onError })
}
