// Builds public/icons.svg: the one sprite all pages draw from. Run `npm run icons` after adding a name; the result is committed.
import fs from 'node:fs'
import path from 'node:path'

const root = path.join(import.meta.dirname, '../..')
const source = path.join(root, 'node_modules/@tabler/icons')

// One meaning each. A name ending in -filled is taken from the filled set.
const names = `
  activity address-book adjustments alert-circle alert-triangle archive arrow-back-up arrow-down arrow-left arrow-right arrow-up award
  ban bell book bookmark building building-bank building-community building-skyscraper
  calendar calendar-event certificate chart-bar check checklist chevron-down chevron-left chevron-right circle circle-check circle-x
  clipboard-list clock columns-3 copy database-off device-floppy device-laptop dots download
  edit external-link eye eye-off file-certificate file-text file-type-pdf filter git-compare
  help history home hourglass id inbox info-circle key link list-details lock lock-open login logout
  mail map map-pin maximize menu-2 message-report minus news pencil phone photo player-pause player-play plus printer qrcode question-mark
  refresh report-search rubber-stamp scale search selector settings shield-check shield-lock sitemap speakerphone square-rotated-filled star
  switch-horizontal table tools trash upload user-circle user-cog user-off user-plus users users-group world x zoom-question
`
  .trim()
  .split(/\s+/)

// Our own sign: a roof over three springs.
const mark =
  '<symbol id="mark" viewBox="0 0 32 32" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round"><path d="M3 13.5 16 4l13 9.5"/><path d="M9.5 23v-5M16 23v-9.5M22.5 23v-5"/><path d="M4 28c2 0 2-1.6 4-1.6s2 1.6 4 1.6 2-1.6 4-1.6 2 1.6 4 1.6 2-1.6 4-1.6 2 1.6 4 1.6"/></symbol>'

function symbolOf(name) {
  const filled = name.endsWith('-filled')
  const file = path.join(source, 'icons', filled ? 'filled' : 'outline', `${name.replace(/-filled$/, '')}.svg`)
  const [, drawing] = /<svg[^>]*>([\s\S]*)<\/svg>/.exec(fs.readFileSync(file, 'utf8'))
  const paths = drawing
    .replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*\/>/, '')
    .replace(/\s+/g, ' ')
    .trim()
  const look = filled
    ? 'fill="currentColor" stroke="none"'
    : 'fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round"'
  return `<symbol id="${name}" viewBox="0 0 24 24" ${look}>${paths}</symbol>`
}

const { version } = JSON.parse(fs.readFileSync(path.join(source, 'package.json'), 'utf8'))
const sprite = ['<svg xmlns="http://www.w3.org/2000/svg"><title>图标</title>', mark, ...names.map(symbolOf), '</svg>', ''].join(
  '\n',
)
fs.writeFileSync(path.join(root, 'public/icons.svg'), sprite)
fs.writeFileSync(
  path.join(root, 'public/icons.LICENSE.txt'),
  `icons.svg is built by src/setup/icons.mjs. The symbol "mark" is our own, under the licence of this project;\nall others are from @tabler/icons ${version} under the licence below.\n\n${fs.readFileSync(path.join(source, 'LICENSE'), 'utf8')}`,
)
console.log(`public/icons.svg: ${names.length + 1} symbols, ${Math.round(sprite.length / 1024)} KB`)
