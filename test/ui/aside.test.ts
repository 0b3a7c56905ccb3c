// a person's own state beside a lesson's, and the way back through changes — plan
//   put aside once, over several steps and lessons; given back as it was, also after edits and a run in the lesson
//   opened in the Transport screen: stays until one of the two is chosen
//   undo: a burst of typing is one change; both forms in one line; redo until something new; a lesson adds nothing
//   lessons: the right answers stand in varied places
import { expect, test } from "vitest";
import { LESSONS } from "../../src/views/learn/lessons";
import {
  createApp,
  createAside,
  createTransportScreen,
  createUndo,
  fieldText,
  linkOfView,
} from "../../src/store";

function rig() {
  const app = createApp({
    engine: { send: () => {}, subscribe: () => () => {}, restart: () => {}, close: () => {} },
    transport: { solve: () => {}, close: () => {} },
    baseUrl: "http://localhost/",
    fetchJson: async () => ({}),
  });
  const transportScreen = createTransportScreen({
    reader: { open: () => {}, read: () => {}, subscribe: () => () => {}, close: () => {} } as never,
    solver: { solve: () => {}, onReady: () => {}, close: () => {} },
    baseUrl: "http://localhost/",
  });
  const aside = createAside(app, transportScreen);
  let time = 0;
  const undo = createUndo({ app, transportScreen, aside, now: () => time });
  const later = () => (time += 5000);
  const own = (text: string) => transportScreen.change({ text: { from: "own", text } });
  const shows = () => ({
    seed: fieldText(app.store.getState().draft, "seed"),
    text: transportScreen.store.getState().view.text,
    epsilon: transportScreen.store.getState().view.epsilon,
  });
  return { app, transportScreen, aside, undo, later, own, shows };
}

const LESSON = "v=1&features=bytes&epsilon=1&show.sweep=1";

test("what was there before the lessons is there after them", () => {
  const { app, transportScreen, aside, own, shows } = rig();
  own("My precious own sentence");
  app.actions.edit("seed", "11");
  const before = { ...shows(), view: linkOfView(transportScreen.store.getState().view) };
  for (const link of [LESSON, `${LESSON}&text.row=1`]) {
    aside.begin();
    transportScreen.fromLink(link);
    app.actions.openLink("v=1&steps=60&method.transport.hidden=0");
  }
  app.actions.edit("seed", "99");
  expect(shows().text).not.toEqual(before.text);
  aside.giveBack();
  expect({ ...shows(), view: linkOfView(transportScreen.store.getState().view) }).toEqual(before);
  own("Mine again");
  aside.giveBack(); // nothing is aside any more
  expect(shows().text).toEqual({ from: "own", text: "Mine again" });
});

test("a state that was opened stays until one is chosen", () => {
  const { transportScreen, aside, own, shows } = rig();
  own("Mine");
  aside.open(); // nothing is aside
  expect(aside.store.getState().opened).toBe(false);
  aside.begin();
  transportScreen.fromLink(LESSON);
  aside.open();
  aside.begin(); // the next lesson: still the person's own
  transportScreen.fromLink(LESSON);
  aside.open();
  aside.giveBack();
  expect(shows().text).toEqual({ from: "own", text: "Mine" });
  aside.begin();
  transportScreen.fromLink(LESSON);
  aside.open();
  aside.keepShown();
  aside.giveBack();
  expect(shows().epsilon).toBe(1);
});

test("changes are taken back one by one, and brought again", () => {
  const { app, undo, later, own, shows } = rig();
  const first = shows();
  for (const text of ["1", "11", "111"]) app.actions.edit("seed", text);
  later();
  own("Mine");
  expect(undo.undo()).toBe(true);
  expect(shows()).toEqual({ ...first, seed: "111" });
  expect(undo.undo()).toBe(true);
  expect(shows()).toEqual(first);
  expect(undo.undo()).toBe(false);
  expect(undo.redo() && undo.redo()).toBe(true);
  expect(shows()).toMatchObject({ seed: "111", text: { text: "Mine" } });
  undo.undo();
  app.actions.edit("steps", "7");
  expect(undo.canRedo).toBe(false);
});

test("a lesson is no change of the person's", () => {
  const { transportScreen, aside, undo, later, own, shows } = rig();
  own("Mine");
  later();
  aside.begin();
  transportScreen.fromLink(LESSON);
  later();
  aside.giveBack();
  undo.undo();
  expect(shows().text).toMatchObject({ from: "row" }); // what was before "Mine"
});

test("right answers stand in varied places", () => {
  const questions = LESSONS.flatMap(({ steps }) => steps.flatMap(({ question }) => question ?? []));
  const places = questions.map(({ answer }) => answer);
  for (const place of [0, 1, 2]) {
    const share = places.filter((p) => p === place).length / places.length;
    expect(share).toBeGreaterThan(0.15);
    expect(share).toBeLessThan(0.5);
  }
  for (const { answer, options } of questions) expect(options[answer]).toBeDefined();
});
