import express, { type Request, type Response } from 'express'
import { now } from '../clock.ts'
import { db } from '../db.ts'
import { latestDecisions } from './decisions.ts'

/** The public pages. They know no session, so any cache may keep them for a minute. */
export const site = express.Router()

const cacheable = 'public, max-age=60'

site.get('/', async (_req, res) => {
  res.set('Cache-Control', cacheable).render('site/home', { figures: await figuresNow(), decisions: await latestDecisions(db) })
})

for (const page of ['privacy', 'accessibility', 'sitemap'])
  site.get(`/${page}`, (_req: Request, res: Response) => {
    res.set('Cache-Control', cacheable).render(`site/${page}`)
  })

interface Figures {
  projects: number
  /** Square metres, two digits. */
  area: string
  companies: number
  committees: number
  counted_at: Date
}

let counted: Figures | undefined

/** 全市物业服务概况, counted from the archives at most once a minute. */
async function figuresNow(): Promise<Figures> {
  if (counted && Math.abs(now().getTime() - counted.counted_at.getTime()) < 60_000) return counted
  const [projects, companies, committees] = await Promise.all([
    db('projects').count({ n: '*' }).sum({ area: 'floor_area' }).first(),
    db('companies')
      .join('organisations', 'organisations.id', 'companies.id')
      .where({ 'organisations.status': 'active' })
      .count({ n: '*' })
      .first(),
    db('committees').whereNull('cancelled_on').count({ n: '*' }).first(),
  ])
  counted = {
    projects: Number(projects?.n ?? 0),
    area: String(projects?.area ?? 0),
    companies: Number(companies?.n ?? 0),
    committees: Number(committees?.n ?? 0),
    counted_at: now(),
  }
  return counted
}
