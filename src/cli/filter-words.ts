// The words after the options: `state` and `exclude` at the front as ss takes them, the rest is the filter.

import type { State } from '../model/socket.ts'
import { states as everyState } from '../model/socket.ts'
import { nearest } from '../filter/nearest.ts'
import { stateSpellings, stateWord, stateWords } from '../filter/states.ts'
import { UsageError } from './problem.ts'

/** The states that the words start with, and the text of the filter behind them. */
export function splitStates(words: readonly string[]): { readonly states: readonly State[] | undefined; readonly filter: string } {
  let at = 0
  let chosen: Set<State> | undefined
  while (words[at] === 'state' || words[at] === 'exclude' || words[at] === 'excl') {
    const named = statesOf(words[at]!, words[at + 1])
    if (words[at] === 'state') chosen = new Set([...(chosen ?? []), ...named])
    else chosen = new Set([...(chosen ?? everyState)].filter(s => !named.includes(s)))
    at += 2
  }
  return { states: chosen && [...chosen], filter: words.slice(at).join(' ') }
}

function statesOf(before: string, word: string | undefined): readonly State[] {
  const name = word === undefined ? undefined : stateWord(word)
  if (name !== undefined) return stateWords[name]!
  const hint = word === undefined ? undefined : nearest(word, stateSpellings)
  throw new UsageError(`${before} ${word ?? ''}: ${hint ? `did you mean ${hint}?` : `needs a state: ${stateSpellings.join(', ')}`}`)
}
