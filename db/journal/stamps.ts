import type { Millis } from '#model/time'

/**
 * The journal's stamps: never decreasing, and of one device always increasing. A message without a time of its own is
 * taken as measured when it was received, so two of one device in the same millisecond would pass for one reading.
 */
export function journalStamps() {
  let stamp: Millis = 0
  /** Who has the newest stamp. */
  let holders = new Set<string>()

  return {
    /** The stamp a batch starts with. */
    begin(now: Millis): Millis {
      if (now > stamp) {
        stamp = now
        holders = new Set()
      }
      return stamp
    },
    /** By how many ms a record is later than the one before it in its batch. */
    step(deviceId: string): 0 | 1 {
      if (deviceId === '') return 0
      if (!holders.has(deviceId)) {
        holders.add(deviceId)
        return 0
      }
      stamp++
      holders = new Set([deviceId])
      return 1
    },
    /** After a restart nobody knows who had the last stamp: it is not given again. */
    resumeAfter(last: Millis) {
      if (last < stamp) return
      stamp = last + 1
      holders = new Set()
    }
  }
}
