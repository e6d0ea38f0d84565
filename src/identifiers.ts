import { today } from './clock.ts'

/** GB 32100-2015 leaves out I, O, S, V and Z, which hands confuse with 1, 0, 5, U and 2. The place of a sign is its value. */
const creditSigns = '0123456789ABCDEFGHJKLMNPQRTUWXY'
const residentSigns = '10X98765432'
const residentWeights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
const organisationWeights = [3, 7, 9, 10, 5, 8, 4, 2]

const compareAll = '可能有一位抄错，或相邻两位写反'

/** The stored form of a credit code or resident ID as somebody typed it: half-width, no blanks, capital letters (x becomes X). */
export function normaliseCode(text: string): string {
  return text.normalize('NFKC').replace(/\s/g, '').toUpperCase()
}

/**
 * What is wrong with a unified social credit code (统一社会信用代码, GB 32100-2015), as a sentence that says what to do.
 * @param code as typed; blanks, full-width signs and small letters are understood
 * @returns undefined when the code is good
 */
export function socialCreditCodeMistake(code: string): string | undefined {
  const signs = normaliseCode(code)
  if (!signs) return '请填写统一社会信用代码。'
  if (/^\d{15}$/.test(signs)) return '这是旧的 15 位营业执照注册号，请改填营业执照上的 18 位统一社会信用代码。'
  if (/^[0-9A-Z]{8}-?[0-9X]$/.test(signs)) return '这是旧的 9 位组织机构代码，请改填营业执照上的 18 位统一社会信用代码。'
  const stranger = [...signs].findIndex(sign => !creditSigns.includes(sign))
  if (stranger >= 0)
    return `第 ${stranger + 1} 位“${[...signs][stranger]}”不会出现在统一社会信用代码中（不用 I、O、S、V、Z），请对照营业执照改正。`
  if (signs.length !== 18) return `统一社会信用代码为 18 位，现为 ${signs.length} 位，请对照营业执照改正。`
  if (!/^.{2}\d{6}/.test(signs)) return '统一社会信用代码的第 3 至 8 位是登记地区划代码，应全为数字，请对照营业执照改正。'
  if (signs[17] !== checkSignOfCreditCode(signs.slice(0, 17)))
    return `统一社会信用代码的校验码不符，${compareAll}，请对照营业执照改正。`
  return undefined
}

/**
 * What is wrong with a resident ID number (公民身份号码, GB 11643-1999), as a sentence that says what to do. Only the province is
 * tested of the region: the other digits may be those of a county renamed long ago.
 * @param id as typed; blanks, full-width signs and a small x are understood
 * @returns undefined when the number is good
 */
export function residentIdMistake(id: string): string | undefined {
  const signs = normaliseCode(id)
  if (!signs) return '请填写身份证号。'
  if (/^\d{15}$/.test(signs)) return '15 位身份证号已经停用，请改填现行居民身份证上的 18 位号码。'
  if (!/^[0-9X]*$/.test(signs)) return '身份证号只有数字，末位可以是 X，请对照居民身份证改正。'
  if (signs.length !== 18) return `身份证号为 18 位，现为 ${signs.length} 位，请对照居民身份证改正。`
  if (signs.slice(0, 17).includes('X')) return '身份证号里 X 只能在末位，请对照居民身份证改正。'
  const province = Number(signs.slice(0, 2))
  if (province < 11 || province > 83) return `身份证号开头的“${signs.slice(0, 2)}”不是省级行政区代码，请对照居民身份证改正。`
  const born = `${signs.slice(6, 10)}-${signs.slice(10, 12)}-${signs.slice(12, 14)}`
  if (!isDay(born)) return `身份证号里的出生日期 ${born} 不存在，请对照居民身份证改正。`
  if (born > today()) return `身份证号里的出生日期 ${born} 还没有到，请对照居民身份证改正。`
  if (signs[17] !== checkSignOfResidentId(signs.slice(0, 17)))
    return `身份证号的校验码不符，${compareAll}，请对照居民身份证改正。`
  return undefined
}

/**
 * The 18th sign of a unified social credit code. A sum that 31 divides gives 0, not 31.
 * @param first17 signs of the alphabet, normalised
 */
export function checkSignOfCreditCode(first17: string): string {
  let sum = 0
  let weight = 1
  for (const sign of first17) {
    sum += creditSigns.indexOf(sign) * weight
    weight = (weight * 3) % 31
  }
  return creditSigns.charAt((31 - (sum % 31)) % 31)
}

/**
 * The 9th sign of an organisation code (组织机构代码, GB 11714), which is also the 17th of a credit code. Some codes in real use
 * fail it, so a mismatch is worth a warning and never a refusal.
 * @param first8 digits and capital letters
 */
export function checkSignOfOrganisationCode(first8: string): string {
  const sum = organisationWeights.reduce((sum, weight, at) => sum + weight * Number.parseInt(first8.charAt(at), 36), 0)
  const check = (11 - (sum % 11)) % 11
  return check === 10 ? 'X' : String(check)
}

/**
 * The 18th sign of a resident ID number.
 * @param first17 digits
 */
export function checkSignOfResidentId(first17: string): string {
  const sum = residentWeights.reduce((sum, weight, at) => sum + weight * Number(first17.charAt(at)), 0)
  return residentSigns.charAt(sum % 11)
}

/** Whether a text is a day `YYYY-MM-DD` of the calendar between 1900 and 9000, in which something of ours may have happened. */
export function isDay(day: string): boolean {
  const moment = new Date(`${day}T00:00:00Z`)
  return (
    /^\d{4}-\d\d-\d\d$/.test(day) &&
    day >= '1900' &&
    day < '9000' &&
    !Number.isNaN(moment.getTime()) &&
    moment.toISOString().startsWith(day)
  )
}
