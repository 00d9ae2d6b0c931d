// Regular expressions in linear time: an expression is a set of positions in a small program, and a text advances all of them at
// once, so the time is at most text × program, whatever the expression. Back references and lookaround are not supported.

/** The limits of an expression and of the text that it is matched against; only the beginning of a longer text is examined. */
export const regexLimits = { source: 500, steps: 1000, subject: 1024 } as const

type CharTest = (char: string) => boolean
type Step =
  | { readonly do: 'char'; readonly test: CharTest }
  | { readonly do: 'fork'; readonly to: readonly number[] }
  | { readonly do: 'start' | 'end' | 'edge' | 'inside' }

type Node =
  | { readonly is: 'step'; readonly step: Step }
  | { readonly is: 'sequence'; readonly nodes: readonly Node[] }
  | { readonly is: 'choice'; readonly nodes: readonly Node[] }
  | { readonly is: 'repeat'; readonly node: Node; readonly min: number; readonly max: number }

/** A test for one expression; a string states what is wrong with it. */
export function compileRegex(source: string, ignoreCase: boolean): ((text: string) => boolean) | string {
  if (source.length > regexLimits.source) return `a regular expression has at most ${regexLimits.source} characters`
  try {
    const reader: Reader = { source, at: 0, depth: 0, ignoreCase }
    const node = readChoice(reader)
    if (reader.at < source.length) throw new SyntaxError('unmatched closing parenthesis')
    const steps: Step[] = []
    emit(node, { steps, work: 0 })
    return runner(steps)
  } catch (error) {
    if (error instanceof SyntaxError) return error.message
    throw error
  }
}

interface Reader {
  readonly source: string
  readonly ignoreCase: boolean
  at: number
  depth: number
}

function readChoice(r: Reader): Node {
  const nodes = [readSequence(r)]
  while (r.source[r.at] === '|') {
    r.at++
    nodes.push(readSequence(r))
  }
  return nodes.length === 1 ? nodes[0]! : { is: 'choice', nodes }
}

function readSequence(r: Reader): Node {
  const nodes: Node[] = []
  while (r.at < r.source.length && r.source[r.at] !== '|' && r.source[r.at] !== ')') nodes.push(readRepeat(r))
  return { is: 'sequence', nodes }
}

const counts: Readonly<Record<string, readonly [number, number]>> = { '*': [0, Infinity], '+': [1, Infinity], '?': [0, 1] }

function readRepeat(r: Reader): Node {
  const node = readAtom(r)
  const braces = /^\{(\d{1,3})(,(\d{1,3})?)?\}/.exec(r.source.slice(r.at, r.at + 10))
  const simple = counts[r.source[r.at] ?? '']
  if (braces === null && simple === undefined) return node
  r.at += braces === null ? 1 : braces[0].length
  // A lazy repetition matches the same texts.
  if (r.source[r.at] === '?') r.at++
  if (/[*+?]/.test(r.source[r.at] ?? '')) throw new SyntaxError('nothing to repeat')
  const min = Number(braces?.[1])
  const [from, to] = simple ?? [min, braces![2] === undefined ? min : braces![3] === undefined ? Infinity : Number(braces![3])]
  if (to < from) throw new SyntaxError('a repetition ends before it starts')
  return { is: 'repeat', node, min: from, max: to }
}

const step = (s: Step): Node => ({ is: 'step', step: s })
const char = (test: CharTest): Node => step({ do: 'char', test })

function readAtom(r: Reader): Node {
  const c = r.source[r.at++]!
  if (c === '(') return readGroup(r)
  if (c === '[') return char(readClass(r))
  if (c === '.') return char(other => other !== '\n')
  if (c === '^') return step({ do: 'start' })
  if (c === '$') return step({ do: 'end' })
  if (c === '*' || c === '+' || c === '?') throw new SyntaxError('nothing to repeat')
  if (c === '\\' && (r.source[r.at] === 'b' || r.source[r.at] === 'B')) return step({ do: r.source[r.at++] === 'b' ? 'edge' : 'inside' })
  return char(fold(c === '\\' ? readEscape(r) : other => other === c, r.ignoreCase))
}

function readGroup(r: Reader): Node {
  if (r.source.startsWith('?:', r.at)) r.at += 2
  else if (r.source[r.at] === '?') throw new SyntaxError('lookaround and named groups are not supported in filters')
  if (++r.depth > 50) throw new SyntaxError('the groups are nested too deeply')
  const node = readChoice(r)
  if (r.source[r.at++] !== ')') throw new SyntaxError('unmatched opening parenthesis')
  r.depth--
  return node
}

const isWord = (c: string | undefined): boolean => c !== undefined && /\w/.test(c)
const classes: Readonly<Record<string, CharTest>> = {
  d: c => c >= '0' && c <= '9',
  w: isWord,
  s: c => /\s/.test(c),
}
const controls: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', 0: '\0' }

// What follows a backslash: a class or one character.
function readEscape(r: Reader): CharTest {
  const c = r.source[r.at++]
  if (c === undefined) throw new SyntaxError('a trailing backslash has no meaning')
  const lower = c.toLowerCase()
  const of = classes[lower]
  if (of !== undefined) return c === lower ? of : other => !of(other)
  const code = /^(?:x([0-9a-f]{2})|u([0-9a-f]{4}))/i.exec(r.source.slice(r.at - 1, r.at + 4))
  if (code !== null) {
    r.at += code[0].length - 1
    const literal = String.fromCharCode(parseInt(code[1] ?? code[2]!, 16))
    return other => other === literal
  }
  if (/[1-9]/.test(c)) throw new SyntaxError('back references are not supported in filters')
  const literal = controls[c] ?? c
  if (controls[c] === undefined && /[a-z]/i.test(c)) throw new SyntaxError(`\\${c} has no meaning`)
  return other => other === literal
}

function readClass(r: Reader): CharTest {
  const not = r.source[r.at] === '^'
  if (not) r.at++
  const tests: CharTest[] = []
  for (;;) {
    const c = r.source[r.at++]
    if (c === undefined) throw new SyntaxError('unmatched opening bracket')
    if (c === ']') break
    const last = r.source[r.at + 1]
    if (c !== '\\' && r.source[r.at] === '-' && last !== undefined && last !== ']' && last !== '\\') {
      r.at += 2
      if (last < c) throw new SyntaxError('a range ends before it starts')
      tests.push(other => other >= c && other <= last)
    } else tests.push(c === '\\' ? readEscape(r) : other => other === c)
  }
  // Letters are folded before the class is inverted: /[^a]/i does not match A.
  const one = fold(other => tests.some(test => test(other)), r.ignoreCase)
  return other => one(other) !== not
}

const fold = (test: CharTest, ignoreCase: boolean): CharTest =>
  ignoreCase ? c => test(c) || test(c.toLowerCase()) || test(c.toUpperCase()) : test

interface Program {
  readonly steps: Step[]
  /** Counts what was emitted: an empty group, repeated often enough, takes time too. */
  work: number
}

// Emits a program that continues with what follows it. Counted repetitions are written out.
function emit(node: Node, program: Program): void {
  const { steps } = program
  if (++program.work > regexLimits.steps * 4 || steps.length > regexLimits.steps) throw new SyntaxError('too many repetitions')
  if (node.is === 'step') steps.push(node.step)
  else if (node.is === 'sequence') for (const part of node.nodes) emit(part, program)
  else if (node.is === 'choice') emitChoice(node.nodes, program)
  else {
    for (let i = 0; i < node.min; i++) emit(node.node, program)
    const isUnbounded = node.max === Infinity
    for (let i = isUnbounded ? 0 : node.min; i < (isUnbounded ? 1 : node.max); i++) {
      const from = steps.push({ do: 'fork', to: [] }) - 1
      emit(node.node, program)
      if (isUnbounded) steps.push({ do: 'fork', to: [from] })
      steps[from] = { do: 'fork', to: [from + 1, steps.length] }
    }
  }
}

function emitChoice(nodes: readonly Node[], program: Program): void {
  const { steps } = program
  const fork = steps.push({ do: 'fork', to: [] }) - 1
  const starts: number[] = []
  const ends: number[] = []
  for (const node of nodes) {
    starts.push(steps.length)
    emit(node, program)
    ends.push(steps.push({ do: 'fork', to: [] }) - 1)
  }
  steps[fork] = { do: 'fork', to: starts }
  for (const end of ends) steps[end] = { do: 'fork', to: [steps.length] }
}

function runner(steps: readonly Step[]): (text: string) => boolean {
  return subject => {
    const text = subject.length > regexLimits.subject ? subject.slice(0, regexLimits.subject) : subject
    // When a position was last reached, so that it is followed only once for each character.
    const seen = new Int32Array(steps.length + 1).fill(-1)
    let now: number[] = []
    for (let at = 0; at <= text.length; at++) {
      // The expression may match anywhere: its start is added before each character.
      if (follow(steps, [...now, 0], seen, at, text, (now = []))) return true
      const next: number[] = []
      for (const place of now) {
        const one = steps[place] as { readonly test: CharTest }
        if (at < text.length && one.test(text[at]!)) next.push(place + 1)
      }
      now = next
    }
    return false
  }
}

// Follows positions to all that can be reached without a character; true when the end of the program is among them.
function follow(steps: readonly Step[], from: number[], seen: Int32Array, at: number, text: string, waiting: number[]): boolean {
  const todo = from
  while (todo.length > 0) {
    const place = todo.pop()!
    if (seen[place] === at) continue
    seen[place] = at
    if (place === steps.length) return true
    const one = steps[place]!
    if (one.do === 'char') waiting.push(place)
    else if (one.do === 'fork') todo.push(...one.to)
    else if (holds(one.do, at, text)) todo.push(place + 1)
  }
  return false
}

function holds(what: 'start' | 'end' | 'edge' | 'inside', at: number, text: string): boolean {
  if (what === 'start') return at === 0
  if (what === 'end') return at === text.length
  return (isWord(text[at - 1]) !== isWord(text[at])) === (what === 'edge')
}
