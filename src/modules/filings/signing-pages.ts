import { Router } from 'express'

export const signingPages: Router = Router()
