/** `wait`: the same will be taken later, it is tried again until then. `data`: it will never be taken, the record goes to quarantine. */
type Means = 'wait' | 'data'

interface Trouble {
  means: Means
  /** SQLSTATEs, or their first two letters for a class, and error codes of Node. A whole state goes before its class. */
  states: string
  /** For errors without a code: how the driver's message begins. */
  messages?: RegExp
  /** After "Postgres". */
  says: string
  fix: string
}

/**
 * What can be wrong with Postgres, what that means for readings and readiness, and the fix. An error that fits no row is
 * a fault of ours. docs/operations.md has this table, test/integration/postgres-faults.test.ts lives through every row.
 */
export const POSTGRES_TROUBLES = {
  unreachable: {
    means: 'wait',
    states: '08 ECONNREFUSED ECONNRESET ECONNABORTED ENOENT EPIPE ENOTFOUND EAI_AGAIN EACCES ENETUNREACH',
    messages: /^Connection terminated|^Client has encountered a connection error|^Client was closed/,
    says: 'cannot be reached',
    fix: 'start it, or correct DATABASE_URL'
  },
  silent: {
    means: 'wait',
    states: 'ETIMEDOUT EHOSTUNREACH',
    messages: /^timeout exceeded when trying to connect|^Query read timeout|^The database was silent/,
    says: 'does not answer',
    fix: 'look at its load, and at network and firewalls between'
  },
  stopping: {
    means: 'wait',
    states: '57 25P03 25P04',
    says: 'is stopping or starting, or ended our connection',
    fix: 'wait until it is up; its log says why'
  },
  login: {
    means: 'wait',
    states: '28',
    messages: /^SASL/,
    says: 'does not accept us',
    fix: 'correct user and password in DATABASE_URL and restart, or set them right there and in pg_hba.conf'
  },
  tls: {
    means: 'wait',
    states:
      'CERT_HAS_EXPIRED DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN UNABLE_TO_VERIFY_LEAF_SIGNATURE UNABLE_TO_GET_ISSUER_CERT_LOCALLY ERR_TLS_CERT_ALTNAME_INVALID',
    messages: /^The server does not support SSL/,
    says: 'and DATABASE_URL do not agree on TLS',
    fix: 'renew its certificate, or correct sslmode and restart'
  },
  missing: {
    means: 'wait',
    states: '3D 57P04 55000',
    says: 'does not have, or not open, the database of DATABASE_URL',
    fix: 'rename it back, or open it; when it is lost stop Mingjie and restore the backup'
  },
  foreign: {
    means: 'wait',
    states: '42P01 3F',
    says: 'does not have our tables in this database',
    fix: 'correct DATABASE_URL or search_path; when they are lost stop Mingjie and restore the backup'
  },
  forbidden: {
    means: 'wait',
    states: '42501',
    says: 'does not let us, or cannot write its own files',
    fix: 'make the user of DATABASE_URL owner of the database; see its log for a disk mounted read-only'
  },
  readOnly: {
    means: 'wait',
    states: '25006',
    says: 'is read-only',
    fix: 'point DATABASE_URL at the primary, or promote the standby; or switch default_transaction_read_only off'
  },
  full: {
    means: 'wait',
    states: '53100',
    says: 'has a full disk',
    fix: 'free space there'
  },
  connections: {
    means: 'wait',
    states: '53300',
    says: 'has too many connections',
    fix: 'end some, or raise max_connections; Mingjie takes 10'
  },
  resources: {
    means: 'wait',
    states: '53',
    says: 'lacks memory or another resource',
    fix: 'see its log'
  },
  slow: {
    means: 'wait',
    states: '57014 55P03 40',
    says: 'takes too long, or others hold its locks',
    fix: 'look at its load and at pg_stat_activity'
  },
  damaged: {
    means: 'wait',
    states: '58 XX F0',
    says: 'is broken',
    fix: 'see its log; when its files are damaged repair it, or stop Mingjie and restore the backup'
  },
  data: {
    means: 'data',
    states: '22 23 54',
    says: 'refuses a reading',
    fix: 'see Quarantine: the record is there with its bytes, all others are stored'
  }
} as const satisfies Record<string, Trouble>

export type PostgresTrouble = keyof typeof POSTGRES_TROUBLES

const ROWS = Object.entries(POSTGRES_TROUBLES) as [PostgresTrouble, Trouble][]
const BY_STATE = new Map(ROWS.flatMap(([name, { states }]) => states.split(' ').map(one => [one, name])))

/** What is wrong, by the table above; undefined when it is a fault of ours or not of Postgres at all. */
export function troubleOf(error: unknown): PostgresTrouble | undefined {
  const { code, message = '' } = rootOf(error)
  if (code === undefined) return ROWS.find(([, { messages }]) => messages?.test(message))?.[0]
  return BY_STATE.get(code) ?? (isState(code) ? BY_STATE.get(code.slice(0, 2)) : undefined)
}

/** The database cannot take it now and may later: wait and try again, nothing is wrong with the data. */
export const isAway = (error: unknown): boolean => meaningOf(error) === 'wait'

/** The data cannot be stored as it is (out of range, a constraint, too large): bisect and put aside. */
export const isDataFault = (error: unknown): boolean => meaningOf(error) === 'data'

/** For people: what is wrong, the fix, and what the server or the driver said; never a statement or its values. */
export function reasonOf(error: unknown): string {
  const { code, message } = rootOf(error)
  const name = troubleOf(error)
  if (!name) return message || String(error)
  return `${sentenceOf(name)} (${[code, message].filter(Boolean).join(': ')})`
}

export const sentenceOf = (name: PostgresTrouble): string =>
  `Postgres ${POSTGRES_TROUBLES[name].says}: ${POSTGRES_TROUBLES[name].fix}`

const meaningOf = (error: unknown): Means | undefined => {
  const name = troubleOf(error)
  return name && POSTGRES_TROUBLES[name].means
}

interface Said {
  code?: string | undefined
  message?: string
  cause?: unknown
}

/** drizzle-orm wraps what the driver said. */
function rootOf(error: unknown): Said {
  const said = Object(error) as Said
  return said.code === undefined && said.cause ? rootOf(said.cause) : said
}

const isState = (code: string): boolean => /^[0-9A-Z]{5}$/.test(code)
