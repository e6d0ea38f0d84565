import express from 'express'
import { catalogueFor, isPublic, tellKind, wordUnder } from '../cases/catalogue.ts'
import { kindAt } from '../cases/catalogue-routes.ts'
import { db } from '../db.ts'
import { NotFound } from '../errors.ts'

/** 办事指南: the catalogue for everybody, in plain words and without counts. */
export const guides = express.Router()

const cacheable = 'public, max-age=60'

guides.get('/guides', async (_req, res) => {
  const groups = await catalogueFor(db, { only: isPublic })
  res.set('Cache-Control', cacheable).render('site/guides', { groups })
})

guides.get('/guides/:kind', async (req, res) => {
  const { kind, variant } = kindAt(req)
  if (!isPublic(kind)) throw new NotFound('这个事项由主管部门依职权办理，没有办事指南。')
  const told = await tellKind(db, kind, variant, wordUnder)
  res.set('Cache-Control', cacheable).render('site/guide', { ...told })
})
