// docs/filters.md names every word, with its unit.
import { test } from 'node:test'
import { deepEqual, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { numberFields } from '../src/filter/numbers.ts'
import { parseFilter } from '../src/filter/language/parse.ts'
import { stateWords } from '../src/filter/language/states.ts'
import { textFields } from '../src/filter/texts.ts'
import { expectedWords } from '../src/filter/language/words.ts'

const page = readFileSync('docs/filters.md', 'utf8')
const units = { count: '', port: 'port', time: 'time', bytes: 'size', rate: 'rate', percent: '%' } as const

test('every word is on the page', () => {
  const has = (names: readonly string[], more: string): boolean =>
    page.includes(`| ${names.map(name => `\`${name}\``).join(' ')} | ${more}`)
  deepEqual(
    numberFields()
      .filter(field => !has(field.names, `${units[field.unit]} | ${field.about}`))
      .map(field => field.names[0]),
    [],
  )
  deepEqual(
    textFields()
      .filter(field => !has(field.names, field.about))
      .map(field => field.names[0]),
    [],
  )
  deepEqual(
    Object.keys(stateWords).filter(word => !page.includes(word)),
    [],
  )
})

test('no two words have the same name', () => {
  const names = [...numberFields(), ...textFields()].flatMap(field => field.names).map(name => name.toLowerCase())
  deepEqual(
    names.filter((name, i) => names.indexOf(name) !== i),
    [],
  )
})

test('every example on the page is a filter', () => {
  const examples = [...page.matchAll(/^sockscope (?:-tan )?(.+)$/gm)].map(([, line]) => line!.replaceAll("'", ''))
  ok(examples.length >= 5)
  for (const text of examples) parseFilter(text)
  // Every word that is expected can start a condition: alone, or with a value.
  for (const word of expectedWords().filter(name => name !== 'not')) {
    const values = ['', ' 1', ' 1ms', ' 1%', ' open', ' all', ' tcp', ' ipv4', ' none', ' keepalive', ' x']
    ok(
      values.some(value => {
        try {
          parseFilter(`${word}${value}`)
          return true
        } catch {
          return false
        }
      }),
      word,
    )
  }
})
