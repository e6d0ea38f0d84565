import type { Knex } from 'knex'
import type { Kind } from '../../cases/kind.ts'
import { settingsInForce } from '../../cases/settings.ts'
import { today } from '../../clock.ts'
import { type CertificateLevel, certificateLevels } from '../archives/words.ts'
import { qualificationUpgrade } from './apply-kinds.ts'
import { qualificationConfirm, qualificationNew } from './kinds.ts'
import { isEnabled } from './standards.ts'

/** How many people the level of a company's certificate asks for (资质管理办法 第五条；domain.md §4.1), and how many there are. */

export interface StaffAsked {
  /** 专职管理和技术人员. */
  staff: number
  /** 其中中级以上职称. */
  titled: number
}

/** What every level asks for on a day: the settings in force of the kinds that examine it. */
export async function staffByLevel(db: Knex, day = today()): Promise<Partial<Record<CertificateLevel, StaffAsked>>> {
  const ofKind = async (kind: Kind, variant = ''): Promise<StaffAsked> => {
    const { thresholds } = (await settingsInForce(db, kind, variant, day)).settings
    return { staff: thresholds.staff ?? 0, titled: thresholds.titled ?? 0 }
  }
  return {
    first: await ofKind(qualificationUpgrade, 'first'),
    second: await ofKind(qualificationUpgrade, 'second'),
    third: await ofKind(qualificationConfirm),
    provisional: await ofKind(qualificationNew),
  }
}

export interface StaffCount extends StaffAsked {
  company_id: number
  level: CertificateLevel
  asked: StaffAsked
}

/** Titles that count as 中级以上. */
const raised: readonly string[] = ['intermediate', 'associate-senior', 'senior']

/**
 * Makes a query count the staff of companies with a certificate in force: `company_id`, `level`, `staff`, `titled`. 操作岗位 does
 * not count.
 */
export function countStaff(db: Knex, day = today()): Knex.QueryBuilder {
  return db('certificates')
    .leftJoin('employments', join =>
      join
        .on('employments.company_id', 'certificates.company_id')
        .andOnVal('employments.live', 1)
        .andOnVal('employments.post', '<>', 'operative'),
    )
    .leftJoin('people', 'people.id', 'employments.person_id')
    .where({ 'certificates.live': 1 })
    .where(open => open.whereNull('certificates.valid_until').orWhere('certificates.valid_until', '>=', day))
    .groupBy('certificates.company_id', 'certificates.level')
    .select(
      'certificates.company_id',
      'certificates.level',
      db.raw('count(employments.id) as staff'),
      db.raw('coalesce(sum(people.title in (?, ?, ?)), 0) as titled', raised),
    )
}

/** The staff of one company against its level; nothing where it holds no certificate in force, or 资质管理 is out of use. */
export async function staffOf(db: Knex, company_id: number): Promise<StaffCount | undefined> {
  if (!(await isEnabled(db))) return undefined
  const row: { level: CertificateLevel; staff: number; titled: number } | undefined = await countStaff(db)
    .where({ 'certificates.company_id': company_id })
    .first()
  const asked = row && (await staffByLevel(db))[row.level]
  return row && asked && { company_id, level: row.level, staff: Number(row.staff), titled: Number(row.titled), asked }
}

/** Whether fewer are there than asked for. */
export function isShort({ staff, titled, asked }: Pick<StaffCount, 'staff' | 'titled' | 'asked'>): boolean {
  return staff < asked.staff || titled < asked.titled
}

/** 专职管理和技术人员 9 人（三级应不少于 10 人），其中中级以上职称 4 人（应不少于 5 人）: only what is short. */
export function shortInWords({ staff, titled, asked, level }: Pick<StaffCount, 'staff' | 'titled' | 'asked' | 'level'>): string {
  const parts = [
    ...(staff < asked.staff ? [`专职管理和技术人员 ${staff} 人，少于 ${asked.staff} 人`] : []),
    ...(titled < asked.titled ? [`中级以上职称 ${titled} 人，少于 ${asked.titled} 人`] : []),
  ]
  return `${parts.join('；')}（${certificateLevels[level]}资质的要求）`
}
