// The accessibility scan: serious and critical findings, each with the element it is about.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

export async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const findings = (await page.evaluate(async () => {
    const axe = Reflect.get(globalThis, "axe") as { run(): Promise<{ violations: unknown[] }> };
    return (await axe.run()).violations;
  })) as Finding[];
  return findings
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
}

/** How far the page can be scrolled sideways: more than 0 cuts something off. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate(() => {
    const { scrollX, scrollY } = globalThis;
    scrollTo(100_000, scrollY);
    const far = globalThis.scrollX;
    scrollTo(scrollX, scrollY);
    return far;
  });
