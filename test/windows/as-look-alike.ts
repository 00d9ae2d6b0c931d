// Loaded before a program (`node --import ./test/windows/as-look-alike.ts`), or by a test before it opens a source: from here on the functions of the DLL that
// LOOK_ALIKE_DLL names take the place of those of Windows with the same name.
import { registerHooks } from 'node:module'

const calls = new URL('../../src/source/windows/kernel/calls.ts', import.meta.url).href
const standIn = new URL('./as-look-alike-koffi.ts', import.meta.url).href
registerHooks({
  resolve: (specifier, context, nextResolve) =>
    specifier === 'koffi' && context.parentURL === calls ? { url: standIn, shortCircuit: true } : nextResolve(specifier, context),
})
