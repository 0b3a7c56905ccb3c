// A worker over the real private file system, for models.test.ts: one task, one answer.
import { createStateSets, opfsStore, TEACHER_STATES } from "../../../src/models";

const store = opfsStore(TEACHER_STATES);
const sets = createStateSets(store);
const set = () => sets.open({ teacher: "t", identity: "i", taps: ["hidden"] });

async function write() {
  const there = await set();
  const data = Float32Array.of(0.1, 0.2, 0.3);
  await there.write("row", { tensors: new Map([["hidden", { shape: [1, 3], data }]]), note: "n" });
  await there.flush();
  return { sets: (await sets.list()).length };
}

async function read() {
  const record = await (await set()).read("row");
  const data = record?.tensors.get("hidden")?.data;
  return { values: data && [...data], ...(record && { note: record.note }) };
}

async function damage() {
  const [{ key, files } = { key: "", files: [] }] = await store.list();
  const path = files.find((file) => file.path.endsWith(".safetensors"))?.path ?? "";
  const bytes = new Uint8Array((await (await store.open(key, path))?.arrayBuffer()) ?? []);
  bytes[bytes.length - 1]! ^= 1;
  const writer = await store.append(key, path, 0);
  await writer.write(bytes);
  await writer.close(true);
  return { damaged: bytes.length > 12 };
}

async function remove() {
  await sets.delete();
  return { sets: (await sets.list()).length };
}

const TASKS: Record<string, () => Promise<object>> = { write, read, damage, delete: remove };

self.addEventListener(
  "message",
  ({ data }: MessageEvent<string>) => void TASKS[data]?.().then((answer) => self.postMessage(answer)),
);
