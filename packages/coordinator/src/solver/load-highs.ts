/** HiGHS as it is imported from an ES module: its types describe the CommonJS entry, where the loader is `default`. */
import module from 'highs'
import type { Highs } from 'highs'

/** A fresh WebAssembly instance each time. */
export const loadHighs = module as unknown as () => Promise<Highs>
