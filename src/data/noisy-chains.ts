// An annotator who errs: every step of a bundled row's chain of thought is wrong with a given probability, and the chain goes on
// from the wrong result, so that later steps are right about a wrong state. The families are those of reference/zoo/tasks.py.
import type { Rng } from "../config/rng";
import { DataError } from "./errors";
import type { Row } from "./rows";

/** The state after a step that is right about the state before it, and how the step is written with a result. */
interface Step {
  readonly right: string;
  write(result: string): string;
}

/** One family: how a written step goes on from a state, and which results would be wrong. */
interface Family {
  /** @param state the result of the step before; undefined at the first, which reads its own. */
  step(text: string, state: string | undefined, row: Row): Step | undefined;
  wrong(right: string, row: Row): readonly string[];
}

const DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MARK = "\nTherefore, the answer is: ";

const near = (right: string, offsets: readonly number[]): string[] =>
  offsets
    .map((by) => Number(right) + by)
    .filter((value) => value >= 0)
    .map(String);

const FAMILIES: Readonly<Record<string, Family>> = {
  /** "8 + 10 = 18": a stock, which is never below 0. */
  arithmetic: {
    step(text, state) {
      const [, first = "", op, by = ""] = /^(\d+) ([+-]) (\d+) = \d+$/.exec(text) ?? [];
      if (op === undefined) return undefined;
      const before = state ?? first;
      const after = Number(before) + (op === "+" ? Number(by) : -Number(by));
      return { right: String(Math.max(0, after)), write: (result) => `${before} ${op} ${by} = ${result}` };
    },
    wrong: (right) => near(right, [-2, -1, 1, 2]),
  },
  /** "tails, Tara keeps, tails" */
  coin: {
    step(text, state) {
      const [, first = "", act = "", verb] = /^(\w+), (\w+ (flips|keeps)), \w+$/.exec(text) ?? [];
      if (verb === undefined) return undefined;
      const before = state ?? first;
      return {
        right: verb === "keeps" ? before : before === "heads" ? "tails" : "heads",
        write: (result) => `${before}, ${act}, ${result}`,
      };
    },
    wrong: (right) => ["heads", "tails"].filter((side) => side !== right),
  },
  /** "blue, brown and white, blue": what lies under blue after brown and white were swapped. */
  cups: {
    step(text, state) {
      const [, first = "", one, other = ""] = /^(\w+), (\w+) and (\w+), \w+$/.exec(text) ?? [];
      if (one === undefined) return undefined;
      const before = state ?? first;
      const right = before === one ? other : before === other ? one : before;
      return { right, write: (result) => `${before}, ${one} and ${other}, ${result}` };
    },
    wrong: (right, row) => cupsOf(row).filter((cup) => cup !== right),
  },
  /** "Monday + 3 = Thursday" */
  days: {
    step(text, state) {
      const [, first = "", op, by = ""] = /^(\w+) ([+-]) (\d+) = \w+$/.exec(text) ?? [];
      if (op === undefined) return undefined;
      const before = state ?? first;
      const after = DAYS.indexOf(before) + (op === "+" ? Number(by) : -Number(by));
      const right = DAYS[((after % 7) + 7) % 7] ?? "";
      return { right, write: (result) => `${before} ${op} ${by} = ${result}` };
    },
    wrong: (right) => DAYS.filter((day) => day !== right),
  },
  /** "cloud d 1": a word, its last letter, and how many so far end in the letter asked for. */
  endings: {
    step(text, state, { prompt }) {
      const [, word, letter] = /^(\w+) (\w) \d+$/.exec(text) ?? [];
      const [, asked] = /these words end in (\w)\?/.exec(prompt) ?? [];
      if (word === undefined || asked === undefined) return undefined;
      const right = String(Number(state ?? 0) + (letter === asked ? 1 : 0));
      return { right, write: (result) => `${word} ${letter} ${result}` };
    },
    wrong: (right) => near(right, [-1, 1]),
  },
};

/** The three cups, by the chain's own words. */
const cupsOf = ({ outputCot = "" }: Row): string[] => [
  ...new Set([...outputCot.matchAll(/(\w+) and (\w+)/g)].flatMap(([, a = "", b = ""]) => [a, b])),
];

/**
 * The row with its chain walked again by an annotator who gets each step wrong with probability `q`: the same number of steps,
 * and both answers are the state that the chain ends in. With q = 0 it is the row itself.
 *
 * @throws DataError for a row whose chain is not one of the five bundled families'.
 */
export function noisyChain(row: Row, q: number, rng: Rng): Row {
  const { family: name = "", outputCot = "" } = row;
  const family = Object.hasOwn(FAMILIES, name) ? FAMILIES[name] : undefined;
  const [chain = "", answer] = outputCot.split(MARK);
  if (!family || answer === undefined) throw foreign(row);
  const written: string[] = [];
  let state: string | undefined;
  for (const text of chain.replace(/\.$/, "").split(". ")) {
    const step = family.step(text, state, row);
    if (!step) throw foreign(row);
    const wrong = rng.next() < q ? family.wrong(step.right, row) : [];
    state = wrong[rng.int(wrong.length)] ?? step.right;
    written.push(`${step.write(state)}.`);
  }
  if (state === undefined) throw foreign(row);
  return { ...row, output: state, outputCot: `${written.join(" ")}${MARK}${state}`, answer: state };
}

const foreign = ({ id }: Row): DataError =>
  new DataError(
    `row ${id}: its chain of thought is not one of the bundled families', so it cannot be walked again with errors ` +
      "(data.labels.noisy). Take { few }, or put the errors into your own file.",
  );
