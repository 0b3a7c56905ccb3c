// models in a real Chromium, from source (vite's development server) — plan
//   forms      teachers in q8, q4, q4f16, fp16 and builder style open on wasm: taps finite, head and probe agree, text comes;
//              what ONNX Runtime's wasm lacks is refused in its words (a table in GatherBlockQuantized)
//   states     what a teacher computed is kept in the real private file system, read back by another worker, and its damage seen
//   library    the worker over the real private file system: import, list with sizes, open as student, begun files, delete
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type * as Models from "../../src/models";
import { builderGraph } from "../unit/models/builder-graph";
import { quantizedConfig, quantizedFolder, randomTensors, tinyFolder } from "../unit/models/tiny";
import { base64, type Folder, openSourcePage, type SourcePage, top } from "./support/source-page";

let opened: SourcePage;
let page: Page;

beforeAll(async () => {
  const content = 'import * as models from "/src/models/index.ts"; globalThis.couplet = models;';
  opened = await openSourcePage(content, "couplet");
  ({ page } = opened);
});
afterAll(() => opened?.close());

const quantized = (name: string) =>
  new Uint8Array(readFileSync(join(top, `test/fixtures/quantized/${name}.onnx`)));

async function forms(): Promise<[string, string, Folder][]> {
  const folder = await quantizedFolder();
  const of = (name: string, path: string): Folder => base64(new Map([...folder, [path, quantized(name)]]));
  const config = { ...quantizedConfig, layers: 2, headDim: 16, tiedEmbeddings: true };
  const built = await tinyFolder(config, 5);
  const { model, data } = builderGraph(config, randomTensors(config, 5), { external: "model.onnx_data" });
  built.set("onnx/model.onnx", model).set("onnx/model.onnx_data", data);
  return [
    ["fp32", "fp32", base64(folder)],
    ["q8", "q8", of("q8", "onnx/model_quantized.onnx")],
    ["q4", "q4", of("q4", "onnx/model_q4.onnx")],
    ["fp16", "fp16", of("fp16", "onnx/model_fp16.onnx")],
    ["q4f16", "q4f16", of("q4f16", "onnx/model_q4f16.onnx")],
    ["q4 with a quantized table", "q4", of("q4-gather", "onnx/model_q4.onnx")],
    ["builder, weights in a data file", "fp32", base64(built)],
  ];
}

test("teachers in the forms that hubs hold, on wasm", async () => {
  for (const [name, dtype, folder] of await forms()) {
    const seen = await page.evaluate(
      async ([files, form]) => {
        const models = Reflect.get(globalThis, "couplet") as typeof Models;
        const bytes = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
        const map = new Map((files as Folder).map(([path, text]) => [path, bytes(text)]));
        const teacher = await models
          .openTeacher(models.memoryFiles("form", map), {
            device: "wasm",
            dtype: form as "fp32",
            layers: [1],
          })
          .catch((error: unknown) => String(error));
        if (typeof teacher === "string") return teacher;
        const ids = Int32Array.of(5, 6, 7);
        const out = await teacher.forward(ids, new Uint8Array(3).fill(1), 1, 3, {
          layers: true,
          logits: true,
        });
        const text = await teacher.generate("the", { maxNewTokens: 3 });
        await teacher.dispose();
        return {
          finite: [out.embedding, out.hidden, out.layers![0]!, out.logits!].every((x) =>
            x.every(Number.isFinite),
          ),
          head: teacher.head?.shape,
          text: typeof text,
        };
      },
      [folder, dtype] as const,
    );
    const opened = { finite: true, head: [272, 32], text: "string" };
    const refused = expect.stringMatching(
      /ONNX Runtime refused it on wasm.*implementation for GatherBlockQuantized/,
    ) as string;
    expect(seen, name).toEqual(name.includes("table") ? refused : opened);
  }
  expect(opened.outside).toEqual([]);
});

test("the library keeps models in the private file system", async () => {
  const seen = await page.evaluate(
    async (files) => {
      const worker = new Worker("/src/worker/library-worker.ts", { type: "module" });
      const events: { type: string; [key: string]: unknown }[] = [];
      const waiting: ((event: { type: string }) => void)[] = [];
      worker.onmessage = ({ data }) => {
        events.push(data as { type: string });
        for (const wake of waiting.splice(0)) wake(data as { type: string });
      };
      const ask = async (command: object, answer: string) => {
        worker.postMessage(command);
        for (;;) {
          const event = await new Promise<{ type: string; [key: string]: unknown }>((next) =>
            waiting.push(next),
          );
          if (event.type === answer) return event;
          if (event.type === "failed") throw new Error(JSON.stringify(event));
        }
      };
      const bytes = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
      const blobs = new Map(files.map(([path, text]) => [`dropped/${path}`, new Blob([bytes(text)])]));
      const done = await ask({ type: "import", name: "mine", files: blobs }, "downloaded"); // the list comes before it
      const first = events.findLast(({ type }) => type === "stored");
      const { key } = done as unknown as { key: string };
      const after = await ask({ type: "delete", key }, "stored");
      worker.terminate();
      return { first, after };
    },
    base64(await tinyFolder()),
  );
  const { models, usedBytes } = seen.first as unknown as {
    models: { key: string; files: { whole: boolean }[]; inspection: unknown }[];
    usedBytes: number;
  };
  expect(models.map(({ key }) => key)).toEqual([expect.stringMatching(/^local:mine@/)]);
  expect(models[0]!.files.map(({ whole }) => whole)).toEqual(models[0]!.files.map(() => true));
  expect(models[0]!.files.length).toBe((await tinyFolder()).size);
  expect(usedBytes).toBeGreaterThan(0);
  expect(models[0]!.inspection).toMatchObject({ teacher: { can: true }, student: { can: true } });
  expect(seen.after).toMatchObject({ models: [] });
  expect(opened.outside).toEqual([]);
});

test("a teacher's states are kept in the private file system", async () => {
  const seen = await page.evaluate(async () => {
    const run = async (task: string): Promise<unknown> => {
      const worker = new Worker("/test/browser/support/states-worker.ts", { type: "module" });
      const answer = await new Promise((done, failed) => {
        worker.onmessage = ({ data }) => done(data);
        worker.onerror = ({ message }) => failed(new Error(message));
        worker.postMessage(task);
      });
      worker.terminate();
      return answer;
    };
    return [
      await run("write"),
      await run("read"),
      await run("damage"),
      await run("read"),
      await run("delete"),
    ];
  });
  expect(seen).toEqual([
    { sets: 1 },
    { values: [0.1, 0.2, 0.3].map(Math.fround), note: "n" },
    { damaged: true },
    { values: undefined },
    { sets: 0 },
  ]);
});
