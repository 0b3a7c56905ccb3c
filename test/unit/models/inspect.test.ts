// one answer to what a folder can be — plan
//   property   120 folders: random subsets of the files of a model (weights whole, in shards of any name, as ONNX with data files of any
//              name, q4, q8, fp16; noise), renamed, cut, without some, with LFS pointers: every choice that inspection promises opens, every
//              role and form that it refuses does not; both on a disk and as a dropped folder
//   host       × {model.onnx.data, one file per tensor, two graphs with data, shards of another prefix}: the files of a choice are those
//              that open, by listing and by address
//   tokenizer  × {an unknown normalizer, null eos, tokens of another model, plain BPE}: neither
//              role, with the loader's words
//   weights    a folder of weights alone is a teacher: the graph is made, and gives the same logits as the one written
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

import { createRng } from "../../../src/config/rng";
import {
  droppedFiles,
  inspectLocal,
  inspectRemote,
  loadStudentWeights,
  loadTokenizer,
  memoryFiles,
  memoryStore,
  ModelError,
  type ModelFiles,
  ONNX_FILES,
  type OnnxDtype,
  openTeacher,
  readSafetensors,
  type RemoteSource,
  writeSafetensors,
} from "../../../src/models";
import { folderFiles } from "../../../src/models/files/node-files";
import { fakeHub } from "./fake-hub";
import { movedOut } from "./moved-out";
import { encode, quantizedFolder, tinyFolder } from "./tiny";

const quantized = (name: string) =>
  new Uint8Array(readFileSync(join(import.meta.dirname, "../../fixtures/quantized", name)));
const POINTER = new TextEncoder().encode(
  `version https://git-lfs.github.com/spec/v1\noid sha256:${"0a".repeat(32)}\nsize 4096\n`,
);
type Folder = Map<string, Uint8Array>;
type Rng = ReturnType<typeof createRng>;

function shardsOf(weights: Uint8Array, prefix: string): Folder {
  const tensors = [...readSafetensors(weights)];
  const half = tensors.length >> 1;
  const parts = [tensors.slice(0, half), tensors.slice(half)];
  const names = parts.map((_, i) => `${prefix}-0000${i + 1}-of-00002.safetensors`);
  const map = parts.flatMap((part, i) => part.map(([name]) => [name, names[i]]));
  return new Map([
    ["model.safetensors.index.json", encode({ metadata: {}, weight_map: Object.fromEntries(map) })],
    ...parts.map((part, i) => [names[i]!, writeSafetensors(new Map(part))] as const),
  ]);
}

/** Everything that a folder may hold. */
async function everything(rng: Rng): Promise<Folder> {
  const folder: Folder = await quantizedFolder();
  const pick = <T>(...of: T[]): T => of[rng.int(of.length)]!;
  for (const [path, bytes] of shardsOf(
    folder.get("model.safetensors")!,
    pick("model", "consolidated", "é part"),
  ))
    folder.set(path, bytes);
  const location = pick("", "model.onnx_data", "./model.onnx_data", "model.onnx.data", "a b.bin", "apart");
  if (location !== "") {
    const graph = folder.get("onnx/model.onnx")!;
    const { model, data } = movedOut(graph, (_, i) => (location === "apart" ? `w${i}` : location));
    folder.set("onnx/model.onnx", model);
    for (const [name, bytes] of data) folder.set(`onnx/${name.replace("./", "")}`, bytes);
  }
  folder.set("onnx/model_fp16.onnx", quantized("fp16.onnx"));
  folder.set("onnx/model_q4.onnx", quantized("q4.onnx"));
  folder.set("onnx/model_quantized.onnx", quantized("q8.onnx"));
  for (const noise of ["README.md", "pytorch_model.bin", "tokenizer.model", "onnx/notes.txt", "model.gguf"])
    folder.set(noise, encode(noise));
  return folder;
}

const RENAMED: [string, string][] = [
  ["model.safetensors", "weights.safetensors"],
  ["onnx/model.onnx", "model.onnx"],
  ["onnx/model.onnx", "onnx/decoder.onnx"],
  ["model.safetensors.index.json", "index.json"],
  ["onnx/model_q4.onnx", "onnx/model_q8.onnx"],
  ["tokenizer.json", "tokenizer.JSON"],
];

/** Some of it: most of the small files, half of the large; now and then one is renamed, a pointer, or cut. */
function some(all: Folder, rng: Rng): Folder {
  const small = (path: string) => /^(config|tokenizer|tokenizer_config)\.json$/.test(path);
  const data = (path: string) => path.startsWith("onnx/") && !path.endsWith(".onnx");
  const folder = new Map(
    [...all].filter(([path]) => rng.next() < (small(path) ? 0.95 : data(path) ? 0.97 : 0.5)),
  );
  const [from, to] = RENAMED[rng.int(RENAMED.length)]!;
  if (rng.int(3) === 0 && folder.has(from)) {
    folder.set(to, folder.get(from)!);
    folder.delete(from);
  }
  const paths = [...folder.keys()];
  const victim = paths[rng.int(paths.length)]!;
  if (rng.int(4) === 0) folder.set(victim, POINTER);
  else if (rng.int(6) === 0) folder.set(victim, folder.get(victim)!.subarray(0, 40));
  return folder;
}

const opened = async (work: () => Promise<unknown>): Promise<string> =>
  work().then(
    () => "",
    (error: unknown) => {
      if (error instanceof ModelError) return error.message;
      throw error;
    },
  );

async function agree(files: ModelFiles, listed: { path: string; bytes: number }[], seed: number) {
  const seen = await inspectLocal(files, listed).catch((error: unknown) => {
    if (error instanceof ModelError) return undefined; // no config.json, or none that can be read
    throw error;
  });
  const promised = seen?.teacher.can ? seen.teacher.choices.map(({ dtype }) => dtype) : [];
  for (const dtype of ["fp32", "fp16", "q8", "q4"] satisfies OnnxDtype[]) {
    const trouble = await opened(async () => (await openTeacher(files, { device: "cpu", dtype })).dispose());
    const said = seen && !seen.teacher.can ? seen.teacher.why : "";
    expect([seed, dtype, trouble === "", trouble, said]).toEqual([
      seed,
      dtype,
      promised.includes(dtype),
      trouble,
      said,
    ]);
  }
  const trouble = await opened(async () => {
    await loadStudentWeights(files);
    await loadTokenizer(files);
  });
  const said = seen && !seen.student.can ? seen.student.why : "";
  expect([seed, trouble === "", trouble, said]).toEqual([seed, seen?.student.can ?? false, trouble, said]);
  return { teacher: promised.length, student: seen?.student.can ?? false };
}

test("what inspection promises opens, and what it refuses does not", async () => {
  const counts = { teachers: 0, students: 0, none: 0 };
  const at = mkdtempSync(join(tmpdir(), "couplet-roles-"));
  try {
    for (let seed = 1; seed <= 120; seed++) {
      const rng = createRng(seed);
      const folder = some(await everything(rng), rng);
      const listed = [...folder].map(([path, { length }]) => ({ path, bytes: length }));
      let files: ModelFiles = memoryFiles("m", folder);
      if (seed % 3 === 1) {
        const dir = join(at, `${seed}`);
        for (const [path, bytes] of folder) {
          mkdirSync(dirname(join(dir, path)), { recursive: true });
          writeFileSync(join(dir, path), bytes);
        }
        files = folderFiles("m", dir);
      }
      if (seed % 3 === 2) {
        const blobs = [...folder].map(([path, bytes]) => [path, new Blob([new Uint8Array(bytes)])] as const);
        const dropped = droppedFiles("m", new Map(blobs));
        files = dropped;
        listed.splice(
          0,
          listed.length,
          ...[...dropped.paths].map(([path, { size }]) => ({ path, bytes: size })),
        );
      }
      const { teacher, student } = await agree(files, listed, seed);
      counts.teachers += teacher;
      counts.students += student ? 1 : 0;
      counts.none += teacher === 0 && !student ? 1 : 0;
    }
  } finally {
    rmSync(at, { recursive: true, force: true });
  }
  expect(counts.teachers).toBeGreaterThan(60); // control: all sorts were met
  expect(counts.students).toBeGreaterThan(30);
  expect(counts.none).toBeGreaterThan(10);
}, 240_000);

const HOSTED: [string, (folder: Folder) => void][] = [
  [
    "model.onnx.data",
    (folder) => {
      const { model, data } = movedOut(folder.get("onnx/model.onnx")!, () => "model.onnx.data");
      folder.set("onnx/model.onnx", model).set("onnx/model.onnx.data", data.get("model.onnx.data")!);
    },
  ],
  [
    "one file per tensor",
    (folder) => {
      const { model, data } = movedOut(folder.get("onnx/model.onnx")!, (_, i) => `weights ${i}.bin`);
      folder.set("onnx/model.onnx", model);
      for (const [name, bytes] of data) folder.set(`onnx/${name}`, bytes);
    },
  ],
  [
    "two graphs",
    (folder) => {
      for (const [path, location] of [
        [ONNX_FILES.fp32, "model.onnx_data"],
        [ONNX_FILES.fp16, "model_fp16.onnx_data"],
      ] as const) {
        const { model, data } = movedOut(folder.get("onnx/model.onnx")!, () => location);
        folder
          .set(path === ONNX_FILES.fp32 ? "held" : path, model)
          .set(`onnx/${location}`, data.get(location)!);
      }
      folder.set(ONNX_FILES.fp32, folder.get("held")!).delete("held");
    },
  ],
];

test.each(HOSTED)("a host's %s: what is downloaded opens", async (_, change) => {
  for (const kind of ["hub", "address"] as const) {
    const folder: Folder = await tinyFolder();
    folder.delete("model.safetensors");
    folder.set("LICENSE", encode("")).set("onnx/notes.md", encode(""));
    change(folder);
    const hub = await fakeHub("someone/tiny", folder);
    try {
      const source: RemoteSource =
        kind === "hub"
          ? { kind, id: "someone/tiny", host: hub.host }
          : { kind, url: `${hub.host}/someone/tiny/resolve/main` };
      const { teacher, student } = await inspectRemote(source, memoryStore());
      if (!teacher.can || !student.can) throw new Error("both roles were expected");
      for (const { dtype, files } of [...teacher.choices, ...student.choices]) {
        const taken = new Map(files.map(({ path }) => [path, folder.get(path)!]));
        for (const { path, bytes } of files) expect([path, bytes]).toEqual([path, folder.get(path)!.length]);
        if (dtype) await (await openTeacher(memoryFiles("m", taken), { device: "cpu", dtype })).dispose();
        else expect((await loadStudentWeights(memoryFiles("m", taken))).tensors.size).toBeGreaterThan(10);
      }
      expect(teacher.choices.map(({ dtype }) => dtype)).toContain("fp32");
    } finally {
      await hub.close();
    }
  }
});

test("a host's shards under another prefix", async () => {
  for (const kind of ["hub", "address"] as const) {
    const folder: Folder = await tinyFolder();
    for (const [path, bytes] of shardsOf(folder.get("model.safetensors")!, "consolidated"))
      folder.set(path, bytes);
    folder.delete("model.safetensors");
    folder.delete("onnx/model.onnx");
    const hub = await fakeHub("someone/tiny", folder);
    const source: RemoteSource =
      kind === "hub"
        ? { kind, id: "someone/tiny", host: hub.host }
        : { kind, url: `${hub.host}/someone/tiny/resolve/main` };
    const { teacher, student } = await inspectRemote(source, memoryStore());
    await hub.close();
    if (!teacher.can || !student.can) throw new Error("both roles were expected");
    expect(teacher.choices).toMatchObject([{ dtype: "fp32", made: true }]);
    const paths = student.choices[0]!.files.map(({ path }) => path);
    expect(paths).toContain("consolidated-00002-of-00002.safetensors");
    const taken = new Map(teacher.choices[0]!.files.map(({ path }) => [path, folder.get(path)!]));
    await (await openTeacher(memoryFiles("m", taken), { device: "cpu" })).dispose();
  }
});

const parsed = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes)) as Record<string, object>;
const UNREAD: [string, (tokenizer: Record<string, object>, settings: Record<string, unknown>) => void][] = [
  ["Unknown Normalizer type: Nmt", (tokenizer) => Object.assign(tokenizer, { normalizer: { type: "Nmt" } })],
  [
    "Unknown Normalizer type: Nmt",
    (tokenizer) =>
      Object.assign(tokenizer, { normalizer: { type: "Sequence", normalizers: [{ type: "Nmt" }] } }),
  ],
  ["eos_token must name a token", (_, settings) => Object.assign(settings, { eos_token: null })],
  ["eos_token must name a token", (_, settings) => Object.assign(settings, { eos_token: "</s>" })],
  [
    "does not belong to this model",
    ({ model }) => {
      const { vocab } = model as { vocab: Record<string, number> };
      for (let id = 272; id < 400; id++) vocab[`other${id}`] = id;
    },
  ],
  [
    "is none of them",
    (tokenizer) => Object.assign(tokenizer, { pre_tokenizer: { type: "Whitespace" }, decoder: null }),
  ],
];

test.each(UNREAD)("a tokenizer that nothing reads with: %s", async (why, change) => {
  const folder = await tinyFolder();
  const [tokenizer, settings] = ["tokenizer.json", "tokenizer_config.json"].map((path) =>
    parsed(folder.get(path)!),
  );
  change(tokenizer!, settings!);
  folder.set("tokenizer.json", encode(tokenizer)).set("tokenizer_config.json", encode(settings));
  const files = memoryFiles("m", folder);
  const trouble = await opened(async () => loadTokenizer(files));
  expect(trouble).toContain(why);
  const listed = [...folder].map(([path, { length }]) => ({ path, bytes: length }));
  const { teacher, student } = await inspectLocal(files, listed);
  expect([teacher, student]).toEqual([
    { can: false, why: trouble },
    { can: false, why: trouble },
  ]);
});

test("a folder of weights alone is a teacher", async () => {
  const whole = await tinyFolder();
  const alone = new Map([...whole].filter(([path]) => path !== "onnx/model.onnx"));
  const ids = Int32Array.from({ length: 9 }, (_, i) => 5 + 11 * i);
  const states = async (folder: Folder) => {
    const teacher = await openTeacher(memoryFiles("m", folder), { device: "cpu" });
    const out = await teacher.forward(ids, new Uint8Array(9).fill(1), 1, 9, { logits: true });
    await teacher.dispose();
    return [out.logits, out.hidden, out.embedding];
  };
  expect(await states(alone)).toEqual(await states(whole));
  alone.delete("model.safetensors");
  await expect(openTeacher(memoryFiles("m", alone), { device: "cpu" })).rejects.toThrow(
    /needs onnx\/model\.onnx, but it is not there, nor are weights \(model\.safetensors\) to make it from/,
  );
});
