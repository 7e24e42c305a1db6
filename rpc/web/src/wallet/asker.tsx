/** Who asks, where that is a site of another origin; and whether its window stays for the next request. */

import { keepsWindow, visitor } from "./connect/popup.js";
import type { Asker } from "./requests.js";

export function Asking({ from }: { from: Asker }) {
  if (from === null) return null;
  const { host, protocol } = new URL(from);
  const isOpen = protocol === "http:" && !/^(localhost|127\.0\.0\.1|\[::1\])(:|$)/.test(host);
  return (
    <p class="asking">
      <span class="small muted">{from === location.origin ? "This page asks" : "Another site asks"}</span>
      <strong class="mono break">{from}</strong>
      {isOpen && <span class="small said-bad">Without encryption: whoever is between you and it can speak in its name.</span>}
    </p>
  );
}

export function KeepWindow({ from }: { from: Asker }) {
  if (from === null || visitor.value === null) return null;
  return (
    <label class="check grow small">
      <input type="checkbox" checked={keepsWindow.value} onChange={(event) => (keepsWindow.value = event.currentTarget.checked)} />
      Keep this window, unlocked, for the next request
    </label>
  );
}
