// couplet plan — plan
//   a config       a line for each class, a total that is their sum, a verdict, what would take less; --json the same
//   too large      exit 3 and the reason; a student of Qwen2.5-0.5B's shape and a teacher of Gemma 3's: a report, no stack
//   largest        a weight by its own name and bytes, an activation as what computes it
//   host       a 7B shape with adapters on 16 GiB: exit 3 and both numbers; a small model fits into 600 MiB
//   bad input      exit 2
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import os, { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test, vi } from "vitest";
import { main } from "../../../src/cli/main";
import { expectedTensors, parseModelConfig } from "../../../src/models";
import type { MemoryPlan } from "../../../src/telemetry";
import { SMALL_RUN } from "../../support/bundled";
import { tokenizerFiles } from "../models/tiny";

const dir = mkdtempSync(join(tmpdir(), "couplet-plan-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let printed: string[] = [];
beforeEach(() => {
  printed = [];
  const keep = (...parts: unknown[]) => void printed.push(parts.join(" "));
  vi.spyOn(console, "log").mockImplementation(keep);
  vi.spyOn(console, "error").mockImplementation(keep);
});

function config(change: object): string {
  const file = join(dir, "config.json");
  writeFileSync(file, JSON.stringify({ ...SMALL_RUN, ...change }));
  return file;
}

test("a table and the same as JSON", async () => {
  expect(await main(["plan", config({}), "--json"])).toBe(0);
  const plan = JSON.parse(printed.join("\n")) as MemoryPlan;
  expect(Object.values(plan.bytes).reduce((a, b) => a + b, 0)).toBe(plan.total);
  printed = [];
  expect(await main(["plan", config({})])).toBe(0);
  const text = printed.join("\n");
  for (const name of ["weights", "gradients", "moments", "activations", "inputs", "workspace", "total"])
    expect(text).toMatch(new RegExp(`^${name} +\\d+\\.\\d MiB$`, "m"));
  expect(text).toContain("It fits.");
  expect(text).toMatch(/MiB +fits +gradientCheckpointing true$/m);
});

test("what is too large", async () => {
  expect(await main(["plan", config({ memoryBudgetMiB: 2 })])).toBe(3);
  expect(printed.join("\n")).toMatch(/does not fit: the run takes .* memoryBudgetMiB allows 2 MiB/);
});

/** A folder whose weights are a head and a hole: their values are not looked at. */
function sparseFolder(name: string, json: object): string {
  const at = join(dir, name);
  mkdirSync(at, { recursive: true });
  for (const [path, bytes] of tokenizerFiles()) writeFileSync(join(at, path), bytes);
  writeFileSync(join(at, "config.json"), JSON.stringify(json));
  let end = 0;
  const header = Object.fromEntries(
    [...expectedTensors(parseModelConfig(json))].map(([tensor, shape]) => {
      const from = end;
      end += 4 * shape.reduce((a, b) => a * b, 1);
      return [tensor, { dtype: "F32", shape, data_offsets: [from, end] }];
    }),
  );
  const head = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(head.length), true);
  writeFileSync(join(at, "model.safetensors"), Buffer.concat([length, head]));
  truncateSync(join(at, "model.safetensors"), 8 + head.length + end);
  return at;
}

const QWEN = {
  ...{ model_type: "qwen2", vocab_size: 151_936, hidden_size: 896, intermediate_size: 4864 },
  ...{ num_hidden_layers: 24, num_attention_heads: 14, num_key_value_heads: 2 },
  ...{ tie_word_embeddings: true, eos_token_id: 1 },
};
const LORA = { kind: "lora", rank: 8, alpha: 16, targets: ["q_proj", "v_proj"] };

test("a large student, full and with adapters", async () => {
  const student = sparseFolder("qwen", QWEN);
  const change = { student, method: { id: "sft" }, training: LORA };
  const code = await main(["plan", config(change), "--json"]);
  const plan = JSON.parse(printed.join("\n")) as MemoryPlan & {
    limits: { maxStorageBufferBindingSize: number };
  };
  expect(code).toBe(plan.fits ? 0 : 3);
  // 494,032,768 parameters, as its makers state.
  expect(plan.bytes.weights / 4).toBeGreaterThan(494_032_768);
  expect(plan.bytes.weights / 4).toBeLessThan(494_032_768 * 1.01);
  // The table of 544.5 MB is bound at once, or in ranges where the adapter binds less.
  const whole = 151_936 * 896 * 4;
  expect(plan.largest.label).toBe("model.embed_tokens.weight");
  expect(plan.largest.bytes).toBeLessThanOrEqual(Math.min(whole, plan.limits.maxStorageBufferBindingSize));
  expect(plan.largest.bytes).toBeGreaterThan(0.9 * Math.min(whole, plan.limits.maxStorageBufferBindingSize));
  printed = [];
  expect(await main(["plan", config({ ...change, memoryBudgetMiB: 1000 })])).toBe(3);
  expect(printed.join("\n")).toMatch(
    /does not fit: the run takes \d+\.\d MiB, and memoryBudgetMiB allows 1000 MiB/,
  );
});

test("a student that no kernel takes is a refusal in words", async () => {
  const student = sparseFolder("odd", { ...QWEN, vocab_size: 300, head_dim: 258, num_hidden_layers: 1 });
  expect(await main(["plan", config({ student, method: { id: "sft" } })])).toBe(3);
  const text = printed.join("\n");
  expect(text).toMatch(/This student cannot be trained here\.\nattention needs a head size.*got 258/);
  expect(text).not.toMatch(/ at \w+ \(/); // no stack
});

test("a teacher with a vocabulary of 262,144 tokens", async () => {
  const gemma = {
    ...{ model_type: "gemma3_text", vocab_size: 262_144, hidden_size: 640, intermediate_size: 2048 },
    ...{ num_hidden_layers: 18, num_attention_heads: 4, num_key_value_heads: 1, eos_token_id: 1 },
  };
  const code = await main([
    "plan",
    config({ teacher: sparseFolder("gemma", gemma), method: { id: "uld", kdRate: 0.5 } }),
    "--json",
  ]);
  const plan = JSON.parse(printed.join("\n")) as MemoryPlan;
  expect(code).toBe(plan.fits ? 0 : 3);
  expect(plan.bytes.workspace).toBeGreaterThan(262_144 * 640 * 4);
  printed = [];
  const unread = config({ teacher: sparseFolder("gemma-cut", gemma), method: { id: "uld", kdRate: 0.5 } });
  truncateSync(join(dir, "gemma-cut/model.safetensors"), 1_000_000);
  expect(await main(["plan", unread])).toBe(2);
  expect(printed.join("\n")).toMatch(/model\.safetensors: cut-off safetensors/);
});

test("a student of 7B does not fit into a machine of 16 GiB", async () => {
  const json = { ...QWEN, hidden_size: 3584, intermediate_size: 18_944, num_hidden_layers: 28 };
  const shape = { ...json, num_attention_heads: 28, num_key_value_heads: 4, tie_word_embeddings: false };
  const large = config({ student: sparseFolder("7b", shape), method: { id: "sft" }, training: LORA });
  vi.spyOn(process, "constrainedMemory").mockReturnValue(0);
  const total = vi.spyOn(os, "totalmem").mockReturnValue(16 * 2 ** 30);
  expect(await main(["plan", large])).toBe(3);
  const text = printed.join("\n");
  const [, needed] = /the run takes (\d+\.\d) MiB of the host's memory .*this machine has 16384\.0 MiB/.exec(
    text,
  )!;
  // 7,615,616,512 parameters in f32, as its makers state; the file and a session's copy of it.
  expect(Number(needed) * 2 ** 20).toBeGreaterThan(2 * 4 * 7_615_616_512);
  expect(text).not.toContain("It fits.");
  expect(text).not.toMatch(/MiB +fits/);
  printed = [];
  total.mockReturnValue(600 * 2 ** 20);
  expect(await main(["plan", config({})])).toBe(0); // small models run in little
  expect(printed.join("\n")).toContain("It fits.");
  vi.restoreAllMocks();
});

test("bad input", async () => {
  expect(await main(["plan"])).toBe(2);
  expect(printed.join("\n")).toMatch(/Usage: couplet plan/);
});
