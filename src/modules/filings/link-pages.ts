import { Router } from 'express'

export const linkPages: Router = Router()
