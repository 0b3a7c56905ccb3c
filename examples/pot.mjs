// Two examples of POT's documentation (https://pythonot.github.io), solved by couplet/ot: the one of ot.sinkhorn, and the
// Sinkhorn of "Optimal Transport for 1D distributions". Both print the numbers that POT prints.
//
//   node examples/pot.mjs          on a GPU through Dawn (npm install webgpu), or in float64 where there is none
//   node examples/pot.mjs --cpu
import { solve } from "couplet/ot";

const device = process.argv.includes("--cpu") ? "cpu" : await openDawn();

/** A device of the package webgpu; "cpu" where the package, a driver or a GPU is missing. */
async function openDawn() {
  try {
    const { create, globals } = await import("webgpu");
    Object.assign(globalThis, globals);
    globalThis.dawn = create([]); // the device lives as long as this
    const adapter = await globalThis.dawn.requestAdapter();
    return (await adapter?.requestDevice()) ?? "cpu";
  } catch (error) {
    console.error(`No WebGPU (${error.message}), so the twin solves.`);
    return "cpu";
  }
}

/** POT's reg is ε; it counts the entropy of P where ours is against the product of the masses: the plans are the same. */
const sinkhorn = async (a, b, cost, reg) => {
  const settings = { epsilon: reg, relative: false, tolerance: 1e-6, maxIterations: 100_000 };
  const [solution] = await solve([{ a, b, cost }], settings, { device });
  if (!solution.converged) throw new Error(`not converged: the marginals are ${solution.marginalError} off`);
  return solution;
};

// >>> ot.sinkhorn([.5, .5], [.5, .5], [[0., 1.], [1., 0.]], 1)
const small = await sinkhorn(
  [0.5, 0.5],
  [0.5, 0.5],
  [
    [0, 1],
    [1, 0],
  ],
  1,
);
console.log(`solved on ${small.by.device === "gpu" ? small.by.adapter : "the CPU, in float64"}`);
console.log("ot.sinkhorn:", Array.from(small.plan, (p) => p.toFixed(5)).join(" "));

// >>> a = make_1D_gauss(100, m=20, s=5); b = make_1D_gauss(100, m=60, s=10)
// >>> M = ot.dist(x, x); M /= M.max(); ot.sinkhorn(a, b, M, 1e-3)
const places = Array.from({ length: 100 }, (_, i) => i);
const gauss = (mean, width) => {
  const heights = places.map((x) => Math.exp(-((x - mean) ** 2) / (2 * width ** 2)));
  const total = heights.reduce((sum, h) => sum + h, 0);
  return heights.map((h) => h / total);
};
const cost = places.map((x) => places.map((y) => ((x - y) / 99) ** 2));
const lines = await sinkhorn(gauss(20, 5), gauss(60, 10), cost, 1e-3);
console.log("1D distributions: <P, M> =", lines.cost.toFixed(5));
console.log(
  "its largest entry:",
  Math.max(...lines.plan).toFixed(5),
  "at 20, 60:",
  lines.plan[20 * 100 + 60].toFixed(5),
);
