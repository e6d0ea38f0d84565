import express from 'express'
import { allow } from '../http.ts'
import { showHelp, showHelpPage } from './help.ts'
import { showHome } from './home.ts'

/** The pages of the shell itself: home and manual. Everything else mounts below the same prefix. */
export const desk = express.Router()

desk.get('/', allow(), showHome)
desk.get('/help', allow(), showHelp)
desk.get('/help/:page', allow(), showHelpPage)
