/**
 * What may be seen of personal data (domain.md §15, GB/T 35273). Masking happens on the server, so that the full value is in no
 * page, hidden field or file.
 */
export const masks = { name: maskName, phone: maskPhone, id: maskId }
export type Mask = keyof typeof masks

/** 赵明 becomes 赵*. */
export function maskName(name: string): string {
  const [first = ''] = name
  return first && `${first}*`
}

/** 13812345678 becomes 138****5678; of a shorter or other number only the last four digits stay. */
export function maskPhone(phone: string): string {
  const digits = phone.replace(/\D/g, '')
  return digits.length === 11 && digits.startsWith('1')
    ? `${digits.slice(0, 3)}****${digits.slice(-4)}`
    : digits && `****${digits.slice(-4)}`
}

/** 370102199001010012 becomes 370***********0012. */
export function maskId(number: string): string {
  const signs = number.trim()
  return signs.length < 8 ? '*'.repeat(signs.length) : signs.slice(0, 3) + '*'.repeat(signs.length - 7) + signs.slice(-4)
}

/** Mobile and ID numbers (of 18 signs, or 15 digits before 1999) inside a free text, such as a search, for what is kept in logs. */
export function maskNumbers(text: string): string {
  return text.replace(/\d{17}[\dXx]|(?<!\d)\d{15}(?!\d)/g, maskId).replace(/(?<!\d)1\d{10}(?!\d)/g, maskPhone)
}
