// How a plain prompt asks for a chain of thought.

const STEP_BY_STEP = "Let's think step by step.\n";

/** A plain prompt as one that asks for a chain of thought: a closing "Answer:" gives way to the request. */
export const thoughtPrompt = (prompt: string): string => {
  const question = prompt
    .trimEnd()
    .replace(/answer:$/i, "")
    .trimEnd();
  return `${question}\n${STEP_BY_STEP}`;
};
