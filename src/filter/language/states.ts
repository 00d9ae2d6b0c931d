// The words for states: those of the model, those of ss, and its groups.

import { states, type State } from '../../model/socket.ts'
import type { StateFilter } from './tree.ts'

// ss uses both "unconnected" and "closed" for a socket without a connection.
const closed: readonly State[] = ['CLOSED', 'UNCONNECTED', 'DELETE_TCB']
const bound: readonly State[] = ['BOUND']
const without = (...excluded: readonly State[]): readonly State[] => states.filter(state => !excluded.includes(state))

/** Each word for states, as it is printed, with its states. */
export const stateWords: Readonly<Record<string, readonly State[]>> = {
  established: ['ESTABLISHED'],
  'syn-sent': ['SYN_SENT'],
  'syn-recv': ['SYN_RECEIVED'],
  'fin-wait-1': ['FIN_WAIT_1'],
  'fin-wait-2': ['FIN_WAIT_2'],
  'time-wait': ['TIME_WAIT'],
  closed,
  'close-wait': ['CLOSE_WAIT'],
  'last-ack': ['LAST_ACK'],
  listening: ['LISTEN'],
  closing: ['CLOSING'],
  'bound-inactive': bound,
  connecting: ['CONNECTING'],
  disconnecting: ['DISCONNECTING'],
  'delete-tcb': ['DELETE_TCB'],
  all: states,
  connected: without('LISTEN', ...closed, ...bound),
  synchronized: without('LISTEN', ...closed, ...bound, 'SYN_SENT'),
  bucket: ['SYN_RECEIVED', 'TIME_WAIT'],
  big: without('SYN_RECEIVED', 'TIME_WAIT'),
}

const others: Readonly<Record<string, string>> = {
  estab: 'established',
  'syn-rcv': 'syn-recv',
  'syn-received': 'syn-recv',
  'fin-wait1': 'fin-wait-1',
  'fin-wait2': 'fin-wait-2',
  timewait: 'time-wait',
  close: 'closed',
  unconnected: 'closed',
  unconn: 'closed',
  listen: 'listening',
  bound: 'bound-inactive',
}

/** Every spelling of every word for states. */
export const stateSpellings: readonly string[] = [...Object.keys(stateWords), ...Object.keys(others)]

/** The word as it is printed, for any spelling of it: `ESTABLISHED`, `fin_wait_1`, `listen`. */
export function stateWord(text: string): string | undefined {
  const name = text.toLowerCase().replaceAll('_', '-')
  const word = Object.hasOwn(others, name) ? others[name]! : name
  return Object.hasOwn(stateWords, word) ? word : undefined
}

/** The states that match a filter over states. */
export function statesOf(filter: StateFilter): ReadonlySet<State> {
  const set = new Set<State>(filter.steps[0]?.exclude === true ? states : [])
  for (const { word, exclude } of filter.steps)
    for (const state of stateWords[word] ?? []) {
      if (exclude) set.delete(state)
      else set.add(state)
    }
  return set
}
