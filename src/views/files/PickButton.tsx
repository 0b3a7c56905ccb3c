import { useRef } from "react";
import { gatherPicked, type Gathered } from "./gather";

interface PickButtonProps {
  readonly text: string;
  readonly onFiles: (gathered: Gathered) => void;
  readonly folder?: boolean;
  readonly multiple?: boolean;
  readonly accept?: string;
  readonly disabled?: boolean;
}

/** Opens the browser's own file or folder picker. */
export function PickButton({ text, onFiles, folder, multiple, accept, disabled }: PickButtonProps) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" disabled={disabled} onClick={() => input.current?.click()}>
        {text}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        data-picker={text}
        multiple={multiple}
        accept={accept}
        {...(folder && { webkitdirectory: "" })}
        onChange={({ currentTarget }) => {
          const files = [...(currentTarget.files ?? [])];
          currentTarget.value = ""; // the same files may be picked again
          if (files.length > 0) onFiles(gatherPicked(files));
        }}
      />
    </>
  );
}
