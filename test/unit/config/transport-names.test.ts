// Names of transport — plan
//   one set of published constants, used by the solver, the presets, the Transport screen and the command line
//   the scheme that earlier versions called "kernel": configs, links, manifests and `couplet ot` files are still read
//   KIND of the cost shaders is the place in COST_KINDS
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readOtJob } from "../../../src/cli/ot-file";
import { decodeLink } from "../../../src/config/link";
import { PRESETS } from "../../../src/config/presets";
import { parseRunConfig } from "../../../src/config/run";
import { COST_KINDS, PUBLISHED } from "../../../src/config/transport";
import { parseTransportView, TRANSPORT_PRESETS } from "../../../src/config/transport-view";
import { PUBLISHED_SETTINGS } from "../../../src/ot";
import { configHash, configOfFile } from "../../../src/store/run-files";
import { canonical } from "../../../src/store/draft";

const published = PRESETS["cot2align-published"].config;

test("one set of published constants", () => {
  expect(PUBLISHED).toEqual({
    ...{ cost: "attention", scheme: "multiplicative", epsilon: 10 },
    ...{ relative: false, maxIterations: 100, tolerance: 1e-9 },
  });
  const { cost: _, ...loop } = PUBLISHED;
  expect(PUBLISHED_SETTINGS).toMatchObject(loop);
  expect(published.method).toMatchObject({ transport: PUBLISHED });
  expect(TRANSPORT_PRESETS.published).toMatchObject(PUBLISHED);
  expect(
    readOtJob(JSON.stringify({ problems: [{ cost: [[1]] }], scheme: "multiplicative" })).options,
  ).toMatchObject(loop);
});

/** A config as an earlier version wrote it. */
const earlier = (config: unknown): Record<string, unknown> =>
  JSON.parse(JSON.stringify(config).replaceAll('"multiplicative"', '"kernel"')) as Record<string, unknown>;

test('the scheme "kernel" of earlier versions is the multiplicative one', () => {
  expect(parseRunConfig(earlier(published))).toEqual(published);
  expect(parseTransportView(earlier(TRANSPORT_PRESETS.published))).toEqual(TRANSPORT_PRESETS.published);
  const format = { presets: TRANSPORT_PRESETS, parse: parseTransportView };
  const link = decodeLink(format, "v=1&scheme=kernel&epsilon=5&relative=false");
  expect(link.issues).toEqual([]);
  expect(link.value).toMatchObject({ scheme: "multiplicative", epsilon: 5 });
  const job = readOtJob(JSON.stringify({ problems: [{ cost: [[1]] }], scheme: "kernel", alpha: 2 }));
  expect(job.options).toMatchObject({ scheme: "multiplicative", epsilon: 0.5, maxIterations: 100 });
  expect(() => parseRunConfig(earlier({ ...published, seed: "kernel" }))).toThrow(/seed/); // nothing else is renamed
});

test("a manifest with the earlier name opens, a changed one does not", async () => {
  const config = earlier(published);
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256").update(canonical(config)).digest("hex");
  const manifest = { config, configHash: hash };
  expect(await configOfFile(JSON.stringify(manifest))).toEqual(published);
  const changed = { ...manifest, config: { ...config, seed: 8 } };
  await expect(configOfFile(JSON.stringify(changed))).rejects.toThrow(/configHash/);
  expect(await configHash(published)).not.toBe(hash);
});

test("KIND of the shaders is the place in the list of costs", () => {
  const shader = readFileSync(join(import.meta.dirname, "../../../shaders/ot/cost_matrix.wgsl"), "utf8");
  for (const [kind, name] of COST_KINDS.entries())
    expect(shader).toMatch(new RegExp(`\\b${kind}  ${name}\\b`));
});
