/** The longest name that is kept, in characters as people count them. */
const longest = 100

/**
 * The name of a file as it is kept, shown and given back: without path parts, control and bidi characters, in NFC, at most 100
 * characters with the extension kept whole. It is only data; no file is ever stored under it.
 */
export function cleanName(given: string): string {
  const last = given.split(/[/\\]/).at(-1) ?? ''
  const seen = last
    .normalize('NFC')
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Noncharacter_Code_Point}\u2028\u2029\ufffd]/gu, '')
    .replace(/\s+/gu, ' ')
    .trim()
  const { length } = extensionOf(seen)
  const ending = length ? seen.slice(-length - 1) : ''
  const stem = seen.slice(0, seen.length - ending.length).replace(/^[. ]+|[. ]+$/g, '')
  const room = longest - [...ending].length
  return `${[...(stem || '未命名')].slice(0, room).join('').trimEnd()}${ending}`
}

/** The extension of a name in small letters, '' where it has none. */
export function extensionOf(name: string): string {
  return /\.([a-z0-9]{1,8})$/i.exec(name)?.[1]?.toLowerCase() ?? ''
}
