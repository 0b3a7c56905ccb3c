// Everything that must hold, in order; what is missing gets installed first. The last line is the verdict.
//   npm test                 all of it
//   npm test -- --no-setup   skip npm ci and system packages
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { ensurePackages } from "./packages.mjs";

const root = resolve(import.meta.dirname, "..");
const results = join(root, ".cache/test-results");
rmSync(results, { recursive: true, force: true });
mkdirSync(results, { recursive: true });
let passed = 0;
let failed = 0;
/** Names of tests that failed once and passed when they were tried again. */
const flaky = [];

function run(command, args, env = {}) {
  const started = Date.now();
  const done = spawnSync(command, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });
  return { ok: done.status === 0, seconds: ((Date.now() - started) / 1000).toFixed(0) };
}

/** One check that passes or fails as a whole. */
function check(name, command, args) {
  console.log(`\n— ${name}`);
  const { ok, seconds } = run(command, args);
  console.log(`  ${name}: ${ok ? "ok" : "FAILED"} (${seconds} s)`);
  if (ok) passed++;
  else failed++;
  return ok;
}

/** A vitest suite: its tests count one by one. */
function suite(name, args, env) {
  console.log(`\n— ${name}`);
  const file = join(results, `${name.replaceAll(" ", "-")}.json`);
  const second = `${file}.flaky`;
  const reporters = [
    ...["--reporter=default", "--reporter=json", `--outputFile.json=${file}`],
    "--reporter=./scripts/flaky-reporter.mjs",
  ];
  const { ok } = run("npx", ["vitest", "run", ...args, ...reporters], {
    ...env,
    COUPLET_FLAKY_FILE: second,
  });
  const report = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
  passed += report?.numPassedTests ?? 0;
  failed += report?.numFailedTests ?? 0;
  if (existsSync(second)) flaky.push(...JSON.parse(readFileSync(second, "utf8")));
  if (!ok && !report?.numFailedTests) failed++; // a file that did not load, or a crash
  if (ok && !report?.numPassedTests) failed++; // a suite that ran nothing has not passed
}

function setup() {
  if (process.argv.includes("--no-setup")) return true;
  ensurePackages(root);
  return run("bash", ["scripts/setup-system.sh"]).ok;
}

if (setup()) {
  check("types", "npx", ["tsc", "--noEmit", "-p", "."]);
  check("lint", "npx", ["oxlint", "--deny-warnings"]);
  check("format", "npx", ["oxfmt", "--check", "."]);
  suite("unit and kernels", [], {});
  if (check("production build", "npx", ["vite", "build", "--logLevel", "warn"])) {
    check("bundle size", "node", ["scripts/bundle-size.mjs"]);
    suite(
      "browser",
      ["browser", "faults/browser", "--retry=1"], // a page waits for what other processes do: see the last lines
      { COUPLET_BROWSER: "1" },
    );
  }
} else failed++;

for (const name of flaky) console.log(`\nUnsteady, passed at the second try: ${name}`);
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
