// Aligns two tokenizations of a text: chunks by couplet/spans, a transport plan between the tokens'
// places by couplet/ot, and its picture by couplet/figure.
import { createFigure } from "couplet/figure";
import { solve } from "couplet/ot";
import { align, characterSpans, readTokenizer, shareOf } from "couplet/spans";

const SIDES = ["student", "teacher"];
const at = (id) => document.getElementById(id);
const percent = (share) => `${Math.round(100 * share)} %`;

/** The two that Couplet trains with, until others are chosen. */
const bundled = async (side) => (await fetch(`./couplet-${side}/tokenizer.json`)).json();
const tokenizers = {};

/** Where a token lies in its text, 0 to 1: its beginning and its end. */
const places = ({ starts, ends }) =>
  starts.map((start, i) => [start, ends[i]].map((byte) => byte / ends.at(-1)));
/** A token weighs as many bytes as it covers. */
const masses = ({ starts, ends }) => starts.map((start, i) => (ends[i] - start) / ends.at(-1));

async function show() {
  const text = at("text").value;
  const aligned = align(tokenizers.student, tokenizers.teacher, text);
  const { chunks, coverage, student, teacher } = aligned;
  const [s, t] = [student, teacher].map((side) => {
    const { starts, ends } = characterSpans(text, side);
    return (i) => text.slice(starts[i], ends[i]).replaceAll(" ", "␣");
  });
  const texts = (of, [from, to]) => Array.from({ length: to - from }, (_, k) => of(from + k)).join(" | ");
  const shares = SIDES.map(
    (side) => `${percent(shareOf(coverage[side]))} of the ${side}’s ${coverage[side].tokens} tokens`,
  );
  at("coverage").textContent = `${chunks.length} chunks of equal text cover ${shares.join(" and ")}.`;
  at("chunks").replaceChildren();
  at("figure").hidden = student.ids.length === 0 || teacher.ids.length === 0;
  at("solved").textContent = "";
  if (at("figure").hidden) return;

  const features = { x: places(student), y: places(teacher), kind: "sqeuclidean" };
  const [solution] = await solve([{ ...features, a: masses(student), b: masses(teacher) }], {
    epsilon: 0.002,
  });
  const { plan, cost, iterations, converged, by } = solution;
  draw(solution, [s, t], aligned);
  const m = teacher.ids.length;
  const heaviest = (i) =>
    plan.subarray(i * m, (i + 1) * m).reduce((best, p, j, row) => (p > row[best] ? j : best), 0);
  for (const chunk of chunks) {
    const targets = Array.from({ length: chunk.student[1] - chunk.student[0] }, (_, k) =>
      t(heaviest(chunk.student[0] + k)),
    );
    at("chunks").append(row(texts(s, chunk.student), texts(t, chunk.teacher), targets.join(" | ")));
  }
  at("solved").textContent =
    `${student.ids.length} × ${m} tokens, ⟨P,C⟩ ${cost.toPrecision(3)}, ${iterations} sweeps${converged ? "" : ", not converged"}, ` +
    `solved ${by.device === "gpu" ? `by WebGPU (${by.adapter})` : `on the CPU: ${by.why}`}`;
}

/** One figure for the page: made with the first plan. */
let figure;
function draw(solution, texts, { student, teacher }) {
  const labels = (side, of) => ({
    texts: side.ids.map((_, i) => of(i)),
    starts: side.starts,
    ends: side.ends,
  });
  const picture = { ...solution, student: labels(student, texts[0]), teacher: labels(teacher, texts[1]) };
  if (figure) figure.update(picture);
  else figure = createFigure(at("figure"), picture, { form: "ribbons", maxHeight: 320 });
}

function row(...cells) {
  const tr = document.createElement("tr");
  for (const text of cells) {
    const code = document.createElement("code");
    code.textContent = text;
    tr.appendChild(document.createElement("td")).append(code);
  }
  return tr;
}

/** What fails is said on the page; a later text is shown when the one before it is. */
let last = Promise.resolve();
function update() {
  last = last.then(show).then(
    () => (at("problem").textContent = ""),
    (error) => (at("problem").textContent = error.message),
  );
}

for (const side of SIDES) {
  at(side).addEventListener("change", async ({ target }) => {
    try {
      const [file] = target.files;
      if (file) tokenizers[side] = await readTokenizer(JSON.parse(await file.text()));
      update();
    } catch (error) {
      at("problem").textContent = `${side}: ${error.message}`;
    }
  });
  tokenizers[side] = await readTokenizer(await bundled(side));
}
at("text").addEventListener("input", update);
update();
