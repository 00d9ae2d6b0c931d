// The version of the package, put in when the command line is built.

declare const SOCKSCOPE_VERSION: string | undefined

/** Such as `1.2.3`; `0.0.0` when it runs from its sources. */
export const version: string = typeof SOCKSCOPE_VERSION === 'undefined' ? '0.0.0' : SOCKSCOPE_VERSION
