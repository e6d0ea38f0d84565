import { pinyin } from 'pinyin-pro'

/**
 * The sort key of a name: its pinyin, so that a plain index holds the order people expect from a Chinese list.
 * Letters and digits stay as they are; a character without a reading sorts behind all others by its code point.
 * @param name as shown, any length; `person` reads surnames as surnames (曾 is zeng, 单 is shan)
 * @returns at most 120 ASCII characters, never empty
 */
export function nameKey(name: string, person = false): string {
  const syllables = pinyin(name.normalize('NFKC').toLowerCase(), {
    toneType: 'num',
    type: 'array',
    nonZh: 'consecutive',
    ...(person ? { mode: 'surname' as const } : {}),
  })
  const key = syllables.join(' ').replace(/[^\x20-\x7e]/gu, sign => `~${(sign.codePointAt(0) ?? 0).toString(16)}`)
  return key.slice(0, 120) || '~'
}
