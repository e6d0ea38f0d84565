import express, { type Request } from 'express'
import { roles } from '../accounts/roles.ts'
import { now } from '../clock.ts'
import { db } from '../db.ts'
import { NotFound } from '../errors.ts'
import { allow, currentUser, queryText } from '../http.ts'
import { catalogueFor, countsOf, countUnder, elsewhere, openByKind, tellKind } from './catalogue.ts'
import { whyNotBegun } from './drafts.ts'
import { findKind, isExOfficio, type Kind, variantsOf } from './kind.ts'
import { caseReaders } from './roles.ts'

/** 事项目录: `/desk/kinds`. */
export const catalogue = express.Router()

catalogue.get('/', allow(...caseReaders), async (_req, res) => {
  const user = currentUser(res)
  const [groups, open] = await Promise.all([catalogueFor(db, { role: user.role }), openByKind(db, user)])
  res.render('cases/catalogue', { groups, open, staff: roles[user.role].staff })
})

catalogue.get('/:kind', allow(...caseReaders), async (req, res) => {
  const user = currentUser(res)
  const { kind, variant } = kindAt(req)
  const { staff } = roles[user.role]
  const starts = kind.startedBy.includes(user.role)
  const counts = await countsOf(db, user, kind, variant)
  const told = await tellKind(db, kind, variant, () => countUnder(counts, kind, staff))
  res.render('cases/kind', {
    ...told,
    counts,
    elsewhere: elsewhere(counts, told.rules),
    counted_at: now(),
    exOfficio: isExOfficio(kind),
    starts,
    refused: starts && !told.suspended ? await whyNotBegun(db, user, kind) : undefined,
    sets: user.role === 'business-admin' || user.role === 'supervisor',
  })
})

/** The kind and variant in an address; without a choice, the first variant. @throws NotFound */
export function kindAt(req: Request): { kind: Kind; variant: string } {
  const { kind: code } = req.params
  const kind = typeof code === 'string' ? findKind(code) : undefined
  if (!kind) throw new NotFound('没有这个事项，请从事项目录里选。')
  const known = Object.keys(variantsOf(kind))
  const variant = queryText(req, 'variant') || known[0] || ''
  if (!known.includes(variant)) throw new NotFound('这个事项没有这一类，请从事项目录里选。')
  return { kind, variant }
}
