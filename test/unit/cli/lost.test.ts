// couplet run on a device that goes away — plan
//   device.destroy() in mid-run: exit 3, the reason and the command to go on with; that command ends the run with the
//   metrics and the student of one that was not interrupted
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { main } from "../../../src/cli/main";
import type { Gpu } from "../../../src/gpu/device";
import { SMALL_RUN } from "../../support/bundled";

const opened: Gpu[] = [];
vi.mock("../../../src/cli/node-gpu", async (original) => {
  const { openNodeGpu } = await original<typeof import("../../../src/cli/node-gpu")>();
  return {
    async openNodeGpu() {
      const gpu = await openNodeGpu();
      opened.push(gpu);
      return gpu;
    },
  };
});

const dir = mkdtempSync(join(tmpdir(), "couplet-lost-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test("a run whose device is destroyed goes on from its checkpoint", async () => {
  const said: string[] = [];
  vi.spyOn(console, "error").mockImplementation((...parts: unknown[]) => void said.push(parts.join(" ")));
  const config = join(dir, "config.json");
  writeFileSync(
    config,
    JSON.stringify({ ...SMALL_RUN, method: { id: "sft" }, steps: 5, checkpoints: { everySteps: 2 } }),
  );
  const [lost, whole] = [join(dir, "lost"), join(dir, "whole")];
  const checkpoint = join(lost, "checkpoint.safetensors");
  const watching = setInterval(() => {
    if (existsSync(checkpoint)) opened[0]!.device.destroy(); // some step after the second is under way
  }, 1);
  expect(await main(["run", config, "--out", lost])).toBe(3);
  clearInterval(watching);
  expect(said.join("\n")).toMatch(
    /device was lost after step [2-4][\s\S]*--resume .*checkpoint\.safetensors/,
  );

  expect(await main(["run", config, "--out", lost, "--resume", checkpoint])).toBe(0);
  expect(said.join("\n")).toMatch(/resumed at step [24]/);
  expect(await main(["run", config, "--out", whole])).toBe(0);
  const losses = (folder: string) =>
    readFileSync(join(folder, "metrics.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { loss: number }).loss);
  expect(losses(lost)).toEqual(losses(whole));
  const student = (folder: string) => readFileSync(join(folder, "student/model.safetensors"));
  expect(student(lost).equals(student(whole))).toBe(true);
});
