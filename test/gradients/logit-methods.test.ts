// Methods on logits — plan
//   against PyTorch float64   every case of the fixture: value to 1e-5 relative, gradient to 1e-4 of its largest entry; ragged
//                             samples in a padded bucket whose padding rows are loud (fixture:
//                             reference/objectives/make_logit_goldens.py and make_chunk_goldens.py)
//   fresh cases               the same for any files that LOGIT_CASES names (colon-separated), made by these scripts from
//                             other seeds
//   chunks                    the fixture's groups are those that we align
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { alignChunks } from "../../src/data";
import { DISTILLATIONS, distillationOf } from "../../src/objectives/distillations";
import type { Gpu } from "../../src/gpu/device";
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

test("the fixtures cover every term on logits", () => {
  const covered = new Set([...logits.cases, ...chunks.cases].map(({ settings }) => settings.id));
  const onLogits = DISTILLATIONS.filter((d) => !["dskd", "cma"].includes(d.id)).map((d) => d.id);
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
