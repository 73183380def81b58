/** Entry of `heliotrope-agent`. */
import './small-heap.js'
import { nodeProblem } from '@heliotrope/shared'
import { runCli } from './program.js'

const problem = nodeProblem(process.versions.node)
if (problem === undefined) process.exitCode = await runCli(process.argv.slice(2))
else {
  process.stderr.write(`heliotrope-agent: ${problem}\n`)
  process.exitCode = 1
}
