// Loaded before every program on the other kernel: the types are gone from the files there (tools/test-kernel.mjs), and only their names still end in `.ts`.
// To strip them there would take seconds for each process, because the machine is computed.
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

registerHooks({
  load: (url, context, nextLoad) =>
    url.startsWith('file:') && url.endsWith('.ts')
      ? { format: 'module', source: readFileSync(new URL(url)), shortCircuit: true }
      : nextLoad(url, context),
})
