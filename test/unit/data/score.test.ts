// answers compared — plan
//   numbers      thousands in the separators in use, signs, zeros; lists, decimals and dates stay what they are
//   conclusions  the last mark that concludes; "the answer is" of the question's wording is none
import { expect, test } from "vitest";
import { exactMatch, extractAnswer } from "../../../src/data";

test.each([
  ["70,000", "70000"],
  ["1,234,567.50", "1234567.5"],
  ["$1,200", "1200"],
  ["-3,000", "-3000"],
  ["\u22123,000", "-3000"],
  ["+5", "5"],
  ["5.0", "5"],
  ["007", "7"],
  ["-0", "0"],
  ["70 000", "70000"],
  ["70\u202F000", "70000"],
  ["70'000", "70,000"],
  ["70,000.", "70000"],
  ["12345678901234567", "12,345,678,901,234,567"],
  ["Therefore, the answer is: 70,000", "70000"],
])("%s is %s", (a, b) => {
  expect(exactMatch(a, b)).toBe(true);
  expect(exactMatch(b, a)).toBe(true);
});

test.each([
  ["1,2", "12"],
  ["1,2", "1.2"],
  ["1,2,3", "123"],
  ["12,34", "1234"],
  ["1234,567", "1234567"],
  ["0,123", "123"],
  ["1,234 567", "1234567"],
  ["70.000", "70000"],
  ["1.5", "15"],
  ["-5", "5"],
  ["12345678901234567", "12345678901234568"],
  ["2024-01-02", "20240102"],
  ["26 apples", "26"],
  ["", "0"],
  ["50%", "50"],
])("%s is not %s", (a, b) => {
  expect(exactMatch(a, b)).toBe(false);
  expect(exactMatch(b, a)).toBe(false);
});

test.each([
  ["The answer is wanted in grams, so 3*1000=3000\nTherefore, the answer is: 3000", "3000"],
  ["The answer is asked for in metres. So the answer is 12", "12"],
  ["So the answer is: 3. No: the answer is 4", "4"],
  ["The answer is: 12 (the answer is in metres)", "12 (the answer is in metres)"],
  ["the answer is the big red barn", "the big red barn"],
  ["The answer is: 12. I hope the answer is right.", "12"],
  ["The answer is 12. I hope the answer is right.", "12"],
  ["The answer is: 1,200.50. Is the answer is correct?", "1,200.50"],
  ["The answer is: -3!\nLet me know whether the answer is clear", "-3"],
  ["The answer is: 7? No, the answer is 12. I am sure.", "12"],
  ["The answer is 12.5", "12.5"],
  ["Is it so? The answer is yes", "yes"],
  ["The answer is required.", "The answer is required"],
])("the answer of %j is %j", (text, answer) => expect(extractAnswer(text)).toBe(answer));
