// Values that are recorded when they are first asked for, and then kept.

export function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** One value for each number. */
export function byNumber<T>(make: (k: number) => T): (k: number) => T {
  const made = new Map<number, { value: T }>();
  return (k) => {
    const value = made.get(k) ?? { value: make(k) };
    made.set(k, value);
    return value.value;
  };
}
