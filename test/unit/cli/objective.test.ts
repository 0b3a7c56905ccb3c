// couplet objective — plan
//   the command     writes {loss, terms, grads} to --out; terms sum to the loss; rows outside the response have gradient 0
//   batch_denom     scales the token terms of a total and not OT
//   CMA             its value depends on the padding through the scalar deviations, and DSKD's does not
//   rows            one without a plain view drops out of the cross pairs' mean; as published it counts
//   every bad input: exit code 2 and one line that begins with the field
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { main } from "../../../src/cli/main";
import type { ObjectiveResult } from "../../../src/cli/objective";

let dir: string;
let errors: string[] = [];
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "couplet-objective-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
beforeEach(() => {
  errors = [];
  vi.spyOn(console, "error").mockImplementation((...parts: unknown[]) => void errors.push(parts.join(" ")));
});

type Fields = Record<string, unknown>;

let drawn = 1;
/** Nested lists of this shape, the same in every run. */
function numbers(...shape: number[]): unknown {
  const [size = 0, ...inner] = shape;
  return Array.from({ length: size }, () => {
    if (inner.length > 0) return numbers(...inner);
    drawn = (drawn * 16807) % 2147483647;
    return Math.round((drawn / 2147483647 - 0.5) * 4000) / 1000;
  });
}

const X = -100;

/** Two samples of 4 and 5 positions: widths 3 and 4, vocabularies 5 and 6. */
function goodCase(method: string, more: Fields = {}): Fields {
  drawn = 1;
  const linear = (name: string, rows: number, cols: number) => ({
    [`${name}.weight`]: numbers(rows, cols),
    [`${name}.bias`]: numbers(rows),
  });
  return {
    ...{ s_logits: numbers(2, 4, 5), s_hid: numbers(2, 4, 3), s_emb: numbers(2, 4, 3) },
    ...{ t_logits: numbers(2, 5, 6), t_hid: numbers(2, 5, 4), t_emb: numbers(2, 5, 4) },
    ...{ s_hid_raw: numbers(2, 3, 3), s_emb_raw: numbers(2, 3, 3) },
    ...{ t_hid_raw: numbers(2, 2, 4), t_emb_raw: numbers(2, 2, 4), t_logits_same: numbers(2, 4, 5) },
    ...{ Ws: numbers(5, 3), Wt: numbers(6, 4), Es: numbers(5, 3), Et: numbers(6, 4) },
    ...{ ...linear("t2s", 3, 4), ...linear("s2t", 4, 3), ...linear("query", 8, 6), ...linear("ot", 3, 4) },
    ...{
      ids_s: [
        [0, 1, 2, 3],
        [4, 3, 2, 1],
      ],
      label_s: [
        [X, 2, 3, X],
        [X, X, 1, 0],
      ],
    },
    ...{
      ids_t: [
        [0, 1, 2, 3, 4],
        [5, 4, 3, 2, 1],
      ],
      label_t: [
        [X, 2, 3, 4, X],
        [4, 3, 2, X, X],
      ],
    },
    ...{
      label_s_raw: [
        [X, 2, 3],
        [X, 1, X],
      ],
      label_t_raw: [
        [2, X],
        [X, 0],
      ],
    },
    ...{ student_tokens: ["a", "▁b", "c", "d", "ab"], teacher_tokens: ["a", "Ġb", "c", "da", "b", "e"] },
    ...{ student_space: "▁", teacher_space: "Ġ" },
    objective: { method, temperature: 2, reduction: "total", cost: "cosine", alpha: 1, ...more },
  };
}

async function run(content: unknown): Promise<{ code: number; result: ObjectiveResult }> {
  const [source, out] = [join(dir, "case.json"), join(dir, "out.json")];
  writeFileSync(source, typeof content === "string" ? content : JSON.stringify(content));
  rmSync(out, { force: true });
  const code = await main(["objective", source, "--out", out]);
  const text = code === 0 ? readFileSync(out, "utf8") : "{}";
  return { code, result: JSON.parse(text) as ObjectiveResult };
}

const sum = (terms: ObjectiveResult["terms"]) => Object.values(terms).reduce((a, b) => a + b, 0);
const changed = (base: Fields, fields: Fields): Fields => ({ ...base, ...fields });

describe("couplet objective", () => {
  test("writes loss, terms and gradients; nothing flows outside the response", async () => {
    const { code, result } = await run(goodCase("cot2align", { base: "cma" }));
    expect(errors).toEqual([]);
    expect(code).toBe(0);
    expect(sum(result.terms)).toBeCloseTo(result.loss, 12);
    expect(Object.keys(result.terms).filter((name) => name.startsWith("ot_"))).toHaveLength(6);
    const rows = result.grads["s_hid"] as number[][][];
    expect(rows.map((sample) => sample.length)).toEqual([4, 4]);
    expect(rows[0]![0]).toEqual([0, 0, 0]);
    expect(rows[0]![1]!.some((x) => x !== 0)).toBe(true);
    for (const name of ["s_logits", "s_emb", "s_hid_raw", "s_emb_raw", "ot.weight", "query.bias"])
      expect(result.grads, name).toHaveProperty([name]);
  });

  test("batch_denom divides the token terms and leaves transport alone", async () => {
    const base = goodCase("cot2align", { base: "uld" });
    const [own, doubled] = [await run(base), await run(changed(base, { batch_denom: 8 }))];
    expect(doubled.result.terms["ce"]).toBeCloseTo(own.result.terms["ce"]! / 2, 6); // 4 response tokens
    expect(doubled.result.terms["uld"]).toBeCloseTo(own.result.terms["uld"]! / 2, 6);
    expect(doubled.result.terms["ot_hidden"]).toBeCloseTo(own.result.terms["ot_hidden"]!, 6);
  });

  test("more padding moves CMA through its deviations", async () => {
    const base = goodCase("cma");
    const wider = (field: string, filler: unknown) =>
      (base[field] as unknown[][]).map((sample) => [...sample, filler]);
    const padded = changed(base, {
      ...{ t_logits: wider("t_logits", Array(6).fill(0)), t_emb: wider("t_emb", Array(4).fill(0)) },
      ...{ t_hid: wider("t_hid", Array(4).fill(0)), ids_t: wider("ids_t", 0), label_t: wider("label_t", X) },
    });
    const [before, after] = [await run(base), await run(padded)];
    expect(Math.abs(after.result.loss - before.result.loss)).toBeGreaterThan(1e-3);
    const uld = await run({ ...base, objective: { method: "uld" } });
    const uldPadded = await run({ ...padded, objective: { method: "uld" } });
    expect(uldPadded.result.loss).toBeCloseTo(uld.result.loss, 5);
  });

  test("a row without a plain view: not counted as intended, counted as published", async () => {
    const lacking = {
      label_s_raw: [
        [X, 2, 3],
        [X, X, X],
      ],
      label_t_raw: [
        [2, X],
        [X, X],
      ],
    };
    const at = async (masks: string) => (await run(changed(goodCase("ot", { masks }), lacking))).result.terms;
    const [intended, published] = [await at("intended"), await at("as_published")];
    expect(published["ot_hidden_plain_cot"]! * 2).toBeCloseTo(intended["ot_hidden_plain_cot"]!, 6);
    expect(intended).toHaveProperty("ot_hidden_cot_plain");
    expect(published).not.toHaveProperty("ot_hidden_cot_plain");
    expect(published["ot_hidden"]).toBeCloseTo(intended["ot_hidden"]!, 6);
  });

  test("fields that a method does not use may be left out", async () => {
    const { s_logits, label_s, t_logits_same } = goodCase("sft");
    expect((await run({ s_logits, label_s, objective: { method: "sft" } })).code).toBe(0);
    expect((await run({ s_logits, label_s, t_logits_same, objective: { method: "kd" } })).code).toBe(0);
  });
});

const without = (field: string, method: string, more: Fields = {}) => {
  const { [field]: _, ...rest } = goodCase(method, more);
  return rest;
};

describe("bad input is refused, naming the field", () => {
  const settings = (method: string, more: Fields) => goodCase(method, more);
  test.each<[string, unknown, RegExp]>([
    ["broken JSON", "{", /^file: is not JSON/],
    ["no objective", { s_logits: [[[1]]], label_s: [[0]], label_t: [[0]] }, /^objective: /],
    ["an unknown method", settings("magic", {}), /^objective\.method: must be one of sft/],
    ["an unknown base", settings("cot2align", { base: "sft" }), /^objective\.base: /],
    ["temperature 0", settings("kd", { temperature: 0 }), /^objective\.temperature: .*above 0/],
    [
      "a negative temperature",
      settings("cma", { teacherTemperature: -1 }),
      /^objective\.teacherTemperature: /,
    ],
    ["kdRate 2", settings("uld", { kdRate: 2 }), /^objective\.kdRate: /],
    ["alpha 0", settings("ot", { alpha: 0 }), /^objective\.alpha: /],
    ["an unknown cost", settings("ot", { cost: "manhattan" }), /^objective\.cost: /],
    ["half a sweep", settings("ot", { maxIterations: 0.5 }), /^objective\.maxIterations: /],
    ["an unknown reduction", settings("kd", { reduction: "mean" }), /^objective\.reduction: /],
    ["a denominator of 0", changed(goodCase("kd"), { batch_denom: 0 }), /^batch_denom: /],
    ["no labels", without("label_s", "sft"), /^label_s: missing/],
    ["no logits of the teacher", without("t_logits", "uld"), /^t_logits: /],
    ["no logits of the teacher, CMA", without("t_logits", "cma"), /^t_logits: /],
    ["no shared logits", without("t_logits_same", "kd"), /^t_logits_same: /],
    ["no hidden states", without("t_hid", "ot"), /^t_hid: /],
    ["no projector", changed(without("ot.weight", "ot"), { "ot.bias": null }), /^ot\.weight: /],
    ["no embedding table", without("Et", "cma"), /^Et: /],
    ["no token texts", without("teacher_tokens", "mined"), /^teacher_tokens: /],
    [
      "texts of another tokenizer",
      changed(goodCase("mined"), { student_tokens: ["a", "b"] }),
      /^student_tokens: holds 2/,
    ],
    [
      "a second view without labels",
      changed(without("label_s_raw", "ot"), { label_t_raw: null }),
      /^label_s_raw: missing/,
    ],
    ["no teacher labels", without("label_t", "uld"), /^label_t: missing/],
    ["no ids", without("ids_t", "mined"), /^ids_t: /],
    [
      "an empty response",
      changed(goodCase("uld"), {
        label_t: [
          [X, 2, 3, 4, X],
          [X, X, X, X, X],
        ],
      }),
      /^label_t: sample 1 has no response/,
    ],
    [
      "an empty response, student",
      changed(goodCase("sft"), {
        label_s: [
          [X, X, X, X],
          [X, X, 1, 0],
        ],
      }),
      /^label_s: sample 0/,
    ],
    [
      "an empty plain view on one side",
      changed(goodCase("ot"), {
        label_t_raw: [
          [X, X],
          [X, 0],
        ],
      }),
      /^label_t_raw: sample 0/,
    ],
    [
      "an empty plain view",
      changed(goodCase("cot2align", { base: "uld" }), {
        label_s_raw: [
          [X, X, X],
          [X, X, X],
        ],
        label_t_raw: [
          [X, X],
          [X, X],
        ],
      }),
      /^label_s_raw: /,
    ],
    ["a ragged tensor", changed(goodCase("uld"), { s_logits: [[[1, 2], [1]]] }), /^s_logits: ragged/],
    [
      "another batch size",
      changed(goodCase("uld"), { t_logits: numbers(1, 5, 6) }),
      /^t_logits: has shape \[1, 5/,
    ],
    ["another length", changed(goodCase("ot"), { s_emb: numbers(2, 3, 3) }), /^s_emb: has shape \[2, 3/],
    [
      "another width",
      changed(goodCase("ot"), { s_emb: numbers(2, 4, 2) }),
      /^s_emb: the student's width is 2 here and 3/,
    ],
    [
      "a projector of another shape",
      changed(goodCase("ot"), { "ot.weight": numbers(4, 3) }),
      /^ot\.weight: has shape \[4, 3/,
    ],
    [
      "a head of another vocabulary",
      changed(goodCase("cma"), { Ws: numbers(7, 3) }),
      /^Ws: the student's vocabulary is 7/,
    ],
    [
      "a label beyond the vocabulary",
      changed(goodCase("sft"), {
        label_s: [
          [X, 9, 3, X],
          [X, X, 1, 0],
        ],
      }),
      /^label_s: token 9/,
    ],
    [
      "a label that is no token",
      changed(goodCase("sft"), {
        label_s: [
          [X, 0.5, 3, X],
          [X, X, 1, 0],
        ],
      }),
      /^label_s: expected token ids/,
    ],
    [
      "text among numbers",
      changed(goodCase("sft"), { s_logits: [[["a"]]] }),
      /^s_logits: expected finite numbers/,
    ],
  ])("%s", async (_name, content, message) => {
    expect((await run(content)).code).toBe(2);
    expect(errors.join("\n")).toMatch(message);
  });

  test("a file that is not there, and no file at all", async () => {
    expect(await main(["objective", join(dir, "nope.json")])).toBe(2);
    expect(await main(["objective"])).toBe(2);
    expect(errors.join("\n")).toMatch(/nope\.json" cannot be read[\s\S]*Usage: couplet objective CASE\.json/);
  });
});
