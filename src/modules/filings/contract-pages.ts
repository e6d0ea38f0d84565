import { Router } from 'express'

export const contractPages: Router = Router()
