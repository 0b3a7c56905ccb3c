import type { Page } from "playwright-core";

/** SFT and CoT2Align's standard pair: for tests that are not about what Compare opens with. */
export async function twoMethods(page: Page): Promise<void> {
  for (const name of [
    "ALM: likelihoods of chunks",
    "KL on the shared sub-vocabulary",
    "CoT2Align on ALM, standard pair",
  ])
    await page.getByLabel(name, { exact: true }).uncheck();
  await page.getByLabel("CoT2Align, standard pair", { exact: true }).check();
}
