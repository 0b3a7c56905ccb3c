import { expect, test } from "vitest";
import { memoryFiles, openTeacher } from "../../../src/models";
import { tinyFolder } from "./tiny";
test("smoke", async () => {
  const t = await openTeacher(memoryFiles("tiny", await tinyFolder()), { device: "cpu" });
  console.log(t.tokenizer.encode("the thing and 12"), t.tokenizer.encode("é the").map(t.tokenizer.tokenText));
  const o = await t.forward(Int32Array.of(5, 6, 7), Uint8Array.of(1, 1, 1), 1, 3, { logits: true });
  console.log(o.hidden.length, o.logits?.length);
  console.log(JSON.stringify(await t.generate("the thing", { maxNewTokens: 5 })));
  await t.dispose();
});
