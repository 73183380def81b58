/** Entry of `heliotrope-agent`. */
import './small-heap.js'
import { runCli } from './program.js'

process.exitCode = await runCli(process.argv.slice(2))
