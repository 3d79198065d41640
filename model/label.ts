/** The languages every word a person reads exists in. */
export const LANGUAGES = ['en', 'zh'] as const
export type Language = (typeof LANGUAGES)[number]

/** A text in every language; forgetting one is a type error. */
export type Label = Record<Language, string>
