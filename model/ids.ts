/** Every id: unique per type, safe in a topic, a URL and a file name. */
export const ID_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$'
const ID = new RegExp(ID_PATTERN)

export const isId = (text: string): boolean => ID.test(text)

export const SUBJECT_TYPES = ['facility', 'road', 'area', 'device'] as const
export type SubjectType = (typeof SUBJECT_TYPES)[number]

/** What a rule, an episode or a ticket is about: `type:id`. */
export type Subject = `${SubjectType}:${string}`

export const subjectOf = (type: SubjectType, id: string): Subject => `${type}:${id}`

export function parseSubject(subject: string): { type: SubjectType; id: string } | undefined {
  const colon = subject.indexOf(':')
  const type = SUBJECT_TYPES.find(t => t === subject.slice(0, colon))
  const id = subject.slice(colon + 1)
  return type && isId(id) ? { type, id } : undefined
}
