/** Entry of `heliotrope` without the simulator, as it runs beside a coordinator. */
import { runProcess } from './process.js'

await runProcess()
