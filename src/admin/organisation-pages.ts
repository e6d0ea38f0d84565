import type { Request, Response } from 'express'
import { z } from 'zod'
import { type OrganisationKind, organisationKinds, roles } from '../accounts/roles.ts'
import { db } from '../db.ts'
import {
  choice,
  fieldsOf,
  type Mistakes,
  type Option,
  optionalText,
  readForm,
  text,
  typed,
  type Values,
  version,
} from '../forms/form.ts'
import { renderForm, valuesOf } from '../forms/page.ts'
import { allow, currentUser, flash, recordId } from '../http.ts'
import { normaliseCode, socialCreditCodeMistake } from '../identifiers.ts'
import { maskName, maskNumbers } from '../lists/masks.ts'
import { regionNames } from '../lists/regions.ts'
import { actorOf } from './action-log.ts'
import { changesOf } from './changes.ts'
import { phoneHint, phonePattern, reasonForm } from './fields.ts'
import {
  createOrganisation,
  disableOrganisation,
  enableOrganisation,
  findOrganisation,
  type Organisation,
  places,
  updateOrganisation,
} from './organisations.ts'
import { admin } from './router.ts'
import type { Outcome } from './users.ts'

// Pages of organisations.

const keeper = allow('system-admin')

const kindOptions = (Object.entries(organisationKinds) as [OrganisationKind, string][]).map(([value, label]) => ({
  value,
  label,
})) // Object.entries forgets the literal types

function ownFields(regions: readonly Option[]) {
  return {
    name: text({
      label: '单位名称',
      min: 2,
      max: 100,
      pattern: /^[\p{L}\p{M}\p{N} .·•（）()－\-、，&＆《》〈〉“”]+$/u,
      patternHint: '单位名称只用文字、数字和括号等常用标点，请去掉其他符号。',
      hint: '企业与营业执照一致。',
    }),
    code: optionalText({
      label: '统一社会信用代码',
      max: 30,
      hint: '物业企业、开发企业和分公司必填，18 位；市局、区县、街道不填。',
      normalise: normaliseCode,
      rule: text => (text ? socialCreditCodeMistake(text) : undefined),
    }),
    place: choice({
      label: '所在区域',
      options: regions,
      hint: '企业选注册地，外地企业选本市分支机构所在地；街道、业委会选到街道。',
    }),
    address: optionalText({ label: '地址', max: 200 }),
    contact: optionalText({ label: '联系人', max: 30 }),
    phone: optionalText({
      label: '联系电话',
      type: 'tel',
      max: 20,
      normalise: text => text.normalize('NFKC').replace(/[\s—–]/g, ''),
      rule: text => (!text || phonePattern.test(text) ? undefined : phoneHint),
    }),
  }
}

const newForm = (regions: readonly Option[]) =>
  z.object({
    kind: choice<OrganisationKind>({ label: '单位类型', options: kindOptions, hint: '建立后不能改。' }),
    ...ownFields(regions),
    legal_person: optionalText({ label: '法定代表人', max: 30, hint: '物业企业、开发企业必填，随单位一起建立档案。' }),
  })
const editForm = (regions: readonly Option[]) => z.object({ version, ...ownFields(regions) })

admin.get('/organisations/new', keeper, async (_req, res) =>
  renderForm(res, 'admin/organisation-new', { form: newForm(await places(db)) }),
)

admin.post('/organisations/new', keeper, async (req, res) => {
  const form = newForm(await places(db))
  const read = readForm(form, req.body)
  if (!read.ok) return renderForm(res, 'admin/organisation-new', { form, values: read.values, mistakes: read.mistakes })
  const made = await createOrganisation(actorOf(req, res), read.data)
  if (!made.ok) return renderForm(res, 'admin/organisation-new', { form, values: typed(form, req.body), mistakes: made.mistakes })
  flash(req, { tone: 'ok', text: `已建立“${read.data.name}”，现在可以为它新建账号。` })
  res.redirect(303, `/desk/admin/organisations/${made.id}`)
})

admin.get('/organisations/:id', allow('system-admin', 'security-admin'), async (req, res) => showOrganisation(req, res))

admin.get('/organisations/:id/edit', keeper, async (req, res) => {
  const organisation = await findOrganisation(db, recordId(req))
  await showEdit(res, organisation)
})

admin.post('/organisations/:id/edit', keeper, async (req, res) => {
  const organisation = await findOrganisation(db, recordId(req))
  const form = editForm(await places(db))
  const read = readForm(form, req.body)
  if (!read.ok) return showEdit(res, organisation, { values: read.values, mistakes: read.mistakes })
  const saved = await updateOrganisation(actorOf(req, res), organisation.id, read.data)
  if (!saved.ok)
    return showEdit(res, await findOrganisation(db, organisation.id), {
      values: typed(form, req.body),
      mistakes: saved.mistakes,
      stale: saved.stale,
    })
  flash(req, { tone: 'ok', text: saved.changed ? `“${read.data.name}”的资料已修改。` : '没有改动，资料照旧。' })
  res.redirect(303, `/desk/admin/organisations/${organisation.id}`)
})

interface Shown {
  values?: Values
  mistakes?: Mistakes
  stale?: string | undefined
}

async function showEdit(res: Response, organisation: Organisation, { values, mistakes = {}, stale }: Shown = {}): Promise<void> {
  const { street_code, region_code, district_code, version } = organisation
  if (stale) res.status(409)
  renderForm(res, 'admin/organisation-edit', {
    form: editForm(await places(db)),
    values: {
      ...valuesOf({ ...organisation, place: street_code ?? district_code ?? region_code }),
      ...values,
      version: stale ? String(version) : (values?.version ?? String(version)),
    },
    mistakes,
    stale,
    organisation,
    kinds: organisationKinds,
  })
}

const reason = { disable: reasonForm('停用原因'), enable: reasonForm('恢复原因') }

admin.post('/organisations/:id/disable', keeper, async (req, res) => {
  await takeStep(req, res, {
    part: 'disable',
    work: disableOrganisation,
    done: name => `${name}已停用，其人员的登录已全部退出。`,
  })
})

admin.post('/organisations/:id/enable', keeper, async (req, res) => {
  await takeStep(req, res, { part: 'enable', work: enableOrganisation, done: name => `${name}已恢复，其在用账号可以登录。` })
})

interface Step {
  part: keyof typeof reason
  work(actor: ReturnType<typeof actorOf>, id: number, form: { version: number; reason: string }): Promise<Outcome>
  done(name: string): string
}

async function takeStep(req: Request, res: Response, { part, work, done }: Step): Promise<void> {
  const { id, name } = await findOrganisation(db, recordId(req))
  const read = readForm(reason[part], req.body)
  if (!read.ok) return showOrganisation(req, res, { part, values: read.values, mistakes: read.mistakes })
  const outcome = await work(actorOf(req, res), id, read.data)
  if (!outcome.ok) return showOrganisation(req, res, { part, values: typed(reason[part], req.body), mistakes: outcome.mistakes })
  flash(req, { tone: 'ok', text: done(name) })
  res.redirect(303, `/desk/admin/organisations/${id}`)
}

const shownAccounts = 20

async function showOrganisation(
  req: Request,
  res: Response,
  { part, values = {}, mistakes = {} }: { part?: keyof typeof reason; values?: Values; mistakes?: Mistakes } = {},
): Promise<void> {
  const user = currentUser(res)
  const organisation = await findOrganisation(db, recordId(req))
  const { id } = organisation
  const keeps = user.role === 'system-admin'
  const [regions, accounts, total, changes] = await Promise.all([
    regionNames(db),
    db('users')
      .where({ organisation_id: id })
      .orderBy('name_key')
      .orderBy('id')
      .limit(shownAccounts)
      .select('id', 'username', 'name', 'status', 'last_signed_in_at'),
    db('users').where({ organisation_id: id }).count({ n: '*' }).first(),
    changesOf(db, { type: 'organisation', id }, 10),
  ])
  const grants: { user_id: number; role: keyof typeof roles }[] = await db('user_roles')
    .whereIn(
      'user_id',
      accounts.map(account => account.id),
    )
    .orderBy('id')
    .select('user_id', 'role')
  const held = (res.locals.held ?? {}) as Values // restoreHeld keeps only texts
  renderForm(res, 'admin/organisation', {
    form: reason.disable,
    values,
    mistakes,
    part: part ?? held.part,
    reasons: Object.fromEntries(
      Object.entries(reason).map(([part, form]) => [part, fieldsOf(form).filter(field => field.name === 'reason')]),
    ),
    // Whoever only reads has no need of the person behind the unit.
    organisation: keeps
      ? organisation
      : { ...organisation, contact: maskName(organisation.contact ?? ''), phone: maskNumbers(organisation.phone ?? '') },
    kinds: organisationKinds,
    place:
      [organisation.district_code, organisation.street_code].flatMap(code => (code ? [regions[code] ?? code] : [])).join(' · ') ||
      regions[organisation.region_code],
    accounts: accounts.map(account => ({
      ...account,
      roles: grants
        .filter(grant => grant.user_id === account.id)
        .map(grant => roles[grant.role]?.label ?? grant.role)
        .join('、'),
    })),
    total: Number(total?.n ?? 0),
    changes,
    keeps,
    isOwn: user.organisation_id === id,
  })
}
