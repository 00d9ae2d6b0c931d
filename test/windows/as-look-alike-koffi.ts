// koffi for the calls to Windows: a function is looked for in the look-alike DLL first.
import koffi from 'koffi'

const lookAlike = koffi.load(process.env.LOOK_ALIKE_DLL!)

export default {
  ...koffi,
  load: (file: string) => ({
    func(declaration: string) {
      try {
        return lookAlike.func(declaration)
      } catch {
        return koffi.load(file).func(declaration) // The DLL plays only what Wine lacks.
      }
    },
  }),
}
