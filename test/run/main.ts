// Runs every compiled test under tap, then, if asked, one move on real Xen; prints the counts on one plain line.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Counter } from './counter.js'

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')

function testFiles(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return testFiles(path)
    return entry.name.endsWith('.test.js') ? [path] : []
  })
}

/** Resolves with the exit code. */
function run(command: string, args: string[], counter?: Counter): Promise<number> {
  return new Promise(resolve => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
    child.stdout.on('data', (chunk: Buffer) => {
      if (counter) counter.write(chunk)
      else process.stderr.write(chunk)
    })
    child.on('error', error => {
      process.stderr.write(`${command}: ${error.message}\n`)
      resolve(127)
    })
    child.on('close', code => {
      counter?.end()
      resolve(code ?? 1)
    })
  })
}

const counter = new Counter(line => process.stderr.write(line))
const folders = readdirSync(join(root, 'packages')).map(name => join(root, 'packages', name, 'dist/test'))
const files = [...folders.flatMap(testFiles), ...testFiles(join(root, 'dist/test'))]
process.stderr.write(`heliotrope: running ${files.length} test files\n`)
const code = await run(
  process.execPath,
  [
    join(root, 'node_modules/tap/dist/esm/run.mjs'),
    '--disable-coverage',
    '--reporter=tap',
    '--jobs=2',
    '--timeout=120',
    ...files,
  ],
  counter,
)
// The runner died without saying which test it was in.
if (code !== 0 && counter.failed === 0) counter.failed = 1

const lint = await run(process.execPath, [
  join(root, 'node_modules/eslint/bin/eslint.js'),
  '.',
  '--max-warnings=0',
])
if (lint === 0) counter.passed++
else counter.failed++

if (process.argv.includes('--lab=yes')) {
  process.stderr.write('heliotrope: one move there and back on real Xen\n')
  const lab = await run(join(root, 'scripts/lab'), ['test', 'move'])
  await run(join(root, 'scripts/lab'), ['down'])
  if (lab === 0) counter.passed++
  else if (lab === 77) counter.skipped++
  else counter.failed++
}

const skipped = counter.skipped > 0 ? `, ${counter.skipped} skipped` : ''
process.stdout.write(`${counter.passed} passed, ${counter.failed} failed${skipped}\n`)
process.exit(counter.failed === 0 ? 0 : 1)
