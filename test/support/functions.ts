// Functions and calls of a TypeScript file, from its syntax tree.
import { parseSync } from "vite";

export interface FunctionLines {
  readonly name: string;
  /** From its first line to its last, functions within it included. */
  readonly lines: number;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

/** @throws Error for a file that does not parse. */
function parse(file: string, text: string): unknown {
  const { program, errors } = parseSync(file, text, { lang: file.endsWith("x") ? "tsx" : "ts" });
  if (errors[0]) throw new Error(`${file}: ${errors[0].message}`);
  return program;
}

/** @throws Error for a file that does not parse. */
export function functionsOf(file: string, text: string): FunctionLines[] {
  const found: FunctionLines[] = [];
  const visit = (value: unknown, name: string): void => {
    if (Array.isArray(value)) return value.forEach((one) => visit(one, name));
    if (!isNode(value)) return;
    const own = nameOf(value) ?? name;
    if (/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(value.type))
      found.push({ name: own, lines: text.slice(value.start, value.end).split("\n").length });
    for (const child of Object.values(value)) visit(child, own);
  };
  visit(parse(file, text), "(top)");
  return found;
}

/** The arguments of each call of a function, as they are written. */
export function callsOf(file: string, text: string, callee: string): string[][] {
  if (!text.includes(`${callee}(`)) return [];
  const found: string[][] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(visit);
    if (!isNode(value)) return;
    const { callee: called, arguments: given = [] } = value as Node & {
      callee?: { name?: unknown };
      arguments?: readonly Node[];
    };
    if (value.type === "CallExpression" && called?.name === callee)
      found.push(given.map(({ start, end }) => text.slice(start, end)));
    Object.values(value).forEach(visit);
  };
  visit(parse(file, text));
  return found;
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value && "start" in value;

/** What a declaration, a variable, a property or a method is called; undefined for what has no name of its own. */
function nameOf(node: Node): string | undefined {
  const { id, key } = node as { id?: { name?: unknown }; key?: { name?: unknown } };
  const name = id?.name ?? key?.name;
  return typeof name === "string" ? name : undefined;
}
