// JSON as people write it from Python: NaN and Infinity stand bare there, and deserve a complaint that names their
// field rather than a column of the text.

/** Parse JSON; bare NaN and ±Infinity come out as the texts "NaN" …, which no reader of numbers takes. @throws SyntaxError */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const quoted = text.replaceAll(STRING_OR_WORD, (part) =>
      part.startsWith('"') ? part : JSON.stringify(part),
    );
    if (quoted === text) throw error;
    return JSON.parse(quoted);
  }
}

const STRING_OR_WORD = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;
