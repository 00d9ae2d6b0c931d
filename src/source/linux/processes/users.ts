// The names of users: from /etc/passwd, and where they come from elsewhere (LDAP, systemd), from the C library.

import { readFileSync, statSync } from 'node:fs'

/** Knows users by number. */
export interface UserNames {
  /** The name, as far as it is known by now. */
  of(uid: number): string | undefined
  /** Asks for names that are not known. It waits for a moment only: what comes later is there in the next snapshot. */
  learn(uids: Iterable<number>): Promise<void>
}

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
  try {
    return readPasswd(readFileSync(file, 'utf8'))
  } catch {
    return new Map() // There is no such file: a container without users.
  }
}

/** Makes the names that a source keeps. */
export function userNames(ask?: AskUser, file = '/etc/passwd'): UserNames {
  let names: ReadonlyMap<number, string> = new Map()
  let version = ''
  /** What the C library said; a number that nobody has is asked for once. */
  const asked = new Map<number, string | undefined>()

  function refresh(): void {
    try {
      const { ino, mtimeMs, size } = statSync(file)
      if (`${ino} ${mtimeMs} ${size}` === version) return
      version = `${ino} ${mtimeMs} ${size}`
      names = passwdUsers(file)
      asked.clear()
    } catch {
      names = new Map()
    }
  }

  return {
    of: uid => names.get(uid) ?? asked.get(uid),
    async learn(uids) {
      refresh()
      if (ask === undefined) return
      const questions: Promise<void>[] = []
      for (const uid of uids) {
        if (names.has(uid) || asked.has(uid) || asked.size >= maxNames) continue
        asked.set(uid, undefined)
        questions.push(
          ask(uid).then(
            name => void asked.set(uid, name),
            () => undefined,
          ),
        )
      }
      if (questions.length > 0) await Promise.race([Promise.all(questions), wait()])
    },
  }
}

const wait = async (): Promise<void> =>
  new Promise(resolve => {
    setTimeout(resolve, maxWaitMs)
  })
