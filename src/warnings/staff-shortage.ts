import { today } from '../clock.ts'
import {
  countStaff,
  isShort,
  type StaffAsked,
  type StaffCount,
  shortInWords,
  staffByLevel,
} from '../modules/qualification/staff.ts'
import { isEnabled } from '../modules/qualification/standards.ts'
import { readersOf } from './expiry.ts'
import type { Cause } from './warnings.ts'

/**
 * 人员低于资质等级要求 (资质管理办法 第五条；domain.md §7): fewer people than the level of the certificate asks for. The removal is not
 * refused; company and city see the warning until the company has taken somebody on. While 资质管理 is out of use no level asks for anything.
 */
export const staffShortage: Cause = {
  kind: 'staff-shortage',
  label: '人员低于资质要求',
  stages: { staff: '专职人员不足', titled: '中级以上职称不足', both: '专职人员和职称都不足' },
  roles: readersOf('company'),

  async *find(db) {
    if (!(await isEnabled(db))) return
    const levels = await staffByLevel(db)
    const batch = 500
    for (let last = 0; ; ) {
      const rows: { company_id: number; name: string; level: StaffCount['level']; staff: number; titled: number }[] =
        await countStaff(db)
          .join('organisations', 'organisations.id', 'certificates.company_id')
          .where('certificates.company_id', '>', last)
          .groupBy('organisations.name')
          .orderBy('certificates.company_id')
          .limit(batch)
          .select('organisations.name')
      const counted = rows.flatMap(row => {
        const asked = levels[row.level]
        return asked ? [{ ...row, staff: Number(row.staff), titled: Number(row.titled), asked }] : []
      })
      const short = counted.filter(isShort)
      if (short.length)
        yield short.map(row => ({
          object_id: row.company_id,
          stage: stageOf(row),
          level: 'yellow' as const,
          title: `${row.name}：${shortInWords(row)}`.slice(0, 200),
          link: `/desk/companies/${row.company_id}`,
          due_on: null,
          organisation_id: row.company_id,
          district_code: null,
          street_code: null,
        }))
      const end = rows.at(-1)
      if (!end || rows.length < batch) return
      last = end.company_id
    }
  },

  async standing(db) {
    if (!(await isEnabled(db))) return query => void query.from('companies').whereRaw('1 = 0').select('companies.id')
    const levels = Object.entries(await staffByLevel(db)) as [StaffCount['level'], StaffAsked][] // Object.entries forgets the keys' type
    return query =>
      void query
        .from(countStaff(db, today()).as('counted'))
        .whereRaw('counted.company_id = warnings.object_id')
        .where(short => {
          for (const [level, asked] of levels)
            short.orWhere(one =>
              one
                .where('counted.level', level)
                .where(few => few.where('counted.staff', '<', asked.staff).orWhere('counted.titled', '<', asked.titled)),
            )
        })
        .select('counted.company_id')
  },
}

function stageOf({ staff, titled, asked }: Pick<StaffCount, 'staff' | 'titled' | 'asked'>): 'staff' | 'titled' | 'both' {
  if (staff < asked.staff && titled < asked.titled) return 'both'
  return staff < asked.staff ? 'staff' : 'titled'
}
