// The Python package of reference/cluster as text, in the build; and which of its files a run needs.
import { cardOf, type MethodConfig, type RunConfig } from "../config/run";

/** By path from the package's folder. */
const FILES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(
    import.meta.glob<string>(
      ["../../reference/cluster/**/*.{py,yaml,md,txt}", "!../../reference/cluster/tests/**"],
      { query: "?raw", import: "default", eager: true },
    ),
  ).map(([path, text]) => [path.replace("../../reference/cluster/", ""), text]),
);

export const packageFile = (path: string): string => {
  const text = FILES[path];
  if (text === undefined) throw new Error(`reference/cluster has no ${path}`);
  return text;
};

/** What every run needs; of the others a run gets what its method imports. */
const ALWAYS = [
  "train.py",
  "check_parity.py",
  "settings.py",
  "data.py",
  "models.py",
  "objective.py",
  "evaluate.py",
  "requirements.txt",
];

/** Paths of the package's files that a run of this config imports, and the launch configs. */
export function neededFiles(config: RunConfig): string[] {
  const { method, training } = config;
  const term = termOf(method);
  const needed = new Set(ALWAYS);
  if (term) needed.add("losses/__init__.py").add(`losses/${term.id}.py`);
  if (method.id === "cot2align") {
    needed.add("transport.py").add("probe.py");
    if (method.transport.gradient === "implicit") needed.add("implicit.py");
  }
  if (training.kind === "lora") needed.add("adapters.py");
  if (term && "projectorInit" in term && term.projectorInit === "pseudo_inverse")
    needed.add("start_at_heads.py");
  if (readsTokens(config)) needed.add("tokens.py");
  for (const path of needed) for (const other of importsOf(path)) needed.add(other); // a Set grows while it is read
  const launch = Object.keys(FILES).filter((path) => path.startsWith("accelerate/"));
  return [...needed, ...launch].toSorted();
}

/** The files of the package that a file imports at its top: others are imported where a setting asks for them. */
const importsOf = (path: string): string[] =>
  [...packageFile(path).matchAll(/^(?:from|import) ([\w.]+)/gm)]
    .map(([, name = ""]) => `${name.replaceAll(".", "/")}.py`)
    .filter((file) => file in FILES);

/** The distillation term of a method: itself, or what CoT2Align stands on. */
export function termOf(method: MethodConfig): { readonly id: string } | undefined {
  if (method.id === "sft") return undefined;
  if (method.id !== "cot2align") return method;
  return method.base.id === "none" ? undefined : method.base;
}

/** Whether the method reads the tokens' texts. */
export function readsTokens({ method }: Pick<RunConfig, "method">): boolean {
  const term = termOf(method);
  if (!term) return false;
  if (term.id === "opd") return true; // its chunks; the card names the logits alone
  const asks = cardOf(term.id)?.asks ?? "";
  return (
    asks.includes("tokens' text") || ("projectorInit" in term && term.projectorInit === "pseudo_inverse")
  );
}

/** Whether the package computes a method: there is a file of its name. */
export const isCovered = (method: MethodConfig): boolean => {
  const term = termOf(method);
  return !term || `losses/${term.id}.py` in FILES;
};
