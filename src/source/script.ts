// The script that an interpreter runs, from its command line: `app.js` of `node --inspect app.js`. Pure; the arguments can be anything.
// Code that is part of the command line itself (`-e`, `-c`) is not a script: it can be long and can contain secrets.

/** How a family of interpreters reads its command line. */
interface Interpreter {
  readonly names: RegExp
  /** Options that take the next argument. */
  readonly takes: ReadonlySet<string>
  /** Options after which there is no script: the program is in the command line, or comes from elsewhere. */
  readonly ends: ReadonlySet<string>
  /** Options that name what runs and are part of the result: `-m http.server`. */
  readonly runs?: ReadonlySet<string>
  /** Options after which the next argument is the script: `-jar app.jar`. */
  readonly script?: ReadonlySet<string>
  /** Subcommands before the script: `deno run`. */
  readonly verbs?: ReadonlySet<string>
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '))

const interpreters: readonly Interpreter[] = [
  {
    names: /^(node|nodejs|iojs)(-?\d[\d.]*)?$/,
    takes: words(
      '-r --require --import --loader --experimental-loader -C --conditions --title --icu-data-dir --openssl-config --stack-trace-limit',
    ),
    ends: words('-e --eval -p --print -pe -i --interactive --test --run -h --help -v --version'),
  },
  {
    names: /^(bun|deno)$/,
    takes: words('-r --preload --import-map --config -c --cert --env-file --lock --location --seed --cwd --filter -L --log-level'),
    ends: words('-e --eval -p --print eval repl -h --help -v --version'),
    verbs: words('run serve test bench task x'),
  },
  {
    names: /^(python|pypy)(\d[\d.]*)?w?$/,
    takes: words('-W -X -Q --check-hash-based-pycs'),
    ends: words('-c -h --help -V --version'),
    runs: words('-m'),
  },
  { names: /^j?ruby(\d[\d.]*)?$/, takes: words('-r -I -C -E -F -K -T -W'), ends: words('-e -h --help -v --version'), script: words('-S') },
  { names: /^perl(\d[\d.]*)?$/, takes: words('-I'), ends: words('-e -E -v -h') },
  { names: /^php(-cgi|-fpm)?(\d[\d.]*)?$/, takes: words('-c -d -z -S -t'), ends: words('-r -B -R -a -i -v'), script: words('-f -F') },
  {
    names: /^(bash|sh|dash|ash|zsh|ksh|mksh|fish)$/,
    takes: words('-o +o -O +O --rcfile --init-file'),
    ends: words('-c -s -lc -ic -ec -xc -exc -cx'),
  },
  {
    names: /^javaw?$/,
    takes: words(
      '-cp -classpath --class-path -p --module-path --upgrade-module-path --add-modules --add-exports --add-opens --add-reads -splash',
    ),
    ends: words('-version --version -h -help --help'),
    script: words('-jar'),
    runs: words('-m --module'),
  },
  {
    names: /^dotnet$/,
    takes: words('--additionalprobingpath --depsfile --runtimeconfig --fx-version'),
    ends: words('--info --version'),
    verbs: words('exec'),
  },
  { names: /^(lua(jit)?|tclsh|wish|guile|groovy|julia|elixir|escript)(\d[\d.]*)?$/, takes: words('-l'), ends: words('-e -E -v -i') },
  { names: /^(Rscript|osascript|cscript|wscript)$/, takes: words('-l'), ends: words('-e') },
  {
    names: /^(powershell|pwsh)$/i,
    takes: words('-ExecutionPolicy -WorkingDirectory'),
    ends: words('-Command -c -EncodedCommand'),
    script: words('-File -f'),
  },
]

const maxLength = 4096

const baseName = (path: string): string => (path.split(/[/\\]/).at(-1) ?? '').replace(/\.exe$/i, '')

const interpreterOf = (path: string | undefined): Interpreter | undefined => {
  const name = path === undefined ? '' : baseName(path)
  return interpreters.find(i => i.names.test(name))
}

/** The script that an interpreter runs; undefined for any other program. `exe` is the executable file, where it is known. */
export function scriptOf(exe: string | undefined, command: readonly string[] | undefined): string | undefined {
  if (command === undefined || command.length < 2) return undefined
  const found = interpreterOf(exe) ?? interpreterOf(command[0])
  const script = found && find(found, command)
  return script === undefined || script === '' || script.length > maxLength ? undefined : script
}

function find(interpreter: Interpreter, command: readonly string[]): string | undefined {
  const { takes, ends, runs, script, verbs } = interpreter
  let isVerbAllowed = verbs !== undefined
  for (let i = 1; i < command.length; i++) {
    const word = command[i]!
    if (word === '--') return command[i + 1]
    if (ends.has(word)) return undefined
    if (script?.has(word)) return command[i + 1]
    const run = runOf(word, runs)
    if (run) return command[i + 1] === undefined ? undefined : `${run} ${command[i + 1]}`
    if (takes.has(word)) i++
    else if (isVerbAllowed && verbs!.has(word)) isVerbAllowed = false
    else if (word === '-') return undefined // The program is read from standard input.
    else if (!word.startsWith('-') && !(word.startsWith('+') && takes.has('+o'))) return word
  }
  return undefined
}

/** `-m`, also at the end of combined letters: `-um`. */
function runOf(word: string, runs: ReadonlySet<string> | undefined): string | undefined {
  if (runs === undefined) return undefined
  if (runs.has(word)) return word
  return runs.has('-m') && /^-[a-zA-Z]{1,8}m$/.test(word) && !runs.has('--module') ? '-m' : undefined
}
