// The study of docs/STUDY.md: when does distillation across tokenizers beat plain fine-tuning?
//
//   npm run study                          every cell and seed of bench/study/plan.json that has no result yet, in its order
//   npm run study -- CELL…                 these cells; --seeds 7,8 only these seeds (any others too: they go into no table)
//   npm run study -- tables                docs/STUDY.md's tables, its figure and bench/study/summary.json, from the results
//   npm run study -- rows CELL --seeds 7   the training rows of a cell as JSON lines, for a run elsewhere
//
// A line of bench/study/results/CELL.jsonl is one run. A stopped run goes on from its last checkpoint (.cache/study).
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { openNodeGpu } from "../src/cli/node-gpu";
import { bundledSources } from "../src/cli/sources";
import { rowLine } from "../src/data/teacher-texts";
import { labelledRows } from "../src/trainer";
import { cellConfig, keepResult, pathOf, resultsOf, studyPlan } from "./study/plan";
import { forgetCheckpoint, runCell } from "./study/run-cell";
import { studyFiles } from "./study/tables";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: "string" } },
});
const plan = studyPlan();
const seeds = values.seeds?.split(",").map(Number) ?? plan.seeds;
if (positionals[0] === "tables") writeTables();
else if (positionals[0] === "rows") printRows(positionals[1] ?? "");
else await runAll(positionals.length > 0 ? positionals : plan.cells.map(({ id }) => id));
process.exit(0); // Dawn keeps threads alive

function writeTables(): void {
  for (const [file, text] of Object.entries(studyFiles())) writeFileSync(pathOf(file), text);
}

function printRows(cell: string): void {
  for (const seed of seeds) {
    const config = cellConfig(cell, seed);
    const { rows, toWrite } = labelledRows(config, bundledSources(config).train);
    for (const row of rows)
      process.stdout.write(`${rowLine(toWrite.has(row.id) ? { ...row, outputCot: "" } : row)}\n`);
  }
}

/** Seeds within a comparison's two cells, so that what is there can be compared at any time. */
async function runAll(cells: readonly string[]): Promise<void> {
  const gpu = await openNodeGpu();
  for (const seed of seeds)
    for (const cell of cells) {
      if (resultsOf(cell).some((result) => result.seed === seed)) continue;
      const result = await runCell(cell, seed, gpu, (line) => console.log(line));
      keepResult(result);
      forgetCheckpoint(cell, seed);
      const right = [...result.right].filter((digit) => digit === "1").length;
      console.log(`  ${right} of ${result.right.length} right in ${result.seconds} s`);
    }
  gpu.destroy();
}
