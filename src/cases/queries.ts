import type { Knex } from 'knex'
import { roles } from '../accounts/roles.ts'
import type { User } from '../accounts/users.ts'
import { NotFound } from '../errors.ts'
import type { Case, Consultation, Correction, HistoryRow } from './case.ts'
import { noDue } from './case.ts'
import { findKind } from './kind.ts'
import { caseReaders, caseWriters } from './roles.ts'

/**
 * Every read of cases starts here, so a case outside it is simply not found. An organisation sees those it is a party of, drafts too,
 * and as 被申请人 from the moment it is asked; an office those of its region that were submitted once, and a street those it was asked about as well.
 */
export function visibleCases(db: Knex, user: User): Knex.QueryBuilder {
  const cases = db('cases')
  // Editors see the whole city and no case of it.
  if (user.role !== 'owner' && !caseReaders.includes(user.role)) return cases.whereRaw('1 = 0')
  const { scope } = user
  switch (scope.level) {
    case 'city':
      // What the city begins itself is written by its clerks.
      return caseWriters.includes(user.role)
        ? cases.where(own => own.whereNotNull('cases.serial').orWhere({ 'cases.applicant_id': user.organisation_id }))
        : cases.whereNotNull('cases.serial')
    case 'district':
      return cases.where({ 'cases.district_code': scope.code }).whereNotNull('cases.serial')
    case 'street':
      return cases.where({ 'cases.street_code': scope.code }).whereNotNull('cases.serial')
    case 'organisation':
      // Owners share one organisation, so theirs are found by person.
      if (user.role === 'owner')
        return cases.whereIn('cases.id', db('case_parties').where({ user_id: user.id }).select('case_id'))
      return cases
        .whereIn('cases.id', partOf(db, scope.organisation_id).select('case_id'))
        .where(own => own.whereNotNull('cases.serial').orWhere({ 'cases.applicant_id': scope.organisation_id }))
    case 'none':
      return cases.whereRaw('1 = 0')
  }
}

/**
 * What an organisation has a part in. Who is claimed against has one while the case waits for them and once they were asked: a claim
 * that is refused or withdrawn before stays between applicant and office.
 */
function partOf(db: Knex, organisation_id: number): Knex.QueryBuilder {
  return db('case_parties')
    .where({ organisation_id })
    .where(told =>
      told
        .whereNot({ role: 'respondent' })
        .orWhereExists(
          db
            .select(db.raw('1'))
            .from('cases as held')
            .whereRaw('held.id = case_parties.case_id')
            .where({ 'held.holder_id': organisation_id }),
        )
        .orWhereExists(
          db
            .select(db.raw('1'))
            .from('case_history')
            .whereRaw('case_history.case_id = case_parties.case_id')
            .whereIn('case_history.step', ['answer', 'dissent', 'lapse']),
        ),
    )
}

/** Narrows cases to those that wait for this user: at a desk of the role they act in, or held by their organisation. */
export function waitingFor(query: Knex.QueryBuilder, user: User): Knex.QueryBuilder {
  const { scope } = user
  if (scope.level === 'organisation') return query.where({ 'cases.holder_id': scope.organisation_id })
  if (scope.level === 'none' || roles[user.role].staff === false) return query.whereRaw('1 = 0')
  return query.where({ 'cases.holder_role': user.role })
}

/** A case this user may see. @throws NotFound */
export async function findCase(db: Knex, user: User, id: number): Promise<Case> {
  const kase: Case | undefined = await visibleCases(db, user).where({ 'cases.id': id }).first('cases.*')
  if (!kase) throw new NotFound()
  return kase
}

/**
 * Whether a user who sees a case may read the papers handed in for it: offices, the applicant, and who has to answer. Who is only
 * informed learns of the case and not of what was handed in.
 */
export async function mayReadPapers(db: Knex, user: User, kase: Pick<Case, 'id' | 'applicant_id'>): Promise<boolean> {
  if (user.scope.level !== 'organisation' || user.organisation_id === kase.applicant_id) return true
  const party = await db('case_parties')
    .where({ case_id: kase.id, organisation_id: user.organisation_id })
    .whereNot({ role: 'informed' })
    .first('id')
  return party !== undefined
}

/** Whether one paper is kept from a user who may read the others: the kind says which are not for other organisations. */
export function isKeptBack(user: User, kase: Pick<Case, 'kind' | 'applicant_id'>, material: string): boolean {
  if (user.scope.level !== 'organisation' || user.organisation_id === kase.applicant_id) return false
  return findKind(kase.kind)?.keptBack?.includes(material) ?? false
}

/** A case this user may see, locked until the transaction ends. @throws NotFound */
export async function lockCase(trx: Knex.Transaction, user: User, id: number): Promise<Case> {
  await findCase(trx, user, id)
  const kase = await trx<Case>('cases').where({ id }).forUpdate().first()
  if (!kase) throw new NotFound()
  return kase
}

/** The 办理记录, oldest first. */
export async function historyOf(db: Knex, case_id: number): Promise<HistoryRow[]> {
  return await db<HistoryRow>('case_history').where({ case_id }).orderBy('sequence')
}

/** The items of a round of correction, the newest by default. */
export async function correctionsOf(db: Knex, kase: Pick<Case, 'id' | 'rounds'>, round = kase.rounds): Promise<Correction[]> {
  return await db<Correction>('case_corrections').where({ case_id: kase.id, round }).orderBy('id')
}

/** The desks that were asked, oldest first. */
export async function consultationsOf(db: Knex, case_id: number): Promise<Consultation[]> {
  return await db<Consultation>('case_consultations').where({ case_id }).orderBy('id')
}

/** The day a case is due, or nothing while no limit runs. */
export function dueOn({ due_on }: Pick<Case, 'due_on'>): string | undefined {
  return due_on === noDue ? undefined : due_on
}
