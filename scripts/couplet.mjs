// The headless door: `npm run couplet -- COMMAND …`. The commands live in src/cli.
import { loadModule } from "./run-ts.mjs";

const { module, close } = await loadModule("src/cli/main.ts");
const code = await module.main(process.argv.slice(2));
await close();
process.exit(code); // Dawn keeps threads alive; everything that matters has been written
