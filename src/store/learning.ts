// Which lessons were finished, on this device alone.
const KEY = "couplet.lessons";

export function finishedLessons(): ReadonlySet<string> {
  try {
    return new Set((localStorage.getItem(KEY) ?? "").split(" ").filter(Boolean));
  } catch {
    return new Set();
  }
}

export function finishLesson(id: string): void {
  try {
    localStorage.setItem(KEY, [...new Set([...finishedLessons(), id])].join(" "));
  } catch {
    // Denied: the list simply shows no ticks next time.
  }
}
