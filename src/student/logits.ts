// Logits of a batch, once: what the load-time probe compares with the model's own ONNX session.
import type { Gpu } from "../gpu/device";
import { ELEMENT_BYTES, ProgramBuilder } from "../gpu/program";
import { recordHead, recordModel, type StudentModel } from "./model";
import { gatherRows } from "./ops/rows";
import { segmentBytesOf } from "./param-layout";
import { Tape } from "./tape";

/** ids [B, T] → logits [B, T, V]; on the GPU so many rows together as the adapter binds at once. */
export async function studentLogits(
  gpu: Gpu,
  model: StudentModel,
  ids: Int32Array,
  B: number,
  T: number,
): Promise<Float32Array> {
  const b = new ProgramBuilder("logits");
  const tape = new Tape(b, { training: false });
  const { hidden } = recordModel(tape, model, { B, T, ids: b.input("ids", B * T) });
  const blocks = rowBlocks(B * T, model.config.vocabSize, segmentBytesOf(gpu.device.limits));
  const data: Record<string, Int32Array | Uint32Array> = { ids };
  for (const { name, rows } of blocks) {
    const all = rows.length === B * T;
    const block = all ? hidden : gatherRows(tape, hidden, b.input(`rows of ${name}`, rows.length));
    if (!all) data[`rows of ${name}`] = rows;
    b.output(name, recordHead(tape, model, block).value);
  }
  const program = await b.build(gpu);
  const values = await program.run(data, { read: blocks.map(({ name }) => name) });
  program.destroy();
  const [first] = blocks;
  if (blocks.length === 1 && first) return values[first.name] ?? new Float32Array(0);
  const logits = new Float32Array(B * T * model.config.vocabSize);
  for (const { name, rows } of blocks)
    logits.set(values[name] ?? [], (rows[0] ?? 0) * model.config.vocabSize);
  return logits;
}

/** Rows in order, as many in each block as have logits of at most `bytes`. */
function rowBlocks(count: number, vocab: number, bytes: number): { name: string; rows: Uint32Array }[] {
  const most = Math.max(1, Math.floor(bytes / (vocab * ELEMENT_BYTES)));
  return Array.from({ length: Math.ceil(count / most) }, (_, i) => ({
    name: `logits ${i}`,
    rows: Uint32Array.from({ length: Math.min(most, count - i * most) }, (_row, r) => i * most + r),
  }));
}
