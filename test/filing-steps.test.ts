import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import {
  agreementForm,
  areaForm,
  awardForm,
  contractForm,
  linkForm,
  planForm,
  takeoverForm,
  tenderForm,
  tenderTicks,
  threeBidders,
} from './filing-forms.ts'
import { holdArea, holdContract, holdTender, linkTo, newCompany, newDeveloper, newProject } from './filings.ts'
import { type Agent, startPortal, type TestPortal } from './portal.ts'
import { type Beginning, type Ground, openGround, peopleOf, walkEveryKind } from './steps.ts'

/** The steps of every kind of 业务管理, every variant (domain.md §3.1, §5). */

let portal: TestPortal
let ground: Ground
before(async () => {
  portal = await startPortal({ demo: true })
  const row = { code: 'takeover.enabled', value: 'true', created_at: now(), updated_at: now() }
  await portal.db('settings').insert(row).onConflict('code').merge()
  forgetSettings()
  ground = await openGround(portal)
})
after(() => portal.stop())

const { forgetSettings } = await import('../src/admin/settings.ts')
const { addDays } = await import('../src/calendar.ts')
const { now, today } = await import('../src/clock.ts')

/** Begins a kind for a project. */
const about =
  (kind: string, project_id: number) =>
  (agent: Agent): ReturnType<Agent['post']> =>
    agent.post(`/desk/cases/new/${kind}`, { subject_id: String(project_id) })

/** A developer with a divided project. */
async function divided(changes: Record<string, string> = {}) {
  const developer = await newDeveloper(portal)
  const project = await newProject(portal, developer.id, changes)
  await holdArea(portal, project.id)
  return { developer, project, walkers: [{ role: 'developer', agent: developer.agent }] as const }
}

/** A company that serves a project. */
async function served() {
  const [developer, company] = [await newDeveloper(portal), await newCompany(portal)]
  const project = await newProject(portal, developer.id)
  await linkTo(portal, project.id, company.id)
  const walkers = [{ role: 'developer', agent: developer.agent } as const, ...(await peopleOf(portal, company))]
  return { developer, company, project, walkers }
}

const beginnings: Record<string, (variant: string) => Promise<Beginning>> = {
  async 'area-division'(variant) {
    const street = await portal.db('regions').where({ level: 'street', parent_code: '370102' }).orderBy('code').first('code')
    const { project, walkers } = await divided()
    const own = { name: project.name, floor_area: '50000', residential_area: '40000', other_area: '0', underground_area: '10000' }
    const fresh = areaForm(street.code)
    return variant === 'new'
      ? { walkers, fields: async () => fresh }
      : {
          walkers,
          start: about('area-division', project.id),
          fields: async () => areaForm(street.code, { ...own, reason: '业主大会决定并入北侧绿地。' }),
        }
  },
  async 'tender-filing'() {
    const { project, walkers } = await divided()
    return {
      walkers,
      start: about('tender-filing', project.id),
      fields: async () => tenderForm(),
      conclusion: tenderTicks,
    }
  },
  async 'agreed-selection'() {
    const { project, walkers } = await divided({ floor_area: '30000.00' })
    const {
      bidders: [company],
      codes,
    } = await threeBidders(portal)
    assert.ok(company)
    return {
      walkers,
      start: about('agreed-selection', project.id),
      fields: async () => agreementForm(company, codes[0] ?? '', { reason: 'small' }),
    }
  },
  async 'award-filing'() {
    const { project, walkers } = await divided()
    const { bidders, codes } = await threeBidders(portal)
    await holdTender(portal, project.id, {
      state: 'tendering',
      number: `济物招备〔2020〕T${project.id}号`,
      award_number: null,
      awarded_on: null,
      award_filed_on: null,
      price: null,
      manager: null,
      announce_on: addDays(today(), -30),
      documents_from: addDays(today(), -30),
      bids_until: addDays(today(), -3),
      opens_on: addDays(today(), -3),
      opens_at: '09:30',
      committee_size: 5,
      valid_until: addDays(today(), 60),
    })
    return { walkers, start: about('award-filing', project.id), fields: async () => awardForm(bidders, codes) }
  },
  async 'plan-filing'() {
    const { project, walkers } = await divided()
    const company = await newCompany(portal)
    await holdTender(portal, project.id, { winner_id: company.id, winner: company.name })
    return {
      walkers: [...walkers, ...(await peopleOf(portal, company, true))],
      start: about('plan-filing', project.id),
      fields: async () => planForm(),
      papers: ['contract'],
    }
  },
  async 'project-link'(variant) {
    const { company: old, project } = await served()
    const fresh = await newCompany(portal)
    const isContested = variant === 'contested'
    await holdContract(portal, project.id, old.id, isContested ? {} : { ends_on: addDays(today(), -5) })
    const fields = await linkForm(portal, fresh)
    return {
      walkers: [...(await peopleOf(portal, fresh)), ...(await peopleOf(portal, old, true))],
      start: agent => agent.post('/desk/links/new', { project_id: String(project.id) }),
      fields: async () => fields,
      papers: ['ended'],
    }
  },
  async 'contract-filing'(variant) {
    const { company, project, walkers } = await served()
    const ends_on = addDays(today(), variant === 'renewal' ? 20 : 400)
    if (variant !== 'new') await holdContract(portal, project.id, company.id, { ends_on })
    const changes: Record<string, Record<string, string>> = {
      new: {},
      renewal: { starts_on: addDays(ends_on, 1), ends_on: addDays(ends_on, 365) },
      change: { signed_on: today(), starts_on: addDays(today(), 1), ends_on, explanation: '经协商调整物业费。' },
    }
    const parting = {
      signed_on: today(),
      dissolve_reason: 'withdrawn',
      dissolved_on: addDays(today(), 3),
      notice_on: addDays(today(), -1),
      explanation: '企业撤出，费用已结清。',
      pledge: 'on',
    }
    return {
      walkers,
      start: about('contract-filing', project.id),
      fields: async () => ({ ...(variant === 'dissolution' ? parting : contractForm(changes[variant])), filing: variant }),
      ...(variant !== 'dissolution' && { papers: ['contract'] }),
    }
  },
  async 'takeover-filing'() {
    const { company, project, walkers } = await served()
    await holdContract(portal, project.id, company.id)
    return { walkers, start: about('takeover-filing', project.id), fields: async () => takeoverForm() }
  },
}

walkEveryKind('filings', () => ground, beginnings)
