import { Router } from 'express'

export const tenderPages: Router = Router()
