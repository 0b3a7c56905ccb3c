// Logits of a batch, once: what the load-time probe compares with the model's own ONNX session.
import type { Gpu } from "../gpu/device";
import { ProgramBuilder } from "../gpu/program";
import { recordHead, recordModel, type StudentModel } from "./model";
import { Tape } from "./tape";

/** ids [B, T] → logits [B, T, V]. */
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
  b.output("logits", recordHead(tape, model, hidden).value);
  const program = await b.build(gpu);
  const { logits } = await program.run({ ids }, { read: ["logits"] });
  program.destroy();
  return logits;
}
