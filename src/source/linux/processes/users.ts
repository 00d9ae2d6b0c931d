// The names of users: from /etc/passwd, and where they come from elsewhere (LDAP, systemd), from the C library.

import { statSync } from 'node:fs'
import { attempt } from '../../attempt.ts'
import { readText } from '../kernel/files.ts'

/** Asks the C library, which may ask the network. */
export type AskUser = (uid: number) => Promise<string | undefined>

const maxWaitMs = 100
const maxNames = 10_000

/** The lines of a passwd file, by number. */
export function readPasswd(text: string): Map<number, string> {
  const found = new Map<number, string>()
  for (const line of text.split('\n')) {
    const [name, , uid] = line.split(':')
    // The first line of a number counts, as in the C library.
    if (name && uid && /^\d{1,10}$/.test(uid) && !found.has(Number(uid))) found.set(Number(uid), name)
  }
  return found
}

/** The users of this machine that stand in /etc/passwd. */
export function passwdUsers(file = '/etc/passwd'): ReadonlyMap<number, string> {
  return readPasswd(readText(file) ?? '') // A container without users has no such file.
}

/** The names of users by number. A source keeps one. */
export class UserNames {
  readonly #ask: AskUser | undefined
  readonly #file: string
  /** The users of the file. */
  #listed: ReadonlyMap<number, string> = new Map()
  /** What distinguishes one version of the file from the next. */
  #version = ''
  /** The answers of the C library; a number that nobody has is asked for once. */
  readonly #asked = new Map<number, string | undefined>()

  /** Reads this file, and asks for what is not in it. */
  constructor(ask?: AskUser, file = '/etc/passwd') {
    this.#ask = ask
    this.#file = file
  }

  /** The name, as far as it is known by now. */
  of(uid: number): string | undefined {
    return this.#listed.get(uid) ?? this.#asked.get(uid)
  }

  /** Asks for names that are not known. It waits for a moment only: what comes later is there in the next snapshot. */
  async learn(uids: Iterable<number>): Promise<void> {
    this.#refresh()
    const questions: Promise<void>[] = []
    for (const uid of uids) {
      if (this.#ask === undefined || this.#listed.has(uid) || this.#asked.has(uid) || this.#asked.size >= maxNames) continue
      this.#asked.set(uid, undefined)
      questions.push(
        this.#ask(uid).then(
          name => void this.#asked.set(uid, name),
          () => undefined,
        ),
      )
    }
    if (questions.length > 0) await Promise.race([Promise.all(questions), wait()])
  }

  #refresh(): void {
    const stat = attempt(() => statSync(this.#file))
    const version = stat ? `${stat.ino} ${stat.mtimeMs} ${stat.size}` : 'none'
    if (version === this.#version) return
    this.#version = version
    this.#listed = passwdUsers(this.#file)
    this.#asked.clear()
  }
}

const wait = async (): Promise<void> =>
  new Promise(resolve => {
    setTimeout(resolve, maxWaitMs)
  })
