import { after, before } from 'node:test'
import { startPortal, type TestPortal } from './portal.ts'
import { type Applicant, holdCertificate, newCompany, residentId, wholeForm } from './qualification.ts'
import { type Beginning, type Ground, openGround, peopleOf, walkEveryKind } from './steps.ts'

/** The steps of every kind of 资质管理, every variant (domain.md §3.1, §4.2). */

let portal: TestPortal
let ground: Ground
before(async () => {
  portal = await startPortal({ demo: true })
  ground = await openGround(portal)
})
after(() => portal.stop())

const { forgetSettings } = await import('../src/admin/settings.ts')
const { addDays } = await import('../src/calendar.ts')
const { now, today } = await import('../src/clock.ts')

/** What a kind needs of its company. */
interface Needs extends Pick<Beginning, 'fields' | 'conclusion' | 'papers'> {
  /** What must be there before anybody may begin. */
  given?(company: Applicant): Promise<void>
  /** Begun by an office against the company, which is asked. */
  against?: true
}

/** A company that has been in the archives for longer than today, and the certificate it holds. */
const holding = (level: string) => async (company: Applicant) => {
  const created_at = new Date(now().getTime() - 500 * 86_400_000)
  await portal.db('companies').where({ id: company.id }).update({ created_at })
  await holdCertificate(portal, company.id, { level })
}
const levelOf = (variant: string) => (variant === 'first' || variant === 'second' ? variant : 'third')
const pledge = { pledge: 'on' }

/** By kind and variant; a kind that is missing here fails its test. */
const needs: Record<string, (variant: string) => Needs> = {
  'qualification-new': () => ({ fields: wholeForm }),
  'qualification-confirm': () => ({
    given: holding('provisional'),
    fields: () => wholeForm({ revenue: '100', profit: '10' }),
  }),
  'qualification-change': variant => ({
    given: holding(levelOf(variant)),
    papers: ['legal-person-id'],
    fields: async () => ({ legal_person: '钱听雨', legal_person_id: await residentId(321), changed_on: today(), ...pledge }),
  }),
  'qualification-cancel': variant => ({
    given: holding(levelOf(variant)),
    fields: async () => ({ reason: 'voluntary', ...pledge }),
  }),
  'qualification-reissue': () => ({
    given: holding('third'),
    fields: async () => ({
      papers: 'both',
      newspaper: '济南日报',
      notice_on: addDays(today(), -20),
      notice_page: 'A07 版',
      ...pledge,
    }),
  }),
  'annual-inspection': () => ({
    async given(company) {
      await holding('third')(company)
      const stamps = { created_at: now(), updated_at: now() }
      const season = { year: Number(today().slice(0, 4)), opens_on: addDays(today(), -10), closes_on: addDays(today(), 30) }
      await portal
        .db('inspection_seasons')
        .insert({ ...season, ...stamps })
        .onConflict('year')
        .merge()
    },
    fields: async () => ({ revenue: '120', profit: '8', assessment: '对照等级条件逐项自查，符合要求。', ...pledge }),
    conclusion: { result: 'basic', rectification: '补齐电梯维护记录。' },
  }),
  'qualification-upgrade': variant => ({
    given: holding(variant === 'first' ? 'second' : 'third'),
    fields: () => wholeForm({ level: variant, revenue: '100', profit: '10' }),
    conclusion: { certificate_number: `建物-走-${variant}`, valid_until: '' },
  }),
  'qualification-merge': variant => ({
    // No level above the one held comes of a merge.
    ...(variant === 'second' || variant === 'first' ? { given: holding(variant) } : {}),
    fields: () =>
      wholeForm({
        way: 'split-off',
        registered_on: today(),
        'others.0.name': '福建听泉物业服务有限公司',
        'others.0.code': '91350100M000100Y43',
        'others.0.dissolved': 'no',
        level: variant,
      }),
    conclusion: { certificate_number: variant === 'second' || variant === 'first' ? `建物-并-${variant}` : '', valid_until: '' },
  }),
  'certificate-revoke': () => ({
    given: holding('third'),
    against: true,
    fields: async () => ({
      measure: 'revoke',
      level: '',
      basis: '行政许可法第六十九条第二款',
      reason: '以欺骗手段取得资质证书。',
      occurred_on: addDays(today(), -5),
      facts: '所报职称证书经核查系伪造。',
    }),
  }),
  'company-information': () => ({ fields: wholeForm }),
  'branch-filing': () => ({
    async given(company) {
      await portal.db('companies').where({ id: company.id }).update({ origin: 'outside' })
    },
    fields: async () => ({
      head_office: '江苏听泉物业服务有限公司',
      head_office_code: '91350100M000100Y43',
      head_office_place: '江苏省南京市',
      head_office_level: 'none',
      branch_address: '历下区试验路1号3层',
      branch_head: '孙听松',
      branch_head_phone: '15400000003',
      mandate_scope: '在济南市承接物业服务项目、签订物业服务合同',
      mandate_from: addDays(today(), -30),
      ...pledge,
    }),
  }),
}

/** 企业信息登记 is in use while 资质管理 is not. */
const whileOff: readonly string[] = ['company-information']

/** 资质管理启用, as the parameter stands. */
async function enable(on: boolean): Promise<void> {
  const row = { code: 'qualification.enabled', value: JSON.stringify(on), created_at: now(), updated_at: now() }
  await portal.db('settings').insert(row).onConflict('code').merge()
  forgetSettings()
}

walkEveryKind(
  'qualification',
  () => ground,
  Object.fromEntries(
    Object.entries(needs).map(([code, needsOf]) => [
      code,
      async (variant: string) => {
        await enable(!whileOff.includes(code))
        const { given, against, ...rest } = needsOf(variant)
        const company = await newCompany(portal)
        await given?.(company)
        return {
          ...rest,
          walkers: await peopleOf(portal, company, against),
          ...(against && {
            start: (agent: Beginning['walkers'][number]['agent']) =>
              agent.post(`/desk/cases/new/${code}`, { subject_id: String(company.id) }),
          }),
        }
      },
    ]),
  ),
)
