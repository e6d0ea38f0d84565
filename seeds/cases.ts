import type { Knex } from 'knex'
import type { Role } from '../src/accounts/roles.ts'
import { type Kind, kindOf } from '../src/cases/kind.ts'
import type { ApplicantCode } from './applicants.ts'
import { reexamined } from './certificates.ts'
import { addDays } from './days.ts'
import { humanOf, mobileOf } from './identities.ts'
import type { DemoCompany, Play } from './play.ts'

/** A demo case: who files what, and what becomes of it. */
export interface DemoCase {
  /** The code of its company, where that has no other case. */
  code: string
  /** One of the applicants, or one found among all companies, around the present day. */
  company: ApplicantCode | ((trx: Knex.Transaction, today: string) => Promise<DemoCompany | undefined>)
  kind: () => Kind
  /** Who files it, where that is not the company. */
  starter?: Role
  play(play: Play): Promise<void>
}

const newly = () => kindOf({ kind: 'qualification-new' })
const confirmation = () => kindOf({ kind: 'qualification-confirm' })

const business = { revenue: '186.50', profit: '12.30' }
const inOrder = '营业执照登记地址有固定办公场所，名单所列人员在岗，证书原件齐全。'
const agreed = '经审核，申报条件符合要求，同意报批。'

/** Every state a case can be in, the oldest first, so that numbers are given in the order of the days. */
const certificateCases: readonly (Omit<DemoCase, 'company'> & { code: ApplicantCode })[] = [
  {
    code: 'confirmed',
    kind: confirmation,
    async play(play) {
      await play.begin([42, '09:30'], business)
      await play.handIn()
      await play.submit([41, '10:05'])
      await play.accept([40, '09:20'])
      await play.verify([38, '10:30'])
      await play.passFirst([36, '15:10'], inOrder, { opinion: '在管项目与合同备案一致，材料齐全，同意上报。' })
      await play.pass('city-clerk', [33, '10:40'], { opinion: agreed })
      await play.pass('city-reviewer', [30, '14:25'], { opinion: '同意。' })
      await play.pass('city-approver', [27, '16:00'], { opinion: '同意核定为三级。' })
      await play.expire([21, '08:40'])
    },
  },
  {
    code: 'licensed',
    kind: newly,
    async play(play) {
      await play.begin([35, '14:10'])
      await play.handIn()
      await play.submit([34, '09:50'])
      await play.accept([33, '11:05'])
      await play.verify([31, '09:45'])
      await play.passFirst([29, '16:20'], inOrder, { opinion: '材料齐全，内容属实。' })
      await play.pass('city-clerk', [26, '09:35'], { opinion: agreed })
      await play.pass('city-reviewer', [24, '10:15'], { opinion: '同意。' })
      await play.pass('city-approver', [21, '15:30'], { opinion: '同意核发三级（暂定）资质证书。' })
      await play.expire([15, '08:40'])
    },
  },
  {
    code: 'refused',
    kind: newly,
    async play(play) {
      await play.begin([31, '15:00'])
      await play.handIn()
      await play.submit([30, '15:40'])
      await play.accept([28, '10:10'])
      await play.verify([26, '14:40'])
      await play.passFirst([24, '10:50'], '办公场所属实。现场在岗 7 人，财务负责人为初级职称。', {
        opinion: '人员数量和职称不足，是否核发请市局审定。',
      })
      await play.pass('city-clerk', [20, '11:20'], {
        opinion: '人员条件不符合第五条要求，建议不予通过，报复核。',
        note: '已电话告知企业补充人员，企业表示暂时招不到。',
      })
      await play.refuse('city-reviewer', [17, '09:40'], {
        opinion: '专职管理和技术人员 7 人，中级以上职称 3 人，财务负责人没有中级以上职称，不符合资质管理办法第五条（三）的要求。',
      })
    },
  },
  {
    // Nobody has decided in time: the light is red.
    code: 'overdue',
    kind: newly,
    async play(play) {
      await play.begin([26, '10:20'], await play.peopleWithOneOf('confirmed'))
      await play.handIn()
      await play.submit([25, '10:45'])
      await play.accept([24, '09:15'])
      await play.note('district-clerk', [10, '16:30'], '名单中有一人在其他企业在职，已请企业核实，对方尚未回复。')
      await play.urge([2, '09:05'])
    },
  },
  {
    code: 'objected',
    kind: newly,
    async play(play) {
      await play.begin([24, '09:10'])
      await play.handIn()
      await play.submit([23, '14:30'])
      await play.accept([22, '10:00'])
      await play.verify([20, '15:20'])
      await play.passFirst([18, '11:10'], inOrder, { opinion: '材料齐全，内容属实。' })
      await play.pass('city-clerk', [14, '10:25'], { opinion: agreed })
      await play.pass('city-reviewer', [9, '16:15'], { opinion: '同意。' })
      await play.pass('city-approver', [3, '09:30'], { opinion: '同意，公示后发证。' })
      await play.object([1, '15:20'], {
        name: '魏思源',
        phone: '15400007788',
        words: '该公司公示的办公地址现在没有挂牌，楼内其他单位称未见其办公，请核实办公场所是否真实。',
      })
    },
  },
  {
    // Almost all of the twenty working days are used: the light is yellow.
    code: 'reviewing',
    kind: confirmation,
    async play(play) {
      await play.begin([21, '10:40'], business)
      await play.handIn()
      await play.handIn(['financials'])
      await play.submit([20, '11:00'])
      await play.accept([18, '14:15'])
      await play.verify([15, '09:50'])
      await play.passFirst([12, '15:45'], inOrder, { opinion: '在管项目一个，合同已备案，同意上报。' })
      await play.pass('city-clerk', [5, '10:10'], { opinion: agreed, note: '临近办结时限，请优先复核。' })
    },
  },
  {
    code: 'declined',
    kind: newly,
    async play(play) {
      await play.begin([20, '14:00'])
      await play.handIn()
      await play.submit([19, '10:30'])
      await play.decline(
        [17, '15:05'],
        '营业执照的经营范围没有物业管理，不属于物业服务企业资质的申请范围。请先变更经营范围，再行申请。',
      )
    },
  },
  {
    code: 'publicised',
    kind: newly,
    async play(play) {
      await play.begin([18, '09:25'])
      await play.handIn()
      await play.submit([17, '09:55'])
      await play.accept([16, '10:35'])
      await play.verify([14, '14:10'])
      await play.passFirst([13, '11:30'], inOrder, { opinion: '材料齐全，内容属实。' })
      await play.pass('city-clerk', [9, '15:15'], { opinion: agreed })
      await play.pass('city-reviewer', [5, '14:50'], { opinion: '同意。' })
      await play.pass('city-approver', [2, '10:20'], { opinion: '同意，公示后发证。' })
    },
  },
  {
    code: 'withdrawn',
    kind: newly,
    async play(play) {
      await play.begin([17, '15:30'])
      await play.handIn()
      await play.submit([16, '09:40'])
      await play.accept([15, '14:20'])
      await play.withdraw([13, '10:15'])
    },
  },
  {
    code: 'approving',
    kind: newly,
    async play(play) {
      await play.begin([16, '10:50'])
      await play.handIn()
      await play.validUntil('legal-person-id', play.dayAhead(18))
      await play.submit([15, '14:05'])
      await play.accept([14, '09:30'])
      await play.verify([12, '10:40'])
      await play.passFirst([10, '16:10'], inOrder, { opinion: '材料齐全，内容属实。' })
      await play.pass('city-clerk', [6, '11:15'], {
        opinion: agreed,
        note: '法定代表人身份证下月到期，发证前请企业补交新证复印件。',
      })
      await play.pass('city-reviewer', [2, '15:35'], { opinion: '同意。' })
    },
  },
  {
    // Asked to correct two things, corrected, and back at the first desk: old and new stand side by side.
    code: 'corrected',
    kind: newly,
    async play(play) {
      await play.begin([13, '09:15'], { capital: '1000' })
      await play.handIn([
        'application-form',
        'business-licence',
        'charter',
        'legal-person-id',
        'credentials',
        'titles',
        'heads',
        'pledge',
      ])
      await play.handInSharedOffice()
      await play.submit([12, '09:45'])
      await play.accept([11, '10:20'])
      await play.verify([11, '10:50'], ['business-licence', 'legal-person-id'])
      await play.correct([9, '14:30'], {
        'field.capital': '注册资本与营业执照不一致，请按营业执照填写。',
        'material.heads': '缺财务负责人的劳动合同，请补齐后重新上传。',
      })
      await play.replace([4, '10:10'], 'heads')
      await play.submit(
        [4, '10:30'],
        { capital: '200' },
        { 'field.capital': '已按营业执照更正。', 'material.heads': '已补财务负责人的劳动合同。' },
      )
    },
  },
  {
    code: 'city-desk',
    kind: confirmation,
    async play(play) {
      await play.begin([12, '14:45'], business)
      await play.handIn()
      await play.submit([11, '09:35'])
      await play.accept([9, '11:10'])
      await play.verify([7, '09:25'])
      await play.passFirst([5, '10:30'], '办公场所、人员在岗属实。现场没有见到在管项目的资料。', {
        opinion: '材料齐全，同意上报。',
      })
      await play.note('city-clerk', [2, '14:20'], '系统里没有查到在管项目，已请历下区核对项目挂接情况，答复前先不办。')
    },
  },
  {
    code: 'correcting',
    kind: newly,
    async play(play) {
      await play.begin([9, '10:15'])
      await play.handIn()
      await play.submit([8, '15:50'])
      await play.accept([7, '09:20'])
      await play.correct([3, '10:45'], {
        'field.office_address': '办公地址只写到楼栋，请写明房间号。',
        'material.office': '租赁合同缺出租人签字页，请重新扫描后上传。',
      })
    },
  },
  {
    code: 'first-review',
    kind: newly,
    async play(play) {
      await play.begin([7, '09:50'])
      await play.handIn([
        'application-form',
        'business-licence',
        'charter',
        'legal-person-id',
        'credentials',
        'titles',
        'heads',
        'pledge',
      ])
      await play.handInSharedOffice()
      await play.handIn(['capital-proof'])
      await play.submit([6, '10:25'])
      await play.accept([4, '14:40'])
      await play.verify([3, '15:15'], ['business-licence', 'credentials', 'titles'])
    },
  },
  {
    // One working day is left to accept it.
    code: 'near-limit',
    kind: newly,
    async play(play) {
      await play.begin([5, '15:20'])
      await play.handIn()
      await play.submit([4, '16:05'])
    },
  },
  {
    code: 'draft-confirm',
    kind: confirmation,
    async play(play) {
      await play.begin([3, '16:25'], { revenue: '74.00' })
      await play.handIn(['business-licence', 'old-certificate'])
    },
  },
  {
    code: 'fresh',
    kind: newly,
    async play(play) {
      await play.begin([2, '10:35'])
      await play.handIn()
      await play.submit([1, '16:40'])
    },
  },
  {
    code: 'draft-new',
    kind: newly,
    async play(play) {
      await play.begin([1, '11:05'], { pledge: '' })
      await play.handIn(['business-licence'])
    },
  },
]

const engineer = { title: 'associate-senior', title_name: '高级工程师', credential: '' }

/** 从业人员增减 and whose employee somebody is: one waits for the city, one for the district, one for the other company. */
const staffCases: readonly DemoCase[] = [
  {
    code: 'staff-add',
    company: 'confirmed',
    kind: () => kindOf({ kind: 'staff-add' }),
    async play(play) {
      const typed = {
        ...engineer,
        name: '顾行舟',
        id_number: humanOf('practitioner', 200_001).id_number,
        phone: mobileOf('practitioner', 200_001),
        title_number: '演职字第0200001号',
        title_issuer: '山东省人力资源和社会保障厅',
        post: 'technician',
        contract_type: 'fixed',
        contract_from: play.day(9),
        contract_until: play.dayAhead(1080),
        insured_at: '济南市',
        starts_on: play.day(9),
      }
      await play.begin([8, '09:40'], {}, { typed })
      await play.handIn()
      await play.handIn(['title'])
      await play.submit([7, '10:15'])
      await play.accept([6, '14:05'])
      await play.pass('district-clerk', [4, '10:20'], { opinion: '原件已核对，材料属实。' })
    },
  },
  {
    code: 'staff-remove',
    company: 'reviewing',
    kind: () => kindOf({ kind: 'staff-remove' }),
    async play(play) {
      const { id } = await play.somebodyOf('reviewing', 'technician', 'intermediate')
      await play.begin([4, '15:20'], { end_reason: 'resigned', ends_on: play.day(5) }, { subject_id: id })
      await play.handIn()
      await play.submit([3, '09:30'])
      await play.accept([2, '11:10'])
    },
  },
  {
    code: 'staff-dispute',
    company: 'licensed',
    kind: () => kindOf({ kind: 'staff-dispute' }),
    async play(play) {
      const { name, id_number } = await play.somebodyOf('confirmed', 'steward', 'none')
      const typed = { name, id_number, post: 'steward', contract_type: 'open', starts_on: play.day(12), insured_at: '济南市' }
      const grounds = '该人员上月已向原企业提出离职并办完交接，现与我公司签订劳动合同、缴纳社保，原企业没有办理减员。'
      await play.begin([6, '10:30'], { grounds }, { typed })
      await play.handIn()
      await play.submit([5, '11:20'])
      await play.accept([4, '14:30'], 'city-clerk')
      await play.pass('city-clerk', [2, '16:10'], { opinion: '材料齐全，转原企业答复。' })
    },
  },
]

/** The first company that a question finds, with its district; none in a demo city that an earlier version of the portal has built. */
async function companyBy(query: Knex.QueryBuilder, whose: string): Promise<DemoCompany | undefined> {
  return await query
    .join('organisations', 'organisations.id', whose)
    .first('organisations.name', 'organisations.district_code as district')
}

/** The life of a certificate: one at the province, one changed, one lost, one about to be revoked; and a branch from elsewhere. */
const lifeCases: readonly DemoCase[] = [
  {
    // 二级 is examined again before its end: the province decides.
    code: 'upgrade-second',
    company: (trx, today) =>
      companyBy(
        trx('certificates')
          .where({ level: 'second', live: 1, valid_until: addDays(today, reexamined.days) })
          .orderBy('certificates.id'),
        'certificates.company_id',
      ),
    kind: () => kindOf({ kind: 'qualification-upgrade' }),
    async play(play) {
      await play.begin([24, '09:45'], { level: 'second', revenue: '4260.00', profit: '310.50' })
      await play.handIn()
      await play.submit([23, '10:20'])
      await play.accept([21, '09:40'])
      await play.verify([19, '14:50'])
      await play.passFirst([16, '16:20'], inOrder, { opinion: '人员、项目与档案一致，材料齐全，同意上报。' })
      await play.pass('city-clerk', [13, '10:05'], { opinion: agreed })
      await play.pass('city-reviewer', [11, '15:10'], { opinion: '同意上报省厅。' })
      await play.pass('city-approver', [9, '09:50'], { opinion: '同意，报山东省住房和城乡建设厅审批。' })
    },
  },
  {
    code: 'change-address',
    company: 'confirmed',
    kind: () => kindOf({ kind: 'qualification-change' }),
    async play(play) {
      await play.begin([6, '14:10'], {
        registered_address: '济南市历下区栎桐路 18 号 5 层',
        changed_on: play.day(9),
        reason: '公司迁址。',
      })
      await play.handIn()
      await play.handIn(['office'])
      await play.submit([5, '09:40'])
      await play.accept([4, '10:30'])
      await play.verify([3, '09:50'])
      await play.pass('district-clerk', [2, '10:40'], { opinion: '与变更后的营业执照一致，原证书正、副本已收回。' })
    },
  },
  {
    code: 'reissue',
    company: 'licensed',
    kind: () => kindOf({ kind: 'qualification-reissue' }),
    async play(play) {
      await play.begin([5, '10:15'], {
        papers: 'both',
        explanation: '办公室搬迁中遗失，多方查找没有找到。',
        newspaper: '泉城示范晚报',
        notice_on: play.day(14),
        notice_page: 'A07 版',
      })
      await play.handIn()
      await play.submit([4, '10:40'])
      await play.accept([3, '09:25'])
      await play.verify([3, '10:10'])
      await play.pass('district-clerk', [2, '09:35'], { opinion: '遗失声明已核对报刊原件，同意补办。' })
      await play.pass('city-reviewer', [1, '14:20'], { opinion: '同意补办。' })
    },
  },
  {
    // The company may still say something.
    code: 'revoke',
    company: (trx, today) =>
      companyBy(
        trx('certificates')
          .where({ level: 'third', live: 1 })
          .where('valid_until', '>', addDays(today, 200))
          .whereNull('case_id')
          .orderBy('certificates.id', 'desc'),
        'certificates.company_id',
      ),
    kind: () => kindOf({ kind: 'certificate-revoke' }),
    starter: 'city-clerk',
    async play(play) {
      const answers = {
        measure: 'revoke',
        basis: '行政许可法第六十九条第二款',
        reason: '申请核定资质等级时提交的两份职称证书经发证机关查证不是其核发，以提供虚假材料的手段取得资质证书。',
        occurred_on: play.day(12),
        facts: '经向发证机关函询，申报材料中工程负责人、财务负责人的职称证书编号均无登记记录，复函原件附后。',
      }
      await play.begin([8, '09:30'], answers, { subject_id: await play.companyId() })
      await play.handIn()
      await play.submit([7, '10:10'])
      await play.accept([6, '14:30'], 'city-reviewer')
      await play.pass('city-reviewer', [3, '09:45'], { opinion: '事实清楚，证据确实，请企业陈述申辩。' })
    },
  },
  {
    code: 'branch-renewal',
    company: (trx, today) =>
      companyBy(
        trx('branch_filings')
          .where({ live: 1 })
          .whereBetween('valid_until', [today, addDays(today, 50)])
          .orderBy('branch_filings.id'),
        'branch_filings.company_id',
      ),
    kind: () => kindOf({ kind: 'branch-filing' }),
    async play(play) {
      await play.begin([6, '15:30'], {
        head_office_level: 'none',
        mandate_scope: '在济南市承接物业服务项目、签订和履行物业服务合同。',
        mandate_from: play.day(12),
      })
      await play.handIn()
      await play.validUntil('head-id', play.dayAhead(2400))
      await play.submit([5, '10:50'])
      await play.accept([4, '09:15'], 'city-clerk')
      await play.pass('city-clerk', [2, '11:05'], { opinion: '总公司和分支机构的材料齐全，内容一致，同意备案。' })
    },
  },
]

export const demoCases: readonly DemoCase[] = [
  ...certificateCases.map(one => ({ ...one, company: one.code })),
  ...staffCases,
  ...lifeCases,
]
