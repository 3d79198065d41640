import type { Subject } from './ids.ts'
import type { Millis } from './time.ts'

/**
 * Announced work: from `from` until before `to` the rules begin nothing there. The same id again replaces it, so a shorter `to`
 * ends it early.
 */
export interface MaintenanceWindow {
  id: string
  subject: Subject
  from: Millis
  to: Millis
  note: string
}
