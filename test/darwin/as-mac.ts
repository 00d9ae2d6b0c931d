// Loaded before a program (`node --import ./test/darwin/as-mac.ts`): from here on this machine is a Mac to sockscope, and the library that DARWIN_LIBRARY
// names stands in for its kernel. The program itself runs as it is.
import 'koffi' // Its own search for this machine's build must be over before the platform has another name.
import { registerHooks } from 'node:module'

Object.defineProperty(process, 'platform', { value: 'darwin' })

const calls = new URL('../../src/source/darwin/kernel/calls.ts', import.meta.url).href
const standIn = new URL('./as-mac-calls.ts', import.meta.url).href
registerHooks({
  resolve(specifier, context, nextResolve) {
    const found = nextResolve(specifier, context)
    return found.url === calls && context.parentURL !== standIn ? { ...found, url: standIn } : found
  },
})
