import { getContext, setContext } from 'svelte'
import { HEALTHS, type Health } from '#model/health'
import type { Label, Language } from '#model/label'
import { en, type Dictionary } from './en.ts'
import { zh } from './zh.ts'
import { recall, remember } from '$lib/memory.ts'

const DICTIONARIES: Record<Language, Dictionary> = { en, zh }
const KEY = Symbol('words')

/** The reader's language: chosen last time, else the browser's. `t` are the page's words, `of` picks a label's. */
export class Words {
  language = $state<Language>((recall('language') ?? navigator.language).startsWith('zh') ? 'zh' : 'en')
  t = $derived(DICTIONARIES[this.language])
  locale = $derived(this.language === 'zh' ? 'zh-CN' : 'en-GB')

  of = (label: Label) => label[this.language]
  health = (health: Health) => this.of(HEALTHS[health].label)
  number = (value: number, digits = 0) => value.toLocaleString(this.locale, { maximumFractionDigits: digits })

  choose(language: Language) {
    this.language = language
    remember('language', language)
  }
}

export const setWords = () => setContext(KEY, new Words())
export const useWords = () => getContext<Words>(KEY)
