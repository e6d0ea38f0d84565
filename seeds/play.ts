import type { Knex } from 'knex'
import type { Role } from '../src/accounts/roles.ts'
import { findUser, type User } from '../src/accounts/users.ts'
import type { WorkCalendar } from '../src/calendar.ts'
import type { Case } from '../src/cases/case.ts'
import { moveByClock, settingsFor, standingOf, submitCase, takeStep } from '../src/cases/cases.ts'
import { draftOf, saveDraft, startCase } from '../src/cases/drafts.ts'
import { addNote } from '../src/cases/history.ts'
import type { Kind, Material } from '../src/cases/kind.ts'
import type { StepCode } from '../src/cases/lifecycle.ts'
import { addFile, filesIn, lasting, materialsOf, materialToChange, mayVerify, removeFile } from '../src/cases/materials.ts'
import { lockCase } from '../src/cases/queries.ts'
import { urgeCase } from '../src/cases/urge.ts'
import { now, shiftClock, today } from '../src/clock.ts'
import { decrypt } from '../src/crypto.ts'
import { inTransaction } from '../src/db.ts'
import type { Answers } from '../src/forms/answers.ts'
import { deliverOutbox } from '../src/messages/deliver.ts'
import type { Post, Title } from '../src/modules/archives/words.ts'
import { companyAnswers } from '../src/modules/qualification/company.ts'
import { object } from '../src/publicity/publicity.ts'
import { type ApplicantCode, applicants } from './applicants.ts'
import { addDays } from './days.ts'
import { drawPage, type Page, storeFile } from './papers.ts'
import { type Random, randomFrom } from './random.ts'

/** A time of a working day, so many of them before the present day: `[4, '09:40']`. */
export type When = readonly [daysAgo: number, time: string]

interface Words {
  opinion?: string
  /** 内部备注. */
  note?: string
}

interface Scene {
  trx: Knex.Transaction
  calendar: WorkCalendar
  /** The day around which the demo city lies. */
  today: string
}

/** What is uploaded for a material. */
interface Sheet {
  code: string
  page: Page
}

/** Whom a demo case is about. */
export interface DemoCompany {
  name: string
  /** Where its first desk is. */
  district: string
}

/**
 * One demo case as its people live it: the applicant and the officials do what they would do on the pages, by the same functions, on
 * past days. The portal's database is the transaction of the scene meanwhile; whoever plays sets the clock right afterwards.
 */
export class Play {
  readonly #scene: Scene
  /** What the case is called among the demo cases. */
  readonly #name: string
  readonly #company: DemoCompany
  readonly #kind: Kind
  readonly #starter: Role | undefined
  readonly #random: Random
  readonly #users = new Map<string, User>()
  #id = 0
  #last = 0

  /** @param starter who files it, where that is an official and not the company */
  constructor(scene: Scene, name: string, company: DemoCompany, kind: Kind, starter?: Role) {
    this.#scene = scene
    this.#name = name
    this.#company = company
    this.#kind = kind
    this.#starter = starter
    this.#random = randomFrom(`demo case ${name}`)
  }

  /** The day so many working days before the present one. */
  day(daysAgo: number): string {
    return this.#scene.calendar.addWorkdays(this.#scene.today, -daysAgo)
  }

  /** The day so many days after the present one. */
  dayAhead(days: number): string {
    return addDays(this.#scene.today, days)
  }

  /**
   * 开始填写: everything the archives know is there, and what else is asked for.
   * @param about whom it is about, or what was typed on the way
   */
  async begin(when: When, answers: Answers = {}, about: { subject_id?: number; typed?: Answers } = {}): Promise<void> {
    this.#go(when)
    const user = await this.#applicant()
    this.#id = await startCase(user, this.#kind, about)
    await this.write({ pledge: 'on', ...answers })
  }

  async write(answers: Answers): Promise<void> {
    const { version } = await draftOf(this.#scene.trx, await this.#case())
    await saveDraft(await this.#applicant(), this.#id, version, answers)
  }

  /** The id of the company, for a case that an official begins about it. */
  async companyId(): Promise<number> {
    return (await this.#userOf(this.#company)).organisation_id
  }

  /** Somebody who works for an applicant: the first of their post, with or without a higher title. */
  async somebodyOf(code: ApplicantCode, post: Post, title: Title): Promise<{ id: number; name: string; id_number: string }> {
    const { organisation_id } = await this.#userOf(applicants[code])
    const row: { id: number; name: string; id_number_cipher: string } | undefined = await this.#scene
      .trx('employments')
      .join('people', 'people.id', 'employments.person_id')
      .where({ company_id: organisation_id, live: 1, post, 'people.title': title })
      .orderBy('people.id')
      .first('people.id', 'people.name', 'people.id_number_cipher')
    if (!row) throw new Error(`demo case ${this.#name}: ${code} has no ${title} ${post}`)
    return { id: row.id, name: row.name, id_number: decrypt('people.id_number', row.id_number_cipher) }
  }

  /** The people of the archive and one who works for another applicant. */
  async peopleWithOneOf(other: ApplicantCode): Promise<Answers> {
    const own = await companyAnswers(this.#scene.trx, (await this.#applicant()).organisation_id)
    const theirs = await companyAnswers(this.#scene.trx, (await this.#userOf(applicants[other])).organisation_id)
    const known = (answers: Answers) => (Array.isArray(answers.people) ? answers.people : [])
    return {
      people: [
        ...known(own),
        ...known(theirs)
          .filter(({ post }) => post === 'technician')
          .slice(0, 1),
      ],
    }
  }

  /** Uploads one file for each material that is required, or for those named. */
  async handIn(codes?: readonly string[]): Promise<void> {
    const { materials } = await settingsFor(this.#scene.trx, await this.#case(), this.#kind)
    const wanted = materials.filter(({ code, required }) => (codes ? codes.includes(code) : required))
    await this.#upload(await this.#papersFor(wanted))
    // Most papers do not run out soon.
    for (const { code } of wanted.filter(({ expires }) => expires))
      await this.validUntil(code, code === 'office' ? this.dayAhead(500) : lasting)
  }

  /** A contract over rooms that another applicant has handed in too: the same page, so the same file. */
  async handInSharedOffice(): Promise<void> {
    const page = {
      title: '办公用房租赁合同',
      facts: [
        { label: '出租人', value: '济南栖帆众创空间管理有限公司' },
        { label: '房屋', value: '历下区砚川路 66 号 9 层' },
        { label: '租期', value: `${this.dayAhead(-200)} 至 ${this.dayAhead(530)}` },
      ],
      at: new Date(`${this.dayAhead(-200)}T02:00:00Z`),
    }
    await this.#upload([{ code: 'office', page }])
    await this.validUntil('office', this.dayAhead(530))
  }

  /** 有效期至 of a material. */
  async validUntil(material: string, expires_on: string): Promise<void> {
    await this.#scene
      .trx('case_materials')
      .insert({ case_id: this.#id, material, expires_on })
      .onConflict(['case_id', 'material'])
      .merge(['expires_on'])
  }

  /** 提交 and 补正提交. @param replies by `field.name` or `material.code` */
  async submit(when: When, posted: Answers = {}, replies: Record<string, string> = {}): Promise<void> {
    const user = await this.#applicant()
    await this.#act(when, user)
    const kase = await this.#case()
    const { version: draft_version } = await draftOf(this.#scene.trx, kase)
    const done = await submitCase(user, this.#id, { version: kase.version, draft_version, posted, replies })
    if (!done.ok) throw new Error(`demo case ${this.#name}: ${JSON.stringify([done.mistakes, done.missing])}`)
  }

  async accept(when: When, role: Role = 'district-clerk'): Promise<void> {
    await this.#step(role, 'accept', when)
  }

  async decline(when: When, opinion: string): Promise<void> {
    await this.#step('district-clerk', 'decline', when, { opinion })
    await this.#deliver()
  }

  /** 退回补正. @param items words by `field.name` or `material.code` */
  async correct(when: When, items: Record<string, string>): Promise<void> {
    const corrections = Object.entries(items).map(([item, words]) => {
      const [sort = '', target = ''] = item.split('.')
      return { target_type: sort === 'field' ? 'field' : 'material', target, words } as const
    })
    await this.#step('district-clerk', 'correct', when, {}, corrections)
    await this.#deliver()
  }

  /** Puts a new file in the place of the one handed in before. */
  async replace(when: When, code: string): Promise<void> {
    const user = await this.#applicant()
    await this.#act(when, user)
    const { materials } = await settingsFor(this.#scene.trx, await this.#case(), this.#kind)
    await inTransaction(async trx => {
      const kase = await lockCase(trx, user, this.#id)
      for (const file of await filesIn(trx, kase.id, kase.edition)) if (file.material === code) await removeFile(trx, kase, file)
    })
    await this.#upload(await this.#papersFor(materials.filter(material => material.code === code)))
  }

  /** 核验原件 at the first desk. @param codes all that have an original, unless named */
  async verify(when: When, codes?: readonly string[]): Promise<void> {
    const user = await this.#official('district-clerk')
    await this.#act(when, user)
    await inTransaction(async trx => {
      const kase = await lockCase(trx, user, this.#id)
      const standing = await standingOf(trx, kase)
      if (!mayVerify(standing, user)) throw new Error(`demo case ${this.#name}: originals are not ${user.username}'s to verify`)
      const seen = (await materialsOf(trx, kase, standing.settings, kase.edition)).filter(({ material, files }) =>
        codes ? codes.includes(material.code) : material.original && files.length,
      )
      for (const { material } of seen)
        await trx('case_materials')
          .insert({ case_id: kase.id, material: material.code, original_seen_by: user.id, original_seen_at: now() })
          .onConflict(['case_id', 'material'])
          .merge(['original_seen_by', 'original_seen_at'])
      const labels = seen.map(({ material }) => material.label).join('、')
      await addNote(trx, kase, user, { step: 'verify', payload: { opinion: `已核验原件：${labels}。` }, open: true })
    })
  }

  /** 通过 of 区县初审, with the visit it asks for. */
  async passFirst(when: When, finding: string, words: Words = {}): Promise<void> {
    const officers = [await this.#official('district-clerk'), await this.#official('district-reviewer')].map(({ name }) => name)
    await this.#step('district-clerk', 'pass', when, { ...words, visit: { on: this.day(when[0]), officers, finding } })
  }

  async pass(role: Role, when: When, words: Words): Promise<void> {
    await this.#step(role, 'pass', when, words)
  }

  async refuse(role: Role, when: When, words: Words): Promise<void> {
    await this.#step(role, 'refuse', when, words)
    await this.#deliver()
  }

  async withdraw(when: When): Promise<void> {
    const user = await this.#applicant()
    await this.#act(when, user)
    await takeStep(user, this.#id, { action: 'withdraw', version: (await this.#case()).version, payload: {} })
  }

  async note(role: Role, when: When, note: string): Promise<void> {
    const user = await this.#official(role)
    await this.#act(when, user)
    await inTransaction(async trx => {
      await addNote(trx, await lockCase(trx, user, this.#id), user, { step: 'note', payload: { note } })
    })
  }

  async urge(when: When): Promise<void> {
    const user = await this.#applicant()
    await this.#act(when, user)
    await urgeCase(user, this.#id)
  }

  /** Somebody objects on the public site. */
  async object(when: When, objection: { name: string; phone: string; words: string }): Promise<void> {
    this.#go(when)
    const publicity: { id: number; case_id: number } | undefined = await this.#scene
      .trx('publicities')
      .where({ case_id: this.#id, open: 1 })
      .first('id', 'case_id')
    const taken = publicity && (await object(publicity, objection, async () => {}))
    if (!taken) throw new Error(`demo case ${this.#name}: no publicity takes objections`)
  }

  /** 公示期满: what the job does on the day after the last one, here in office hours. */
  async expire(when: When): Promise<void> {
    this.#go(when)
    const isOver = async () => {
      const running = this.#scene.trx('publicities').where({ case_id: this.#id, open: 1 })
      return (await running.where('ends_on', '<', today()).first('id')) !== undefined
    }
    if (!(await moveByClock(this.#id, 'expire', isOver))) throw new Error(`demo case ${this.#name}: the publicity is not over`)
    await this.#deliver()
  }

  async #step(
    role: Role,
    action: StepCode,
    when: When,
    payload: Words & { visit?: { on: string; officers: string[]; finding: string } } = {},
    corrections?: { target_type: 'field' | 'material'; target: string; words: string }[],
  ): Promise<void> {
    const user = await this.#official(role)
    await this.#act(when, user)
    const { version } = await this.#case()
    await takeStep(user, this.#id, { action, version, payload, ...(corrections ? { corrections } : {}) })
  }

  /** Somebody sits down to this case: they have read what they were told of it. */
  async #act(when: When, user: User): Promise<void> {
    this.#go(when)
    await this.#scene
      .trx('messages')
      .where({ user_id: user.id, case_id: this.#id })
      .whereNull('read_at')
      .update({ read_at: now() })
  }

  #go([daysAgo, time]: When): void {
    // However slow the machine, the step ends within its minute.
    const seconds = String(this.#random.int(0, 39)).padStart(2, '0')
    const moment = Date.parse(`${this.day(daysAgo)}T${time}:${seconds}+08:00`)
    if (moment <= this.#last) throw new RangeError(`demo case ${this.#name}: ${time} is not later than what came before`)
    this.#last = moment
    shiftClock(moment - Date.now())
  }

  /** Sends the text messages of the last step, as the job does within a minute. */
  async #deliver(): Promise<void> {
    shiftClock(this.#last + 60_000 - Date.now())
    await deliverOutbox(this.#scene.trx)
  }

  async #case(): Promise<Case> {
    const kase = await this.#scene.trx<Case>('cases').where({ id: this.#id }).first()
    if (!kase) throw new Error(`demo case ${this.#name} has not begun`)
    return kase
  }

  async #upload(papers: readonly Sheet[]): Promise<void> {
    const user = await this.#applicant()
    const files = await Promise.all(
      papers.map(async ({ code, page }) => ({
        code,
        file: await storeFile(`${page.title}.pdf`, await drawPage(page)),
      })),
    )
    await inTransaction(async trx => {
      const kase = await lockCase(trx, user, this.#id)
      const settings = await settingsFor(trx, kase, this.#kind)
      for (const { code, file } of files) {
        await materialToChange(trx, kase, user, settings, code)
        const added = await addFile(trx, kase, user, code, file)
        if (!added.ok) throw new Error(added.sentence)
      }
    })
  }

  async #papersFor(materials: readonly Material[]): Promise<Sheet[]> {
    const { answers } = await draftOf(this.#scene.trx, await this.#case())
    const fact = (name: string, label: string) => ({ label, value: typeof answers[name] === 'string' ? answers[name] : '' })
    const facts = [
      fact('company_name', '企业名称'),
      fact('name', '姓名'),
      fact('person_name', '姓名'),
      fact('credit_code', '统一社会信用代码'),
      fact('legal_person', '法定代表人'),
      fact('registered_address', '住所'),
    ].filter(({ value }) => value)
    return materials.map(({ code, label }) => ({ code, page: { title: label, facts, at: now() } }))
  }

  async #applicant(): Promise<User> {
    return this.#starter ? await this.#official(this.#starter) : await this.#userOf(this.#company)
  }

  async #userOf({ name }: Pick<DemoCompany, 'name'>): Promise<User> {
    return await this.#find(`of ${name}`, grants => grants.where({ 'organisations.name': name }))
  }

  /** Who holds a role for this case: one of the demo accounts where there is one, else whoever has held it longest. */
  async #official(role: Role): Promise<User> {
    const region_code = role.startsWith('district') ? this.#company.district : '370100'
    return await this.#find(`${role} of ${region_code}`, grants => grants.where({ role, 'user_roles.region_code': region_code }))
  }

  async #find(whom: string, narrow: (grants: Knex.QueryBuilder) => Knex.QueryBuilder): Promise<User> {
    const { trx } = this.#scene
    const known = this.#users.get(whom)
    if (known) return known
    const grants = trx('user_roles')
      .join('users', 'users.id', 'user_roles.user_id')
      .join('organisations', 'organisations.id', 'users.organisation_id')
      .where({ 'users.status': 'active' })
      .orderBy([{ column: 'users.demo', order: 'desc' }, { column: 'user_roles.id' }])
      .first('user_roles.id', 'user_roles.user_id')
    const grant: { id: number; user_id: number } | undefined = await narrow(grants)
    const user = grant && (await findUser(trx, grant.user_id, grant.id))
    if (!user) throw new Error(`demo case ${this.#name}: nobody is ${whom}`)
    this.#users.set(whom, user)
    return user
  }
}
