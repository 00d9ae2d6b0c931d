// Which sockets a command line selects: by its letters, the states at its start as in ss, and its filter.

import { readFileSync } from 'node:fs'
import { needs } from '../filter/needs.ts'
import { nearest } from '../model/nearest.ts'
import { parseFilter } from '../filter/language/parse.ts'
import type { Query } from '../filter/plan.ts'
import { stateSpellings, stateWord, stateWords } from '../filter/language/states.ts'
import type { Filter } from '../filter/language/tree.ts'
import { states as everyState, type State } from '../model/socket.ts'
import { servicePort } from '../names/services.ts'
import { OsError } from '../model/errors.ts'
import { systemText, UsageError } from './problem.ts'
import { addressFamily, namespacesOf, select, type Selection } from './select.ts'
import type { ParsedArguments } from './table.ts'

/** The states at the start of a command line, and the filter after them. */
export interface Words {
  readonly states: readonly State[] | undefined
  readonly filter: Filter | undefined
}

/** Every state in the sense of ss: sockets that are only bound have their own word and letter. */
const ssStates: readonly State[] = everyState.filter(state => state !== 'BOUND')

/** Reads the words of a line, and the file of `-F`. */
export function wordsOf(args: ParsedArguments): Words {
  const words = args.has('filter') ? [...args.words, fileText(args.value('filter')!)] : args.words
  let at = 0
  let chosen: Set<State> | undefined
  while (words[at] === 'state' || words[at] === 'exclude' || words[at] === 'excl') {
    const named = statesOf(words[at]!, words[at + 1])
    if (words[at] === 'state') chosen = new Set([...(chosen ?? []), ...named])
    else chosen = new Set([...(chosen ?? ssStates)].filter(s => !named.includes(s)))
    at += 2
  }
  // A filter of a single `:3000` is a port, as for the commands that take ports.
  const text = words
    .slice(at)
    .join(' ')
    .replace(/^:(?=\d[\d,-]*$)/, 'port ')
  return {
    states: chosen && [...chosen],
    filter: text === '' ? undefined : parseFilter(text, { family: addressFamily(args), service: servicePort }),
  }
}

/** The query for a source; `test` is the part that a query cannot express. */
export function requestedBy(args: ParsedArguments): { readonly query: Query; readonly test: Selection['test'] } {
  const { states, filter } = wordsOf(args)
  const selection = select(args, states, filter && needs(filter))
  const query: Query = {
    protocols: selection.protocols,
    ...(selection.families && { families: selection.families }),
    ...(selection.states && { states: selection.states }),
    ...(filter && { filter }),
    namespaces: namespacesOf(args),
  }
  return { query, test: selection.test }
}

/** The text of a filter in a file; `-` is the standard input. */
function fileText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8').trim()
  } catch (error) {
    throw new UsageError(`--filter: ${systemText(new OsError(`open ${file}`, (error as NodeJS.ErrnoException).code ?? 'EUNKNOWN'))}`)
  }
}

function statesOf(before: string, word: string | undefined): readonly State[] {
  const name = word === undefined ? undefined : stateWord(word)
  if (name === 'all' || name === 'big') return stateWords[name]!.filter(state => ssStates.includes(state))
  if (name !== undefined) return stateWords[name]!
  const hint = word === undefined ? undefined : nearest(word, stateSpellings)
  throw new UsageError(`${before} ${word ?? ''}: ${hint ? `did you mean ${hint}?` : `expected a state: ${stateSpellings.join(', ')}`}`)
}
