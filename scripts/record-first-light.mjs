// Makes public/recorded/ from a run folder of the headless runner: what the page shows before anything is loaded.
//
//   node scripts/record-first-light.mjs RUN_DIR [--out DIR] [--title TEXT] [--adapter TEXT]
//
// Reads config.json, metrics.jsonl, plans.jsonl (else plan.json) and, where they exist, evaluations.jsonl and
// answers.json.
// Writes first-light.json (numbers rounded; the format is checked by src/store/recorded.ts).
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

const MAX_BYTES = 150_000;
// Of a long run the charts keep every so many steps, and the scrubber a few plans: more would not be seen.
const MAX_STEPS = 150;
const MAX_PLAN_STEPS = 5;
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: "string", default: "public/recorded" },
    title: { type: "string" },
    adapter: { type: "string", default: "" },
  },
});
const [dir] = positionals;
if (!dir) {
  console.error(
    "usage: node scripts/record-first-light.mjs RUN_DIR [--out DIR] [--title TEXT] [--adapter TEXT]",
  );
  process.exit(2);
}

const config = readJson("config.json");
const metrics = readLines("metrics.jsonl");
const stride = Math.ceil(metrics.length / MAX_STEPS);
const records = metrics.filter(({ step }) => step % stride === 0);
const stored = readLines("plans.jsonl"); // one per evaluation, for the step scrubber
const plans = stored.length > 0 ? evenly(stored, MAX_PLAN_STEPS) : asList(readJson("plan.json"));
if (plans.length === 0)
  throw new Error(`${join(dir, "plan.json")} holds no plan: record a run with transport.`);
const run = {
  version: 1,
  title: values.title ?? describe(config, metrics.length),
  adapter: values.adapter,
  config,
  steps: stepColumns(records),
  evaluations: readLines("evaluations.jsonl"),
  plans: plans.map(roundPlan),
  answers: asList(readJson("answers.json", [])),
};
const json = JSON.stringify(run);
if (json.length > MAX_BYTES)
  throw new Error(
    `The recording has ${json.length} bytes, more than ${MAX_BYTES}: record fewer steps or a shorter row.`,
  );
mkdirSync(values.out, { recursive: true });
writeFileSync(join(values.out, "first-light.json"), `${json}\n`);
console.log(
  `${join(values.out, "first-light.json")}: ${json.length} bytes, ${records.length} steps, ${plans.length} plans`,
);

function readJson(name, missing) {
  const path = join(dir, name);
  if (missing !== undefined && !existsSync(path)) return missing;
  return JSON.parse(readFileSync(path, "utf8"));
}

function readLines(name) {
  const path = join(dir, name);
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

function asList(value) {
  return Array.isArray(value) ? value : [value];
}

function describe({ method, seed, steps }, count) {
  const name = method.id === "cot2align" ? "CoT2Align, standard pair" : method.id.toUpperCase();
  return `${name}, ${count || steps} steps, seed ${seed}`;
}

/** The plans of at most `most` steps, first and last among them. */
function evenly(list, most) {
  const steps = [...new Set(list.map(({ step }) => step))];
  const last = Math.min(steps.length, most) - 1;
  const kept = new Set(
    Array.from(
      { length: last + 1 },
      (_, i) => steps[Math.round((i * (steps.length - 1)) / Math.max(1, last))],
    ),
  );
  return list.filter(({ step }) => kept.has(step));
}

function stepColumns(list) {
  const column = (read) => list.map((record) => significant(read(record)));
  const names = Object.keys(list[0]?.terms ?? {});
  return {
    step: list.map((record) => record.step),
    loss: column((r) => r.loss),
    terms: Object.fromEntries(names.map((name) => [name, column((r) => r.terms[name])])),
    gradNorm: column((r) => r.gradNorm),
    learningRate: column((r) => r.learningRate),
    tokenAccuracy: column((r) => r.tokenAccuracy),
    tokens: column((r) => r.tokens),
    marginalError: column((r) => r.marginalError),
    unconverged: column((r) => r.unconverged),
    ms: column((r) => r.ms),
  };
}

function roundPlan(plan) {
  const { plan: mass, cost, ...facts } = plan;
  const { step, layer, studentTokens, teacherTokens, iterations, converged } = facts;
  return {
    step,
    layer,
    studentTokens,
    teacherTokens,
    plan: Array.from(mass, (x) => Number(x.toPrecision(2))),
    cost: Array.from(cost, (x) => Number(x.toFixed(3))),
    transportCost: significant(facts.transportCost),
    entropy: significant(facts.entropy),
    epsilon: significant(facts.epsilon),
    iterations,
    marginalError: significant(facts.marginalError),
    converged,
  };
}

function significant(value) {
  return Number(value.toPrecision(4));
}
