// A table as text for papers and issues; its first row is the head.

type Rows = readonly (readonly string[])[];

export function markdownTable([head = [], ...rows]: Rows): string {
  const line = (cells: readonly string[]) => `| ${cells.map((c) => c.replaceAll("|", "\\|")).join(" | ")} |`;
  return `${[head, head.map(() => "---"), ...rows].map(line).join("\n")}\n`;
}

/** A whole `tabular`: the first column to the left, numbers to the right. */
export function latexTable([head = [], ...rows]: Rows): string {
  const line = (cells: readonly string[]) => `  ${cells.map(latexText).join(" & ")} \\\\`;
  return [
    `\\begin{tabular}{l${"r".repeat(Math.max(0, head.length - 1))}}`,
    "  \\hline",
    line(head),
    "  \\hline",
    ...rows.map(line),
    "  \\hline",
    "\\end{tabular}\n",
  ].join("\n");
}

const SPECIAL: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "±": "$\\pm$",
  "−": "$-$",
  "–": "--",
  α: "$\\alpha$",
};

const latexText = (text: string): string => text.replace(/[%&_#{}$\\~^±−–α]/g, (c) => SPECIAL[c] ?? `\\${c}`);
