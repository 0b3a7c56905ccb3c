// docs/LICENCES.md is what package-lock.json says, and nothing that production needs forbids its use.
import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { expect, test } from "vitest";

const script = resolve(import.meta.dirname, "../scripts/licences.mjs");
const FREE =
  /^\(?(MIT|Apache-2\.0|BSD-[23]-Clause|ISC|0BSD)( (AND|OR) (MIT|Apache-2\.0|BSD-[23]-Clause|ISC|0BSD|CC0-1\.0))*\)?$/;

test("the table is current, and every licence is one we know", async () => {
  execFileSync(process.execPath, [script, "--check"]);
  const { productionPackages } = (await import(script)) as {
    productionPackages: () => { name: string; license: string }[];
  };
  const packages = productionPackages();
  expect(packages.map(({ name }) => name)).toContain("@huggingface/transformers");
  const others = packages.filter(
    ({ name, license }) => !FREE.test(license) && !name.startsWith("@img/sharp-"),
  );
  expect(others).toEqual([]);
});
