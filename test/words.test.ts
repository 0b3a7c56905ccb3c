// words — plan
//   private words that were replaced stay out of source, docs, README and the page: each with the word that says what it is
//   control: each pattern finds what it is meant for
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const top = resolve(import.meta.dirname, "..");

/** Word, an example of it, and what to write instead. */
const WORDS: readonly [pattern: RegExp, example: string, instead: string][] = [
  [
    /\b(?:Transport)?Lab(?:Row|Text|Solve|Solution|Client|Event|State)?\b|\bthe lab\b/,
    "LabRow",
    "reader, screen",
  ],
  [/\b(?:data-?)?desks?\b/i, "data-desk", "dataset"],
  [/(?<!-)\bdoors?\b/i, "the typed door to", "client, interface, the only module that"],
  [/[sS]urroundings\b/, "Surroundings", "dependencies"],
  [/\btake-?away\b/i, "takeAway", "export"],
  [/\brehears(?:al|ed?)\b/i, "rehearsal", "trial steps"],
  [/\b(?:create)?Rescue\b|rescue\.ts/, "createRescue", "checkpoint backup"],
  [/\bFIRST_LIGHT\b/, "FIRST_LIGHT", "DEFAULT_RUN"],
  [/\bpaper-code\b/, "paper-code", "published"],
  [/\bpatiently\b|\btired\b/, "patiently", "withTimeout, timedOut"],
  [/\bhand_round\b|\bkeep_above\b/, "hand_round", "subgroup_broadcast, threshold_weights"],
  [/\bjudgeDraft\b|\binWords\b/, "judgeDraft", "validateDraft, withReadableErrors"],
  [/\b[mM]isfits\b/, "Misfits", "fitProblems"],
  [/'s mind\b/, "The page's mind:", "state of"],
  [/\bgoes? by (?:itself|themselves)\b/, "the oldest goes by itself", "is deleted automatically"],
  [/\bby the clock on the wall\b/, "by the clock on the wall", "wall-clock time"],
  [/\bdear(?:er|est)? pairs?\b/, "dear pairs", "expensive pairs"],
  [/\bwobbles?\b/, "four wobbles", "standard deviations"],
  [/\bcut to fit\b/, "3 rows are cut to fit", "truncated"],
  [/\bdrop(?:s|ped) out and why\b/, "what dropped out and why", "skipped, with reasons"],
  [/\bthree ways on\b/, "three ways on", "three next steps"],
];

const tracked = execFileSync("git", ["ls-files", "-z", "src", "shaders", "docs", "README.md", "index.html"], {
  cwd: top,
  encoding: "utf8",
})
  .split("\0")
  .filter((file) => /\.(?:tsx?|wgsl|md|html|css)$/.test(file) && !/^docs\/(?:LOG|LICENCES)\.md$/.test(file));

test.each(WORDS.map(([pattern, , instead]) => [String(pattern), instead, pattern] as const))(
  "no %s (write: %s)",
  (_, __, pattern) => {
    const found = tracked.flatMap((file) =>
      readFileSync(join(top, file), "utf8")
        .split("\n")
        .flatMap((line, i) => (pattern.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : [])),
    );
    expect(found).toEqual([]);
  },
);

test("control: each finds its own example, and there is something to look through", () => {
  for (const [pattern, example] of WORDS) expect(example).toMatch(pattern);
  expect(tracked.length).toBeGreaterThan(500);
});
