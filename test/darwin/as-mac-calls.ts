// The calls to macOS, to the library of as-mac.ts instead of libSystem.
import { openCalls as open, type Calls } from '../../src/source/darwin/kernel/calls.ts'

export * from '../../src/source/darwin/kernel/calls.ts'
export const openCalls = (): Calls => open(process.env.DARWIN_LIBRARY)
