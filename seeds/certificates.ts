import type { CertificateLevel, CertificateState } from '../src/modules/archives/words.ts'
import type { Company } from './companies.ts'
import { addDays, addYears, earlier, lastDay } from './days.ts'
import { fileNumber, type Ground } from './ground.ts'
import { at } from './random.ts'
import { stamps } from './rows.ts'

/** When the present certificates end, in days from today: some have run out, some will within the spans of the reminders. */
const certificateEnds: readonly (readonly [count: number, from: number, to: number])[] = [
  [4, -90, -3],
  [3, 5, 29],
  [3, 31, 59],
  [3, 61, 89],
]

/** A 二级 that will have to be examined again: which company of a layer, and in how many days it ends. */
export const reexamined = { index: 8, days: 75 } as const

/** Of 46 companies with a full level: one that lost its certificate by a decision, one that gave it up. */
const gone: Partial<Record<number, Pick<Certificate, 'state' | 'end_reason' | 'end_basis'>>> = {
  44: { state: 'revoked', end_reason: '以提供虚假材料的手段取得资质证书', end_basis: '行政许可法第六十九条第二款' },
  45: { state: 'cancelled', end_reason: '企业自愿放弃资质', end_basis: '行政许可法第七十条' },
}

export interface Certificate {
  level: CertificateLevel
  approved_on: string
  state: CertificateState
  ended_on?: string
  end_reason?: string
  end_basis?: string
}

/** A certificate as the inspections ask for it: from the approval to the last day it held. */
export interface Held {
  id: number
  company: Company
  approved_on: string
  until: string
}

/**
 * 资质证书 of the companies registered in the city: the present one and those it replaced.
 * @returns all of them
 */
export function certify(ground: Ground, companies: Company[]): Held[] {
  const { random, today } = ground
  const local = companies.filter(company => company.level !== 'none')
  const drawn = certificateEnds.flatMap(([count, from, to]) => Array.from({ length: count }, () => random.int(from, to)))
  const full = random.shuffle(
    local.filter(({ level, index }) => level !== 'provisional' && index > 1 && !gone[index] && index !== reexamined.index),
  )
  const left = new Map(full.slice(0, drawn.length).map((company, index) => [company.index, at(drawn, index)]))
  left.set(reexamined.index, reexamined.days)
  return local.flatMap(company => {
    const years = company.level === 'provisional' ? 1 : 3
    const soonest = addDays(company.established_on, 25)
    const day = addYears(addDays(today, (left.get(company.index) ?? random.int(95, years * 365 - 20)) + 1), -years)
    // A new company applies within 30 days; one that has not been confirmed in time holds a certificate that has run out.
    const approved_on = company.level === 'provisional' ? soonest : day
    return addChain(ground, company, {
      level: company.level,
      approved_on,
      ...endOf(ground, company, lastDay(approved_on, years)),
    })
  })
}

function endOf(
  { random, today }: Ground,
  { index, level }: Company,
  valid_until: string,
): Omit<Certificate, 'level' | 'approved_on'> {
  const end = gone[index]
  if (end) return { ...end, ended_on: addDays(today, -random.int(20, 90)) }
  if (valid_until >= today) return { state: 'valid' }
  // As the job leaves it on the day after.
  return {
    state: 'expired',
    ended_on: valid_until,
    ...(level === 'provisional'
      ? { end_reason: '暂定资质有效期届满，没有核定三级资质', end_basis: '物业服务企业资质管理办法（建设部令第164号）第八条' }
      : { end_reason: '有效期届满，没有核定延续', end_basis: '行政许可法第七十条第（一）项' }),
  }
}

const below: Partial<Record<CertificateLevel, CertificateLevel>> = { first: 'second', second: 'third' }

/** The present certificate and all before it: renewed or raised every three years, the first one 暂定 for a year. */
function addChain(ground: Ground, company: Company, present: Certificate): Held[] {
  const { random } = ground
  const chain = [present]
  const opened = addDays(company.established_on, 25)
  const confirmed = addDays(opened, 340)
  while (present.level !== 'provisional') {
    const { level, approved_on } = at(chain, 0)
    const lower = (random.happens(0.4) && below[level]) || level
    const day = addDays(addYears(approved_on, -3), random.int(3, 25))
    if (day < addDays(confirmed, 300)) break
    chain.unshift({ level: lower, approved_on: day, state: 'replaced', ended_on: approved_on })
  }
  const first = at(chain, 0)
  if (present.level !== 'provisional' && first.approved_on > addDays(confirmed, 30)) {
    chain.unshift({ level: 'third', approved_on: confirmed, state: 'replaced', ended_on: first.approved_on })
    chain.unshift({ level: 'provisional', approved_on: opened, state: 'replaced', ended_on: confirmed })
  }
  const held: Held[] = []
  for (const certificate of chain) held.push(addCertificate(ground, company, certificate, held.at(-1)?.id ?? null))
  return held
}

export function addCertificate(ground: Ground, company: Company, certificate: Certificate, previous_id: number | null): Held {
  const { level, approved_on, state, ended_on, end_reason, end_basis } = certificate
  const valid_until = lastDay(approved_on, level === 'provisional' ? 1 : 3)
  const id = ground.newId('certificates')
  const number = numberOf(ground, level, approved_on.slice(0, 4))
  for (const scope of ['companies', 'organisations']) ground.index(scope, company.id, [number])
  ground.add('certificates', {
    id,
    company_id: company.id,
    previous_id,
    number,
    level,
    state,
    issuer: issuerOf(level, approved_on),
    approved_on,
    issued_on: earlier(addDays(approved_on, ground.random.int(1, 10)), ground.today),
    valid_until,
    ended_on: ended_on ?? null,
    end_reason: end_reason ?? null,
    end_basis: end_basis ?? null,
    ...stamps(ground.at),
  })
  return { id, company, approved_on, until: ended_on ?? valid_until }
}

/** The numbers of the province and the ministry are not ours; they carry DEM so that no real one is meant. */
function numberOf(ground: Ground, level: CertificateLevel, year: string): string {
  if (level === 'first') return `（建）1${year}DEM${String(ground.next('（建）1DEM')).padStart(4, '0')}`
  if (level === 'second') return `鲁物2-${year}-DEM${String(ground.next('鲁物2-DEM')).padStart(4, '0')}`
  const prefix = `鲁济物${level === 'provisional' ? '暂' : '3'}-${year}-`
  return fileNumber(ground, prefix).slice(0, -1)
}

/** The city's function moved from one bureau to the other in 2019. */
function issuerOf(level: CertificateLevel, day: string): string {
  if (level === 'first') return '中华人民共和国住房和城乡建设部'
  if (level === 'second') return '山东省住房和城乡建设厅'
  return day < '2019-01-15' ? '济南市住房保障和房产管理局' : '济南市住房和城乡建设局'
}
