/** The sites of other origins that may ask, and taking that back. */

import { useEffect, useState } from "preact/hooks";
import { Time } from "../ui/names.js";
import { Dialog, Working } from "./dialog.js";
import { accounts } from "./session.js";
import { eraseSite, readSites, type KeptSite } from "./vault.js";

export function Sites({ back, onClose }: { back(): void; onClose(): void }) {
  const [sites, setSites] = useState<KeptSite[] | null>(null);
  const read = () => void readSites().then(setSites);
  useEffect(read, []);
  const labels = (site: KeptSite) => site.accounts.map((key) => accounts.value?.find((one) => one.publicKey === key)?.label).filter(Boolean).join(", ");
  return (
    <Dialog title="Sites that may ask" onClose={onClose} step="sites">
      {sites === null && <Working>They are read…</Working>}
      {sites?.length === 0 && <p class="muted">No site may ask this wallet for anything. One that connects stands here from then on.</p>}
      <ul class="sites">
        {sites?.map((site) => (
          <li key={site.origin}>
            <div>
              <strong class="mono break">{site.origin}</strong>
              <div class="small muted">sees {labels(site)}; asked last <Time ms={site.usedMs} /></div>
            </div>
            <button type="button" aria-label={`take back: ${site.origin}`} onClick={() => void eraseSite(site.origin).then(read)}>Take back</button>
          </li>
        ))}
      </ul>
      <div class="actions"><button type="button" onClick={back}>Back</button></div>
    </Dialog>
  );
}
