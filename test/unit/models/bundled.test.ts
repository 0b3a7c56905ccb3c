// the bundled folders, written in Python by an exporter that is not ours — plan
//   taps       embedding = rows of model.safetensors, hidden · headᵀ = logits
//   export     the same weights through our exporter: equal hidden states and logits, equal greedy text
//   tokenizer  bytes add up on every row of the data and on random unicode
//   data       every row is usable in both views, nothing is cut
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { BUNDLED_BYTES, BUNDLED_FACTS } from "../../../src/config/bundled";
import { parseRows, prepareDataset, type Row } from "../../../src/data";
import {
  exportStudentFolder,
  loadStudentWeights,
  loadTokenizer,
  memoryFiles,
  openTeacher,
} from "../../../src/models";
import { concatBytes } from "../../../src/models/files/files";
import { folderFiles } from "../../../src/models/files/node-files";

const publicDir = join(import.meta.dirname, "../../../public");
const folder = (name: string) => folderFiles(name, join(publicDir, "models", name));
test.each(Object.entries(BUNDLED_BYTES))("%s has the bytes that the page says", (name, bytes) => {
  const dir = join(publicDir, "models", name);
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const sizes = files.map((entry) => statSync(join(entry.parentPath, entry.name)).size);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(bytes);
});

test.each(Object.entries(BUNDLED_FACTS))("%s is what the page says", (name, facts) => {
  const c = JSON.parse(readFileSync(join(publicDir, "models", name, "config.json"), "utf8"));
  const [layers, width] = [c.num_hidden_layers ?? c.n_layer, c.hidden_size ?? c.n_embd];
  expect({ family: c.model_type, layers, width, tokens: c.vocab_size }).toEqual({
    ...facts,
    right: undefined,
  });
  const card = readFileSync(join(publicDir, "../docs/BUNDLED-MODELS.md"), "utf8");
  expect(card).toContain(`**${(100 * facts.right).toFixed(1)}%**`);
});

const rowsOf = (name: string): Row[] => parseRows(readFileSync(join(publicDir, "data", name), "utf8"), name);
const worst = (a: Float32Array, b: Float32Array) =>
  a.reduce((max, v, i) => Math.max(max, Math.abs(v - b[i]!)), 0);

describe.each(["couplet-teacher", "couplet-student", "couplet-student-near", "couplet-gpt2"])(
  "%s",
  (name) => {
    test("taps, and the same model through our exporter", async () => {
      const { config, tensors } = await loadStudentWeights(folder(name));
      const theirs = await openTeacher(folder(name), { device: "cpu" });
      const written = await exportStudentFolder(config, tensors, folder(name));
      const ours = await openTeacher(memoryFiles("ours", written), { device: "cpu" });

      const [row] = rowsOf("reasoning-heldout.jsonl");
      const ids = Int32Array.from(theirs.tokenizer.encode(row!.promptCot! + row!.outputCot!));
      const mask = new Uint8Array(ids.length).fill(1);
      const a = await theirs.forward(ids, mask, 1, ids.length, { logits: true });
      const b = await ours.forward(ids, mask, 1, ids.length, { logits: true });

      const rows = (name: string, index: (t: number) => number) => {
        const table = tensors.get(name)?.data;
        return Float32Array.from(
          a.embedding,
          (_, i) => table?.[index(Math.floor(i / a.D)) * a.D + (i % a.D)] ?? 0,
        );
      };
      const gpt2 = config.modelType === "gpt2";
      const tokens = rows(gpt2 ? "transformer.wte.weight" : "model.embed_tokens.weight", (t) => ids[t]!);
      const positions = rows("transformer.wpe.weight", (t) => t);
      const start = tokens.map((v, i) => v + positions[i]!);
      expect(worst(a.embedding, start)).toBe(0);
      expect(worst(b.embedding, start)).toBe(0);
      expect(worst(a.hidden, b.hidden)).toBeLessThan(1e-4);
      expect(worst(a.logits!, b.logits!)).toBeLessThan(1e-4);
      expect(theirs.head).toEqual(ours.head);

      for (const { promptCot } of rowsOf("reasoning-heldout.jsonl").slice(0, 5)) {
        const text = await theirs.generate(promptCot!, { maxNewTokens: 48 });
        expect(await ours.generate(promptCot!, { maxNewTokens: 48 })).toBe(text);
        expect(text).not.toBe("");
      }
      await Promise.all([theirs.dispose(), ours.dispose()]);
    });

    test("bytes of tokens add up to the text", async () => {
      const tok = await loadTokenizer(folder(name));
      const bytes = (text: string) =>
        concatBytes([new Uint8Array(0), ...tok.encode(text).map(tok.tokenBytes)]);
      const same = (text: string) => {
        expect(bytes(text)).toEqual(new TextEncoder().encode(text));
      };
      for (const row of rowsOf("reasoning-train.jsonl").slice(0, 300)) {
        same(row.promptCot! + row.outputCot!);
        expect(tok.decode(tok.encode(row.outputCot!))).toBe(row.outputCot);
      }
      const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }));
      fc.assert(fc.property(text, same), { numRuns: 500, seed: 3 });
    });
  },
);

test("every row of the bundled data is usable, uncut, in both views", async () => {
  const [student, teacher] = [
    await loadTokenizer(folder("couplet-student")),
    await loadTokenizer(folder("couplet-teacher")),
  ];
  const limits = { maxLength: 512, maxPrompt: 256 };
  for (const file of ["reasoning-train.jsonl", "reasoning-heldout.jsonl"]) {
    const rows = rowsOf(file);
    for (const view of ["plain", "cot"] as const) {
      const { usable, dropped, truncated } = prepareDataset(rows, view, student, teacher, {
        student: limits,
        teacher: limits,
      });
      expect([usable.length, dropped, truncated]).toEqual([rows.length, [], 0]);
    }
  }
});
