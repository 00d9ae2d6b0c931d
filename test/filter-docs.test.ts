// docs/fields.md matches the declarations; docs/filters.md has every word for states, and its examples are filters.
import { test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fieldUnit } from '../src/cli/topics.ts'
import { standardFields } from '../src/fields/standard.ts'
import { parseFilter } from '../src/filter/language/parse.ts'
import { stateWords } from '../src/filter/language/states.ts'
import { expectedWords } from '../src/filter/language/words.ts'
import { fieldsPage } from '../tools/fields.ts'

const page = readFileSync('docs/filters.md', 'utf8')
const table = readFileSync('docs/fields.md', 'utf8')

test('the page of fields is current', () => {
  equal(table, fieldsPage(standardFields), 'run node tools/fields.ts')
})

test('every field is on the page, with its unit and meaning', () => {
  for (const field of standardFields.all) {
    const names = field.names.map(name => `\`${name}\``).join(' ')
    const lines = table.split('\n').filter(text => text.startsWith(`| ${names} | ${fieldUnit(field)} | `))
    ok(
      lines.some(line => line.includes(field.about)),
      `${field.subject} ${field.id}`,
    )
  }
  deepEqual(
    Object.keys(stateWords).filter(word => !page.includes(word)),
    [],
  )
})

test('no two fields of a subject have the same name', () => {
  for (const subject of ['socket', 'process', 'flow', 'health'] as const) {
    const names = standardFields
      .of(subject)
      .flatMap(field => field.names)
      .map(name => name.toLowerCase())
    deepEqual(
      names.filter((name, i) => names.indexOf(name) !== i),
      [],
      subject,
    )
  }
})

test('every example on the page is a filter', () => {
  const examples = [...page.matchAll(/^sockscope (?:-tan )?(.+)$/gm)].map(([, line]) => line!.replaceAll("'", ''))
  ok(examples.length >= 5)
  for (const text of examples) parseFilter(text)
  // Every expected word can start a condition: alone, or with a value.
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
