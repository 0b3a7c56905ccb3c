// A vitest reporter: names the tests that passed only when they were tried again, so that none hides behind its second try.
import { writeFileSync } from "node:fs";

export default class FlakyReporter {
  onTestRunEnd(modules) {
    const flaky = [];
    for (const module of modules)
      for (const test of module.children.allTests())
        if (test.diagnostic()?.flaky) flaky.push(`${module.relativeModuleId} > ${test.fullName}`);
    for (const name of flaky) console.log(`Passed at the second try: ${name}`);
    const file = process.env.COUPLET_FLAKY_FILE;
    if (file) writeFileSync(file, JSON.stringify(flaky));
  }
}
