import { Router } from 'express'

export const boardPages: Router = Router()
