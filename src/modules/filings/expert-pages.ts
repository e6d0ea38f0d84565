import { Router } from 'express'

export const expertPages: Router = Router()
