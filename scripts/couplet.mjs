// The headless door: `npm run couplet -- COMMAND …`. The commands live in src/cli.
import { loadModule } from "./run-ts.mjs";

const { module, close } = await loadModule("src/cli/main.ts");
const code = await module.main(process.argv.slice(2));
await close();
// A pipe takes 64 kB at a time: what was written before must be through before the process ends.
for (const stream of [process.stdout, process.stderr])
  await new Promise((written) => {
    stream.write("", written);
  });
process.exit(code); // Dawn keeps threads alive; everything that matters has been written by now
