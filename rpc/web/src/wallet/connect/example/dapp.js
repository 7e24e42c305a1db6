/**
 * A site of another origin than any node, and all that it needs for a wallet: the connector (`connect.js`, copied from a
 * node's page or a build of rpc/web) and a library that finds wallets by the Wallet Standard (@wallet-standard/app; any
 * other does as well). Which wallet page, and to whom tips go, stands in the address:
 * `?wallet=http://127.0.0.1:9650&to=pollend1..`.
 */

import { getWallets } from "./wallet-standard-app.js";
import { connectPollen } from "./connect.js";

const told = new URLSearchParams(location.search);
const show = (id, text) => (document.getElementById(id).textContent = text);
const buttons = ["login", "count", "tip", "disconnect"].map((id) => document.getElementById(id));
let wallet = null;
let account = null;

/** What the standard finds: wallets that were there before this page, and those that come later. */
const { get, on } = getWallets();
const look = () => {
  if (wallet !== null) return;
  wallet = get().find((one) => "pollen:signAndSendTransaction" in one.features) ?? null;
  if (wallet === null) return;
  show("wallet", `${wallet.name}, Wallet Standard ${wallet.version}`);
  document.getElementById("connect").disabled = false;
  wallet.features["standard:events"].on("change", changed);
  changed();
};

function changed() {
  account = wallet.accounts[0] ?? null;
  show("account", account === null ? "none" : `${account.label} ${account.address} on ${account.chains[0]}`);
  for (const button of buttons) button.disabled = account === null;
}

/** Runs what a button asks for, and shows what became of it. */
function when(id, ask) {
  document.getElementById(id).addEventListener("click", async () => {
    show("said", "");
    try {
      show("said", JSON.stringify(await ask(), shown, 2));
    } catch (error) {
      show("said", `${error.code ?? error.name}: ${error.message}`);
    }
  });
}

const shown = (_, value) =>
  value instanceof Uint8Array ? [...value].map((byte) => byte.toString(16).padStart(2, "0")).join("") : typeof value === "bigint" ? String(value) : value;

when("connect", () => wallet.features["standard:connect"].connect());
when("disconnect", () => wallet.features["standard:disconnect"].disconnect());
when("login", () => {
  const message = new TextEncoder().encode(`Log in to ${location.origin}\nat ${new Date().toISOString()}`);
  return wallet.features["pollen:signMessage"].signMessage({ account, message });
});
when("count", () =>
  wallet.features["pollen:signAndSendTransaction"].signAndSendTransaction({
    account,
    actions: [{ kind: "call", module: "@counter", function: "increment", arguments: { by: 2 } }],
  }),
);
when("tip", () =>
  wallet.features["pollen:signTransaction"].signTransaction({
    account,
    actions: [{ kind: "transfer", to: told.get("to"), amount: "1.5 pollen" }],
  }),
);

on("register", look);
connectPollen({ wallet: told.get("wallet") });
look();
