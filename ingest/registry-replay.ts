import type { JournalRecord, Seq } from '#db/journal'
import type { Change } from '#model/changes'
import { normaliseRecord } from './normalise.ts'
import type { NormalisedRecord } from './reading.ts'
import { createRegistry } from './registry.ts'

/** Committed changes after the `no`-th, in the order they took effect; `StateStore` has it. */
export interface AppliedChanges {
  appliedAfter(no: number, limit: number): Promise<Change[]>
}

const CHANGES_AT_ONCE = 5000

/**
 * Normalises records of the past as they were normalised the first time: with the registry as it was just before each,
 * rebuilt from the changes. Only for records the state consumer has committed, and only forward.
 */
export function registryReplay(changes: AppliedChanges) {
  const registry = createRegistry()
  /** Read but not yet in effect. */
  let due: Change[] = []
  let no = 0

  function applyBefore(seq: Seq) {
    const later = due.findIndex(({ applied }) => applied !== null && applied.beforeSeq > seq)
    for (const { body, applied } of later < 0 ? due : due.slice(0, later)) {
      if (body.kind === 'registry') registry.apply(body.record, applied?.at ?? 0)
    }
    due = later < 0 ? [] : due.slice(later)
  }

  async function readUpTo({ first, last }: { first: Seq; last: Seq }) {
    while ((due.at(-1)?.applied?.beforeSeq ?? 0) <= last) {
      const page = await changes.appliedAfter(no, CHANGES_AT_ONCE)
      if (page.length === 0) return
      no = page.at(-1)?.applied?.no ?? no
      due = due.concat(page)
      applyBefore(first)
    }
  }

  return {
    /** Records in the order of the journal, none twice. Rejects when the changes cannot be read: ask again. */
    async normalise(records: JournalRecord[]): Promise<NormalisedRecord[]> {
      const [first, last] = [records[0], records.at(-1)]
      if (!first || !last) return []
      await readUpTo({ first: first.seq, last: last.seq })
      return records.map(record => {
        const next = due[0]?.applied
        if (next && next.beforeSeq <= record.seq) applyBefore(record.seq)
        return normaliseRecord(record, registry)
      })
    }
  }
}
