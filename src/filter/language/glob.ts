// Globs, as in the shell and in ss, for names and paths: `*` (also matches slashes), `?`, `[a-z]`, `[!a]`, and a backslash.

type Step = 'any' | 'one' | ((char: string) => boolean)

/** A test for one glob. It takes at most text × pattern steps, whatever the pattern. */
export function compileGlob(pattern: string): (text: string) => boolean {
  const steps = stepsOf(pattern)
  return text => {
    let at = 0
    let step = 0
    // Where to continue after the last star, when what follows it did not match.
    let star = -1
    let from = 0
    while (at < text.length) {
      const current = steps[step]
      if (current === 'any') {
        star = step++
        from = at
      } else if (current !== undefined && (current === 'one' || current(text[at]!))) {
        step++
        at++
      } else if (star >= 0) {
        step = star + 1
        at = ++from
      } else return false
    }
    while (steps[step] === 'any') step++
    return step === steps.length
  }
}

function stepsOf(pattern: string): Step[] {
  const steps: Step[] = []
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]!
    const end = char === '[' ? classEnd(pattern, i) : -1
    if (char === '*') steps.push('any')
    else if (char === '?') steps.push('one')
    else if (end > 0) {
      steps.push(classOf(pattern.slice(i + 1, end)))
      i = end
    } else {
      const literal = char === '\\' && i + 1 < pattern.length ? pattern[++i]! : char
      steps.push(other => other === literal)
    }
  }
  return steps
}

// The first character after the bracket (or after its `!`) belongs to the class, even if it is a bracket.
const classEnd = (pattern: string, at: number): number => pattern.indexOf(']', at + (/^[!^]/.test(pattern.slice(at + 1)) ? 3 : 2))

function classOf(inside: string): (char: string) => boolean {
  const not = /^[!^]/.test(inside)
  const ranges: (readonly [string, string])[] = []
  for (let i = not ? 1 : 0; i < inside.length; i++) {
    const first = inside[i]!
    const ranged = inside[i + 1] === '-' && i + 2 < inside.length
    ranges.push([first, ranged ? inside[i + 2]! : first])
    if (ranged) i += 2
  }
  return char => ranges.some(([first, last]) => char >= first && char <= last) !== not
}

/** Whether a text has characters with a meaning in a glob. */
export const isGlob = (text: string): boolean => /[*?]|\[.+\]/.test(text.replace(/\\./gs, ''))

/** A glob that matches exactly this text; it needs no quotes in a filter. */
export const escapeGlob = (text: string): string => text.replace(/[\s()&|,\\*?[\]]/g, '\\$&')

/** The meaning of an unquoted text where it is not a glob. */
export const unescapeGlob = (text: string): string => text.replace(/\\([\s\S])/g, '$1')
