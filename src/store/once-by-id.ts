/** One piece of work at a time for an id: who asks again while it is under way (a second click) gets the same answer. */
export function onceById<How, Answer>(
  work: (id: string, how: How) => Promise<Answer>,
): (id: string, how: How) => Promise<Answer> {
  const running = new Map<string, Promise<Answer>>();
  return (id, how) => {
    const found = running.get(id);
    if (found) return found;
    const begun = work(id, how).finally(() => running.delete(id));
    running.set(id, begun);
    return begun;
  };
}
