import { fold } from './terms.ts'

/** What somebody searches for: alternatives of words that must all be there. None of the lists is empty. */
export interface Search {
  /** What was typed, without the blanks around it. */
  text: string
  alternatives: string[][]
}

const most = { signs: 100, words: 10, alternatives: 5 }

/**
 * Reads what somebody typed into a search box. One grammar for all of them: a space narrows, a comma adds; half and full width
 * are the same, and so are `,`, `，` and `、`.
 * @param typed any text, also hostile
 * @returns the search, or one sentence that says what to change; neither when nothing was typed
 */
export function readSearch(typed: string): { search?: Search; mistake?: string } {
  const text = typed.replace(/[\s\p{Cc}\p{Cf}\p{Cs}]+/gu, ' ').trim()
  if (!text) return {}
  const read = text.normalize('NFKC')
  const length = [...read].length
  if (length > most.signs) return { mistake: `搜索内容最多 ${most.signs} 个字，现有 ${length} 个。请删去一些再搜。` }

  const parts = read.split(/[,、]/).map(part => different(part.split(/\s+/).map(bare).filter(Boolean), fold))
  const alternatives = different(
    parts.filter(words => words.length),
    words => words.map(fold).sort().join(' '),
  )
  const words = alternatives.flat().length
  if (!words) return { mistake: `“${text}”里没有可搜的字。请输入汉字、字母或数字。` }
  if (alternatives.length > most.alternatives)
    return { mistake: `逗号隔开的条件最多 ${most.alternatives} 组，现有 ${alternatives.length} 组。请分几次搜。` }
  if (words > most.words) return { mistake: `一次最多搜 ${most.words} 个词，现有 ${words} 个。请删去一些再搜。` }
  return { search: { text, alternatives } }
}

/** A search in words: `同时含“清荷”和“天桥”`, `含“历下”或“市中”`, `同时含“清荷”和“历下”，或含“市中”`. */
export function describe({ alternatives }: Search): string {
  if (alternatives.every(words => words.length === 1)) return `含${enumerate(alternatives.flat(), '或')}`
  return alternatives.map(words => `${words.length > 1 ? '同时' : ''}含${enumerate(words, '和')}`).join('，或')
}

/** The searches that ask for one word less, with the word they leave out; none for a search with alternatives or of one word. */
export function smaller({ alternatives }: Search): { text: string; without: string }[] {
  const [words = [], ...others] = alternatives
  if (others.length || words.length < 2) return []
  return words.map(without => ({ text: words.filter(word => word !== without).join(' '), without }))
}

function enumerate(words: string[], link: string): string {
  const quoted = words.map(word => `“${word}”`)
  return [quoted.slice(0, -1).join('、'), quoted.at(-1)].filter(Boolean).join(link)
}

/** Signs around a word, such as brackets and quotes, are not part of what is looked for. */
export function bare(word: string): string {
  return word.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '')
}

function different<T>(items: T[], by: (item: T) => string): T[] {
  const seen = new Set<string>()
  return items.filter(item => !seen.has(by(item)) && seen.add(by(item)))
}
