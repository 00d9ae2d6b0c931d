// Loaded before a program (`node --import ./test/own-name.ts`): from here on an import of this package by its name, as in examples/, gets the sources. So what
// such a program tests is what is written now, and not what was built last.
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

const { name, exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  name: string
  exports: Record<string, string | { default: string }>
}

registerHooks({
  resolve(specifier, context, nextResolve) {
    const entry = specifier === name || specifier.startsWith(`${name}/`) ? exports[`.${specifier.slice(name.length)}`] : undefined
    if (typeof entry !== 'object') return nextResolve(specifier, context)
    const source = entry.default.replace(/^\.\/dist\//, '../src/').replace(/\.js$/, '.ts')
    return { url: new URL(source, import.meta.url).href, shortCircuit: true }
  },
})
