import { useId } from "react";

interface SegmentedProps<T extends string> {
  readonly label: string;
  readonly options: readonly { readonly value: T; readonly text: string; readonly disabled?: boolean }[];
  /** Undefined: none of them. */
  readonly value: T | undefined;
  readonly disabled?: boolean;
  readonly onChange: (value: T) => void;
}

/** One of a few: radio buttons in a row, so arrow keys and screen readers work as they always do. */
export function Segmented<T extends string>({
  label,
  options,
  value,
  disabled = false,
  onChange,
}: SegmentedProps<T>) {
  const name = useId();
  return (
    <div className="segmented" role="radiogroup" aria-label={label}>
      {options.map((option) => (
        <label key={option.value}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            disabled={disabled || (option.disabled ?? false)}
            onChange={() => onChange(option.value)}
          />
          <span>{option.text}</span>
        </label>
      ))}
    </div>
  );
}
