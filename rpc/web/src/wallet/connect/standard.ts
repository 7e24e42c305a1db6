/**
 * The Wallet Standard (https://github.com/wallet-standard/wallet-standard): a wallet that sites find by events of their
 * window, with the features `standard:connect`, `standard:disconnect`, `standard:events`, and Pollen's own
 * `pollen:signTransaction`, `pollen:signAndSendTransaction`, `pollen:signMessage`. Who answers the requests is given: the
 * wallet's window, or the wallet in the same page.
 */

import type { IdentifierString, Wallet, WalletAccount, WalletEventsWindow, WindowRegisterWalletEvent } from "@wallet-standard/base";
import type {
  StandardConnectFeature, StandardDisconnectFeature, StandardEventsFeature, StandardEventsListeners,
} from "@wallet-standard/features";
import type { ConnectRequest, ConnectResults, RequestedAction, SharedAccount, Signable } from "./protocol.js";

/** Input of the two features that sign transactions. */
export interface PollenTransactionInput {
  account: WalletAccount;
  /** `pollen:` and the first 32 digits of the genesis hash; the account's unless told. */
  chain?: string;
  /** What to do, of which the wallet makes a transaction. */
  actions?: RequestedAction[];
  /** Or a transaction that is made already (borsh, as `encodeTransaction` of @pollen/client makes it). */
  transaction?: Uint8Array;
  /** Bytes that its actions name by hash. */
  attachments?: Uint8Array[];
}

/** Pollen's features. */
export type PollenFeatures = {
  "pollen:signTransaction": { version: "1.0.0"; signTransaction(input: PollenTransactionInput): Promise<ConnectResults["signTransaction"]> };
  "pollen:signAndSendTransaction": {
    version: "1.0.0";
    signAndSendTransaction(input: PollenTransactionInput): Promise<ConnectResults["signAndSendTransaction"]>;
  };
  "pollen:signMessage": {
    version: "1.0.0";
    signMessage(input: { account: WalletAccount; chain?: string; message: Uint8Array }): Promise<ConnectResults["signMessage"]>;
  };
};

type Features = StandardConnectFeature & StandardDisconnectFeature & StandardEventsFeature & PollenFeatures;

/** Who answers. */
export type Ask = <R extends ConnectRequest>(request: R) => Promise<ConnectResults[R["method"]]>;

/** What is known of an earlier connection: public, so that a page that is loaded again shows it at once. */
export interface Remembered {
  chain: IdentifierString;
  accounts: SharedAccount[];
}

const ICON: Wallet["icon"] =
  "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCAzMiAzMiI+PHBhdGggZmlsbD0iI2UwYTExMiIgZD0iTTE2IDIgMjggOXYxNGwtMTIgN0w0IDIzVjl6Ii8+PGNpcmNsZSBjeD0iMTYiIGN5PSIxNiIgcj0iNSIgZmlsbD0iIzFlMWIxNCIvPjwvc3ZnPg==";

/** See the file's documentation. */
export class PollenWallet implements Wallet {
  readonly version = "1.0.0" as const;
  readonly name: string;
  readonly icon = ICON;
  readonly features: Features;
  readonly #ask: Ask;
  readonly #remember: (known: Remembered | null) => void;
  readonly #listeners = new Set<StandardEventsListeners["change"]>();
  #chains: readonly IdentifierString[];
  #accounts: readonly WalletAccount[] = [];

  constructor(name: string, ask: Ask, chains: readonly IdentifierString[], known: Remembered | null, remember: (known: Remembered | null) => void) {
    this.name = name;
    this.#ask = ask;
    this.#remember = remember;
    this.#chains = known === null ? chains : [known.chain];
    if (known !== null) this.#accounts = known.accounts.map((one) => this.#account(one, known.chain));
    this.features = Object.freeze({
      "standard:connect": {
        version: "1.0.0" as const,
        connect: async (input?: { silent?: boolean }) => {
          if (input?.silent !== true) await this.#connect();
          return { accounts: this.accounts };
        },
      },
      "standard:disconnect": { version: "1.0.0" as const, disconnect: async () => this.#tell(this.#chains, []) },
      "standard:events": {
        version: "1.0.0" as const,
        on: (_: "change", listener: StandardEventsListeners["change"]) => {
          this.#listeners.add(listener);
          return () => void this.#listeners.delete(listener);
        },
      },
      "pollen:signTransaction": {
        version: "1.0.0" as const,
        signTransaction: (input: PollenTransactionInput) => this.#ask({ method: "signTransaction", params: this.#params(input) }),
      },
      "pollen:signAndSendTransaction": {
        version: "1.0.0" as const,
        signAndSendTransaction: (input: PollenTransactionInput) => this.#ask({ method: "signAndSendTransaction", params: this.#params(input) }),
      },
      "pollen:signMessage": {
        version: "1.0.0" as const,
        signMessage: ({ account, chain, message }: { account: WalletAccount; chain?: string; message: Uint8Array }) =>
          this.#ask({ method: "signMessage", params: { ...this.#own(account, chain), message } }),
      },
    });
  }

  get chains(): readonly IdentifierString[] {
    return this.#chains.slice();
  }

  get accounts(): readonly WalletAccount[] {
    return this.#accounts.slice();
  }

  async #connect(): Promise<void> {
    const { chain, accounts } = await this.#ask({ method: "connect", params: {} });
    this.#tell([chain], accounts);
  }

  #tell(chains: readonly IdentifierString[], shared: SharedAccount[]): void {
    const chain = chains[0];
    this.#chains = chains;
    this.#accounts = chain === undefined ? [] : shared.map((one) => this.#account(one, chain));
    this.#remember(chain === undefined || shared.length === 0 ? null : { chain, accounts: shared });
    for (const listener of this.#listeners) listener({ chains: this.chains, accounts: this.accounts });
  }

  #account({ address, publicKey, label }: SharedAccount, chain: IdentifierString): WalletAccount {
    const features: IdentifierString[] = ["pollen:signTransaction", "pollen:signAndSendTransaction", "pollen:signMessage"];
    return Object.freeze({ address, publicKey: Uint8Array.from(publicKey), label, chains: Object.freeze([chain]), features: Object.freeze(features) });
  }

  #own(account: WalletAccount, chain: string | undefined): { address: string; chain: string } {
    const known = this.#accounts.find((one) => one.address === account.address);
    if (known === undefined) throw new TypeError("connect first: the account is none of this wallet's");
    return { address: known.address, chain: chain ?? known.chains[0]! };
  }

  #params({ account, chain, actions, transaction, attachments = [] }: PollenTransactionInput): { address: string; chain: string; what: Signable } {
    if ((actions === undefined) === (transaction === undefined)) throw new TypeError("give either `actions` or `transaction`");
    const what = actions === undefined ? { transaction: transaction!, attachments } : { actions };
    return { ...this.#own(account, chain), what };
  }
}

/** Registers a wallet with whatever looks for wallets in this window, now or later, by the standard's two events. */
export function register(wallet: Wallet): void {
  const registerWith = ({ register }: { register(wallet: Wallet): unknown }) => void register(wallet);
  const target = window as unknown as WalletEventsWindow;
  const event = new CustomEvent("wallet-standard:register-wallet", { detail: registerWith });
  target.dispatchEvent(event as unknown as WindowRegisterWalletEvent);
  target.addEventListener("wallet-standard:app-ready", ({ detail }) => registerWith(detail));
}
