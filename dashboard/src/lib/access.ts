import type { Role } from '#model/tickets'

/** Who runs the installation. The server refuses the others; they need not see what they may not do. */
export const mayManage = (role: Role): boolean => role === 'admin' || role === 'operator'

/** Who settles what the rules decide by, and announces work. */
export const maySettle = (role: Role): boolean => role === 'admin' || role === 'manager'
