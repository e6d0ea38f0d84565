import express from 'express'
import { allow } from '../http.ts'
import { postSearch, showSearch } from '../lists/everywhere.ts'
import { showHelp, showHelpPage } from './help.ts'
import { showHome } from './home.ts'

/** The pages of the shell itself: home and manual. Everything else mounts below the same prefix. */
export const desk = express.Router()

desk.get('/', allow(), showHome)
desk.get('/search', allow(), showSearch)
desk.post('/search', allow(), postSearch)
desk.get('/help', allow(), showHelp)
desk.get('/help/:page', allow(), showHelpPage)
