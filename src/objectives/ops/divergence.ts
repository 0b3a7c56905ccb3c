// Divergences between two models' distributions over one vocabulary, METHODS §2: value and gradient to the student's
// logits, fused with log-softmax. The teacher is a constant; there is no T² factor. See shaders/loss/divergence.wgsl.
import flatIndex from "../../../shaders/lib/flat_index.wgsl?raw";
import floatKey from "../../../shaders/lib/float_key.wgsl?raw";
import isFinite_ from "../../../shaders/lib/is_finite.wgsl?raw";
import sum4 from "../../../shaders/lib/workgroup_sum4.wgsl?raw";
import adaptiveSplit from "../../../shaders/loss/adaptive_split.wgsl?raw";
import divergence_ from "../../../shaders/loss/divergence.wgsl?raw";
import divergenceBackward from "../../../shaders/loss/divergence_backward.wgsl?raw";
import divergenceEntry from "../../../shaders/loss/divergence_entry.wgsl?raw";
import weightedTotal from "../../../shaders/loss/weighted_total.wgsl?raw";
import type { Divergence } from "../../config/run";
import { defineKernel } from "../../gpu/kernel";
import { f32, packParams, u32 } from "../../gpu/params";
import type { Binding, ProgramBuilder, Tensor } from "../../gpu/program";
import { type RowBlock, rowBlocks } from "../../gpu/tensor";
import { foldGrid } from "../../student/grid";
import type { Tape, Var } from "../../student";
import { recordSoftmaxStats, rowKernel } from "./softmax-stats";

const divergenceKernel = defineKernel({
  entry: "divergence",
  code: [isFinite_, sum4, divergenceEntry, divergence_],
  bindings: {
    params: "uniform",
    weight: "read",
    student: "read",
    student_stats: "read",
    teacher: "read",
    teacher_stats: "read",
    mix: "read",
    loss: "write",
    inner: "write",
  },
});

const divergenceBackwardKernel = defineKernel({
  entry: "divergence_backward",
  code: [flatIndex, isFinite_, divergenceEntry, divergenceBackward],
  bindings: {
    params: "uniform",
    scale: "uniform",
    weight: "read",
    student: "read",
    student_stats: "read",
    teacher: "read",
    teacher_stats: "read",
    mix: "read",
    inner: "read",
    dstudent: "write",
  },
});

export const adaptiveSplitKernel = defineKernel({
  entry: "adaptive_split",
  code: [isFinite_, floatKey, sum4, adaptiveSplit],
  bindings: {
    params: "uniform",
    weight: "read",
    student: "read",
    student_stats: "read",
    teacher: "read",
    teacher_stats: "read",
    mix: "write",
  },
});

const weightedTotalKernel = defineKernel({
  entry: "weighted_total",
  code: [sum4, weightedTotal],
  bindings: { params: "uniform", weight: "read", loss: "read", totals: "write" },
});

/** The published ones, and the generalized Jensen–Shannon divergence: `skew` is its β (METHODS §10.1). */
type RowDivergence = Divergence | "generalized_js";

export interface DivergenceSettings {
  readonly divergence: RowDivergence;
  /** Divides both logits; T > 0. */
  readonly temperature: number;
  /** Divides the teacher's logits once more (METHODS §6); 1 by default. */
  readonly teacherTemperature?: number | undefined;
  /** λ of the skewed forms, from 0 to 1; 0.1 by default. */
  readonly skew?: number | undefined;
  /** The tail's mass in adaptive KL, between 0 and 1; 0.5 by default. */
  readonly adaptiveAlpha?: number | undefined;
}

export interface DivergenceArgs extends DivergenceSettings {
  /** [N, Vs]. */
  readonly student: Var;
  /** [N, Vt]: a constant. With unequal widths both are cut to the smaller, as published. */
  readonly teacher: Tensor;
  /** (N) f32: the weight of each row in the sum; a row of weight 0 is not read. */
  readonly rowWeight: Tensor;
  /** The factor of the summed loss in the objective: a uniform input of 4 f32 (the first counts), or bytes. */
  readonly scale: Binding;
}

export interface RecordedDivergence {
  /** (N): D of each row, not weighted; 0 where the weight is 0. */
  readonly rowLoss: Tensor;
  /** (4): Σ weight·D, Σ weight, 0, 0. Not scaled. */
  readonly totals: Tensor;
}

/** What the kernels know: a form, and the weights of forward and reverse KL. */
const FORMS: Record<RowDivergence, { kind: number; forward: number; reverse: number }> = {
  forward_kl: { kind: 0, forward: 1, reverse: 0 },
  reverse_kl: { kind: 0, forward: 0, reverse: 1 },
  symmetric_kl: { kind: 0, forward: 0.5, reverse: 0.5 },
  js: { kind: 1, forward: 0, reverse: 0 },
  skewed_forward_kl: { kind: 2, forward: 0, reverse: 0 },
  skewed_reverse_kl: { kind: 3, forward: 0, reverse: 0 },
  adaptive_kl: { kind: 0, forward: 0, reverse: 0 },
  generalized_js: { kind: 4, forward: 0, reverse: 0 },
};

/**
 * Σ_r rowWeight[r] · D(softmax(student[r]/T), softmax(teacher[r]/(T·T′))), scaled into the objective.
 *
 * @throws RangeError naming the setting or the shape that is wrong.
 */
export function recordDivergence(tape: Tape, args: DivergenceArgs): RecordedDivergence {
  const { b } = tape;
  const { student, teacher, rowWeight: weight } = args;
  const settings = checkDivergence(args);
  const { rows, studentStride, teacherStride, vocab } = checkShapes(args);
  const side = (values: Tensor, stride: number) => ({ values, rows, stride, vocab });
  const { temperature, teacherTemperature } = settings;
  const inputs = {
    weight,
    student: student.value,
    student_stats: recordSoftmaxStats(b, side(student.value, studentStride), temperature),
    teacher,
    teacher_stats: recordSoftmaxStats(b, side(teacher, teacherStride), temperature * teacherTemperature),
  };
  const blocks = rowBlocks(rows, student.value, teacher);
  const sizes = [u32(vocab), u32(studentStride), u32(teacherStride)];
  const inverses = [f32(1 / temperature), f32(1 / (temperature * teacherTemperature))];
  const adaptive = settings.divergence === "adaptive_kl";
  const mix = adaptive ? b.scratch("adaptive mix", 2 * rows) : inputs.student_stats; // not read otherwise
  if (adaptive) {
    const params = packParams(...sizes, ...inverses, f32(settings.adaptiveAlpha));
    for (const { count, of } of blocks)
      b.dispatch(rowKernel(adaptiveSplitKernel, vocab), { params, ...slices(inputs, of), mix: of(mix) }, [
        count,
      ]);
  }
  const { kind, forward, reverse } = FORMS[settings.divergence];
  const fields = [
    ...sizes,
    u32(kind),
    ...inverses,
    f32(settings.skew),
    f32(forward),
    f32(reverse),
    u32(adaptive ? 1 : 0),
  ];
  const loss = b.scratch("divergence", rows);
  const inner = b.scratch("divergence inner", 4 * rows);
  const params = packParams(...fields);
  for (const { count, of } of blocks) {
    const bindings = { params, ...slices({ ...inputs, mix, loss, inner }, of) };
    b.dispatch(rowKernel(divergenceKernel, vocab), bindings, [count]);
  }

  tape.push(() => {
    if (!student.needsGrad) return;
    const { tensor: dstudent, accumulate } = tape.gradTarget(student);
    for (const { count, of } of rowBlocks(rows, student.value, teacher, dstudent)) {
      const backward = packParams(...fields, u32(count), u32(accumulate ? 1 : 0));
      const tensors = slices({ ...inputs, mix, inner, dstudent }, of);
      const bindings = { params: backward, scale: args.scale, ...tensors };
      b.dispatch(divergenceBackwardKernel, bindings, foldGrid(count * studentStride));
    }
  });
  return { rowLoss: loss, totals: recordWeightedTotal(b, weight, loss) };
}

/** The same rows of each. */
const slices = <Name extends string>(tensors: Readonly<Record<Name, Tensor>>, of: RowBlock["of"]) =>
  Object.fromEntries(Object.entries<Tensor>(tensors).map(([name, t]) => [name, of(t)])) as Record<
    Name,
    Tensor
  >;

function checkShapes({ student, teacher, rowWeight }: DivergenceArgs) {
  const [rows = 0, studentStride = 0] = student.shape;
  const teacherStride = teacher.length / rows;
  if (!Number.isInteger(teacherStride))
    throw new RangeError(
      `divergence: the teacher's ${teacher.length} logits are no ${rows} rows, which the student has`,
    );
  if (rowWeight.length !== rows)
    throw new RangeError(
      `divergence: rowWeight needs one weight for each of ${rows} rows, got ${rowWeight.length}`,
    );
  return { rows, studentStride, teacherStride, vocab: Math.min(studentStride, teacherStride) };
}

/** (4): Σ weight·loss, Σ weight, 0, 0. */
export function recordWeightedTotal(b: ProgramBuilder, weight: Tensor, loss: Tensor): Tensor {
  const totals = b.scratch(`${loss.label} totals`, 4);
  b.dispatch(weightedTotalKernel, { params: packParams(u32(weight.length)), weight, loss, totals }, [1]);
  return totals;
}

type WithDefaults = { [K in keyof DivergenceSettings]-?: NonNullable<DivergenceSettings[K]> };

/** The settings with their defaults. @throws RangeError naming the one that is wrong. */
function checkDivergence(settings: DivergenceSettings): WithDefaults {
  const { divergence, temperature, teacherTemperature = 1, skew = 0.1, adaptiveAlpha = 0.5 } = settings;
  const need = (name: string, value: number, ok: boolean, range: string) => {
    if (!ok) throw new RangeError(`${name} must be ${range}, got ${value}`);
  };
  if (!Object.hasOwn(FORMS, divergence))
    throw new RangeError(
      `divergence must be one of ${Object.keys(FORMS).join(", ")}, got ${String(divergence)}`,
    );
  const positive = (x: number) => Number.isFinite(x) && x > 0;
  const within = (x: number) => x >= 0 && x <= 1;
  need("temperature", temperature, positive(temperature), "greater than 0");
  need("teacherTemperature", teacherTemperature, positive(teacherTemperature), "greater than 0");
  need("skew", skew, within(skew), "between 0 and 1");
  need("adaptiveAlpha", adaptiveAlpha, within(adaptiveAlpha), "between 0 and 1");
  return { divergence, temperature, teacherTemperature, skew, adaptiveAlpha };
}
