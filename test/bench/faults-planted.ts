// Bugs planted in the rules, each as a patch that is applied to a copy of the code in a temporary folder. The fault
// simulator has to find each: with the case that its patch names, or else by search.
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import ts from 'typescript'

export interface PlantedBug {
  name: string
  /** What is wrong with it, in words. */
  why: string
  /** Cases of which one shows it. */
  cases: string[]
  /** Sources that it changes. */
  files: string[]
  path: string
}

const packages = ['shared', 'planner', 'agent', 'coordinator', 'simulator']

export function plantedBugs(root: string): PlantedBug[] {
  const folder = join(root, 'test/bench/patches')
  return readdirSync(folder)
    .filter(name => name.endsWith('.patch'))
    .sort()
    .map(file => {
      const text = readFileSync(join(folder, file), 'utf8')
      return {
        name: file.slice(0, -'.patch'.length),
        why: text.split('\n')[0] as string,
        cases: [...text.matchAll(/^Case: (.+)$/gm)].map(match => match[1] as string),
        files: [...text.matchAll(/^\+\+\+ b\/(.+)$/gm)].map(match => match[1] as string),
        path: join(folder, file),
      }
    })
}

/** The compiled code, copied so that it can be changed. One copy serves all bugs, one after the other. */
export class PatchedCopy {
  readonly folder: string
  readonly #root: string

  constructor(root: string) {
    this.#root = root
    this.folder = mkdtempSync(join(tmpdir(), 'heliotrope-planted-'))
    const modules = join(this.folder, 'node_modules')
    mkdirSync(join(modules, '@heliotrope'), { recursive: true })
    for (const name of readdirSync(join(root, 'node_modules')))
      if (name !== '@heliotrope' && !name.startsWith('.'))
        symlinkSync(join(root, 'node_modules', name), join(modules, name))
    for (const name of packages) {
      const [from, to] = [join(root, 'packages', name), join(this.folder, 'packages', name)]
      mkdirSync(to, { recursive: true })
      cpSync(join(from, 'package.json'), join(to, 'package.json'))
      cpSync(join(from, 'dist/src'), join(to, 'dist/src'), {
        recursive: true,
        filter: path => !/\.(map|d\.ts)$/.test(path),
      })
      if (existsSync(join(from, 'node_modules')))
        symlinkSync(join(from, 'node_modules'), join(to, 'node_modules'))
      symlinkSync(to, join(modules, '@heliotrope', name))
    }
  }

  /** The process that plays cases with the code as it is now. */
  get worker(): string {
    return join(this.folder, 'packages/simulator/dist/src/faults/worker-main.js')
  }

  /** @throws if the patch does not apply to the sources as they are */
  plant({ files, path, name }: PlantedBug): void {
    for (const file of files) {
      mkdirSync(dirname(join(this.folder, file)), { recursive: true })
      cpSync(join(this.#root, file), join(this.folder, file))
    }
    try {
      execFileSync('git', ['apply', path], { cwd: this.folder, stdio: 'pipe' })
    } catch (cause) {
      throw new Error(`${name}.patch does not apply any more: change it with the rules that it breaks`, {
        cause,
      })
    }
    for (const file of files) {
      const compiled = ts.transpileModule(readFileSync(join(this.folder, file), 'utf8'), {
        compilerOptions: {
          module: ts.ModuleKind.ESNext,
          target: ts.ScriptTarget.ES2023,
          verbatimModuleSyntax: true,
        },
      })
      writeFileSync(this.#compiled(this.folder, file), compiled.outputText)
    }
  }

  /** As it was. */
  heal({ files }: PlantedBug): void {
    for (const file of files) cpSync(this.#compiled(this.#root, file), this.#compiled(this.folder, file))
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  #compiled(root: string, file: string): string {
    return join(root, file.replace('/src/', '/dist/src/').replace(/\.ts$/, '.js'))
  }
}
