// Cards of methods — plan
//   complete     every text is there; ids, presets and terms are nobody else's; one name of a setting means one thing; the
//                section stands in docs/METHODS.md
//   derived      the schema takes exactly the cards' methods and bases; the form starts each at its preset's constants; menus,
//                terms and choices are called as their card says, where one word means two things too; docs/OBJECTIVES.md has
//                the table (COUPLET_DOCS=1 writes it)
//   a toy        docs/ADDING-A-METHOD.md followed: a card and a term give a schema, defaults, a name and a loss whose gradient
//                is right (test/gradients/toy-method.test.ts)
import { readFileSync, writeFileSync } from "node:fs";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import {
  cardOf,
  DISTILLATION_CARDS,
  method,
  METHOD_CARDS,
  METHOD_SETTINGS,
  methodDefaults,
  termCard,
  termDefaults,
} from "../../../src/config/run";
import { methodTable } from "../../../src/config/methods/table";
import { PRESETS } from "../../../src/config/presets";
import { draftOf, editDraft, validateDraft } from "../../../src/store";
import { termName } from "../../../src/views/plan/site-name";
import { methodName, optionName } from "../../../src/views/run/field-names";

const cards = METHOD_CARDS.map((card) => [card.id, card] as const);
const docs = (name: string) => new URL(`../../../docs/${name}`, import.meta.url);

describe("complete", () => {
  test.each(cards)("%s says everything", (_id, card) => {
    for (const text of [card.name, card.title, card.explain, card.paper, card.source, card.asks])
      expect(text.trim().length).toBeGreaterThanOrEqual(2);
    expect(card.explain).toMatch(/\.$/);
    expect(Object.keys(card.terms).length).toBeGreaterThan(0);
    for (const { label } of Object.values(card.settings)) expect(label.length).toBeGreaterThan(0);
    expect(readFileSync(docs("METHODS.md"), "utf8")).toContain(`## §${card.section} `);
  });

  test("ids, presets and terms are their own", () => {
    const unique = (list: string[]) => expect(list).toEqual([...new Set(list)]);
    unique(METHOD_CARDS.map(({ id }) => id));
    unique(METHOD_CARDS.map(({ title }) => title));
    unique(DISTILLATION_CARDS.map(({ preset }) => preset.id));
    const shared = new Set(["ce", "ce_t2s", "kd_t2s", "kd_s2t"]); // DSKD with and without attention
    unique(METHOD_CARDS.flatMap(({ terms }) => Object.keys(terms).filter((name) => !shared.has(name))));
  });

  test("one name of a setting is called one thing", () => {
    for (const { settings } of METHOD_CARDS)
      for (const [name, { label, options }] of Object.entries(settings)) {
        expect(METHOD_SETTINGS[name]!.label).toBe(label);
        if (options) expect(METHOD_SETTINGS[name]!.options).toMatchObject(options); // a method may take fewer
      }
  });
});

describe("derived", () => {
  test.each(cards)("the schema takes %s at its defaults, and not with a setting more", (id) => {
    const config = methodDefaults(id);
    expect(v.parse(method, config)).toEqual(config);
    expect(v.safeParse(method, { ...config, surprise: 1 }).success).toBe(false);
  });

  test("the schema takes nothing without a card", () => {
    expect(v.safeParse(method, { id: "magic" }).success).toBe(false);
    expect(() => methodDefaults("magic")).toThrow(RangeError);
    expect(() => methodDefaults("constructor")).toThrow(RangeError);
  });

  test.each(DISTILLATION_CARDS.map((card) => [card.id, card] as const))(
    "%s as a base of CoT2Align",
    (_id, card) => {
      const config = { ...methodDefaults("cot2align"), base: termDefaults(card) };
      expect(v.safeParse(method, config).success).toBe(card.canBeBase);
    },
  );

  test.each(DISTILLATION_CARDS.map((card) => [card.id, card] as const))(
    "choosing %s in the form gives its preset's constants",
    (id, card) => {
      const chosen = validateDraft(editDraft(draftOf("first-light"), "method.id", id)).config;
      expect(chosen?.method).toEqual(PRESETS[card.preset.id].config.method);
    },
  );

  test("menus: a word that means two things is called by its menu", () => {
    expect(optionName("method.id", "gold")).toBe(cardOf("gold")!.title);
    expect(optionName("data.outputs", "gold")).toBe("the data's own");
    expect(optionName("method.mode", "uld")).toBe("all tokens by rank");
    expect(optionName("method.base.id", "none")).toMatch(/transport only/);
    for (const { id, title, name } of METHOD_CARDS) {
      expect(optionName("method.id", id)).toBe(title);
      expect(methodName(id)).toBe(name);
    }
  });

  test("terms of the loss are called as their cards say, and no two of one method look alike", () => {
    for (const { terms } of METHOD_CARDS) {
      for (const [name, { label }] of Object.entries(terms)) expect(termName(name)).toBe(label);
      const looks = Object.values(terms).map(({ color, mark }) => `${color} ${mark}`);
      expect(looks).toEqual([...new Set(looks)]);
    }
    expect(termCard("ot_layer_1_2")).toBeUndefined();
    expect(termName("ot_layer_1_2")).toMatch(/^OT block 1 × 2/);
  });

  test("docs/OBJECTIVES.md has the table", () => {
    const [begin, end] = ["<!-- methods -->\n", "\n<!-- /methods -->"];
    const text = readFileSync(docs("OBJECTIVES.md"), "utf8");
    const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
    if (process.env["COUPLET_DOCS"] === "1")
      writeFileSync(docs("OBJECTIVES.md"), text.slice(0, from) + methodTable() + text.slice(to));
    else expect(text.slice(from, to)).toBe(methodTable());
  });
});
