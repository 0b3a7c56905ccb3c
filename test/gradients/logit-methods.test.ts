// Methods on logits — plan
//   against PyTorch float64   every case of the fixture: value to 1e-5 relative, gradient to 1e-4 of its largest entry; ragged
//                             samples in a padded bucket whose padding rows are loud (fixture:
//                             reference/objectives/make_logit_goldens.py and make_chunk_goldens.py)
//   fresh cases               the same for any files that LOGIT_CASES names (colon-separated), made by these scripts from
//                             other seeds
//   a drawn case              KD's smooth divergences and ULD's value against the TypeScript oracles; COUPLET_SEED=random draws
//                             another, COUPLET_SEED=n repeats it
//   chunks                    the fixture's groups are those that we align
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { createRng } from "../../src/config/rng";
import { alignChunks } from "../../src/data";
import { DISTILLATION_CARDS } from "../../src/config/run";
import { distillationOf } from "../../src/objectives/distillations";
import type { Gpu } from "../../src/gpu/device";
import { divergence } from "../oracle/divergence";
import { finiteDifferences } from "../oracle/nn";
import { uldRow } from "../oracle/sorted-l1";
import { testGpu } from "../support/gpu";
import { type LogitFixture, runLogitCase } from "../support/logit-case";

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../fixtures/objectives/${name}.json`, import.meta.url), "utf8"));
const logits = read("logits") as LogitFixture;
const chunks = read("chunks") as LogitFixture & { groups: [number[], number[]][][] };

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

describe("against PyTorch float64", () => {
  const fresh = (process.env.LOGIT_CASES ?? "").split(":").filter(Boolean);
  const files = fresh.map((file) => JSON.parse(readFileSync(file, "utf8")) as LogitFixture);
  const cases = [logits, chunks, ...files].flatMap((fixture) =>
    fixture.cases.map((c) => [JSON.stringify(c.settings), fixture, c] as const),
  );
  test.each(cases)("%s", async (_name, fixture, { settings, sum, gradient }) => {
    const got = await runLogitCase(gpu, fixture, settings, distillationOf(settings));
    expect(Math.abs(got.sum - sum) / Math.abs(sum)).toBeLessThan(1e-5);
    const largest = Math.max(...gradient.map(Math.abs));
    const worst = Math.max(...gradient.map((want, i) => Math.abs(want - got.gradient[i]!)));
    expect(worst / largest).toBeLessThan(1e-4);
    expect(largest).toBeGreaterThan(1e-3);
  });
});

/** COUPLET_SEED=random draws one; any other value repeats it. */
const { COUPLET_SEED = "20261127" } = process.env;
const seed = COUPLET_SEED === "random" ? Date.now() % 1e9 : Number(COUPLET_SEED);

describe(`a case drawn anew, COUPLET_SEED=${seed}`, () => {
  const random = createRng(seed);
  const [V, L] = [2 + random.int(40), 3 + random.int(6)];
  const values = (width: number) =>
    Array.from({ length: 2 }, () =>
      Array.from({ length: L }, () => Array.from({ length: width }, () => Math.fround(3 * random.normal()))),
    );
  const labels = () =>
    Array.from({ length: 2 }, () =>
      Array.from({ length: L }, (_, p) => (p === L - 1 || random.next() < 0.6 ? random.int(2) : -100)),
    );
  const ids = () => Array.from({ length: 2 }, () => Array.from({ length: L }, () => random.int(2)));
  const tokens = Array.from({ length: V }, (_, v) => `t${v}`);
  const fixture: LogitFixture = {
    ...{ s_logits: values(V), t_logits: values(V), t_logits_same: values(V) },
    ...{ ids_s: ids(), ids_t: ids(), label_s: labels(), label_t: labels() },
    ...{ student_tokens: tokens, teacher_tokens: tokens, student_space: "Ġ", teacher_space: "Ġ", cases: [] },
  };
  const responses = fixture.label_s.flatMap((row, b) =>
    row.flatMap((label, p) => (label >= 0 ? [[b, p]] : [])),
  );

  test.each([
    "forward_kl",
    "reverse_kl",
    "symmetric_kl",
    "js",
    "skewed_forward_kl",
    "skewed_reverse_kl",
  ] as const)("kd, %s", async (name) => {
    const settings = { divergence: name, temperature: 0.5 + 2 * random.next(), skew: random.next() / 2 };
    const got = await runLogitCase(
      gpu,
      fixture,
      { id: "kd", ...settings, adaptiveAlpha: 0.5 } as { id: "kd" },
      distillationOf({ id: "kd" }),
    );
    const gradient = new Array<number>(2 * L * V).fill(0);
    let sum = 0;
    for (const [b, p] of responses) {
      const [s, q] = [fixture.s_logits[b!]![p!]!, fixture.t_logits_same![b!]![p!]!];
      sum += divergence(s, q, settings);
      finiteDifferences((x) => [divergence(x, q, settings)], s, [1]).forEach(
        (g, v) => (gradient[(b! * L + p!) * V + v] = g),
      );
    }
    expect(Math.abs(got.sum - sum) / Math.abs(sum)).toBeLessThan(1e-5);
    const worst = Math.max(...gradient.map((want, i) => Math.abs(want - got.gradient[i]!)));
    expect(worst / Math.max(...gradient.map(Math.abs))).toBeLessThan(1e-4);
  });

  test("uld", async () => {
    const got = await runLogitCase(gpu, fixture, { id: "uld" }, distillationOf({ id: "uld" }));
    const rows = (logits: number[][][], of: number[][], b: number) =>
      of[b]!.flatMap((label, p) => (label >= 0 ? [logits[b]![p]!] : []));
    let sum = 0;
    for (const b of [0, 1]) {
      const [s, t] = [rows(fixture.s_logits, fixture.label_s, b), rows(fixture.t_logits, fixture.label_t, b)];
      for (let k = 0; k < Math.min(s.length, t.length); k++) sum += uldRow(s[k]!, t[k]!);
    }
    expect(Math.abs(got.sum - sum) / sum).toBeLessThan(1e-5);
  });
});

test("the fixtures cover every term on logits", () => {
  const overGroups = read("groups") as { cases: { case: { objective: { method: string } } }[] }; // see group-methods.test.ts
  const covered = new Set([
    ...[...logits.cases, ...chunks.cases].map(({ settings }) => settings.id),
    ...overGroups.cases.map((entry) => entry.case.objective.method),
  ]);
  const onLogits = DISTILLATION_CARDS.filter((d) => !["dskd", "cma"].includes(d.id)).map((d) => d.id);
  expect([...covered].sort()).toEqual(onLogits.sort());
});

test("the groups of the reference are our chunks", () => {
  const bytes = (tokens: string[], space: string, labels: number[]) =>
    labels.filter((id) => id >= 0).map((id) => new TextEncoder().encode(tokens[id]!.replaceAll(space, " ")));
  chunks.groups.forEach((groups, b) => {
    const got = alignChunks(
      bytes(chunks.student_tokens, chunks.student_space, chunks.label_s[b]!),
      bytes(chunks.teacher_tokens, chunks.teacher_space, chunks.label_t[b]!),
    );
    const range = (list: number[]) => [list[0]!, list.at(-1)! + 1];
    expect(got).toEqual(groups.map(([s, t]) => ({ student: range(s), teacher: range(t) })));
  });
});
