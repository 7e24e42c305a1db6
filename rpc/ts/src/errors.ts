/**
 * Everything that this package throws is a {@link PollenError} of one of the classes below, but `TypeError`
 * for arguments that its types do not allow.
 *
 * `message` tells what happened, `hint` what to do next. Branch on the class and on `code`; texts may change.
 */

/** What the classes have in common. */
export class PollenError extends Error {
  /** Of its class. Written out: a build that is made small gives classes other names. */
  override name = "PollenError";
  /** What to do about it. */
  readonly hint: string | null;

  constructor(message: string, hint: string | null = null, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.hint = hint;
  }
}

/** Bytes that are not the encoding of what they should be. */
export class DecodeError extends PollenError {
  override name = "DecodeError";
}

/** Words, seeds, addresses or texts that are none. */
export class InputError extends PollenError {
  override name = "InputError";
}

/** A value that does not fit its type in a module's interface: BadArguments (2003). */
export class ValueError extends PollenError {
  override name = "ValueError";
  /** Where, such as `arguments.box.items[3]`; empty for the whole value. */
  readonly path: string;
  /** What belongs there. */
  readonly expected: string;
  /** What came, shortened to 80 characters. */
  readonly found: string;

  constructor(expected: string, found: string, path = "") {
    const short = shortened(found);
    super(`${path === "" ? "" : `${path}: `}expected ${expected}, found ${short}`);
    this.path = path;
    this.expected = expected;
    this.found = short;
  }

  /** The same error, seen from the value around it. */
  within(part: string): ValueError {
    const joint = this.path === "" || this.path.startsWith("[") ? "" : ".";
    return new ValueError(this.expected, this.found, `${part}${joint}${this.path}`);
  }
}

/** A proof, certificate or signature that does not show what it should: somebody altered something. */
export class ProofError extends PollenError {
  override name = "ProofError";
}

/** No node answered. */
export class UnreachableError extends PollenError {
  override name = "UnreachableError";
  /** Per try: the URL and why. */
  readonly failures: readonly string[];

  constructor(failures: readonly string[]) {
    super(`no node answered: ${failures.join("; ")}`, "check the URLs, or add another node");
    this.failures = failures;
  }
}

/** An answer that is not of the shape that docs/rpc.md gives. */
export class AnswerError extends PollenError {
  override name = "AnswerError";
  /** Where in the answer, such as `result.at.height`. */
  readonly path: string;

  constructor(path: string, message: string) {
    super(`${path}: ${message}`, "the node's version and this client's may differ: ask another node");
    this.path = path;
  }
}

/** A node answered with an error of the catalogue (docs/rpc.md). */
export class RpcError extends PollenError {
  override name = "RpcError";
  /** Its number: never changes its meaning. */
  readonly code: number;
  /** Its stable name, such as `NotReady`. */
  readonly codeName: string;
  /** Whether the same call can succeed later, or at another node. */
  readonly retryable: boolean;
  /** Everything that came with it. */
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: number, message: string, data: Readonly<Record<string, unknown>> = {}) {
    const known = CATALOGUE.get(code);
    const text = (field: string) => (typeof data[field] === "string" ? (data[field] as string) : null);
    super(`${message} (${code} ${text("name") ?? known?.name ?? "Error"})`, text("hint") ?? known?.hint ?? null);
    this.code = code;
    this.codeName = text("name") ?? known?.name ?? "Error";
    this.retryable = typeof data["retryable"] === "boolean" ? data["retryable"] : (known?.retryable ?? false);
    this.data = data;
  }

  /** How long to wait before the same call again, in milliseconds: what the node said, else 100. */
  get retryAfterMs(): number {
    const told = this.data["retryAfterMs"];
    return typeof told === "number" && told >= 0 ? Math.min(Math.max(told, 10), 5_000) : 100;
  }
}

/** One error of the catalogue. */
export interface CatalogueEntry {
  name: string;
  retryable: boolean;
  hint: string;
}

const entry = (code: number, name: string, retryable: boolean, hint: string): [number, CatalogueEntry] => [
  code,
  { name, retryable, hint },
];

/** The catalogue of docs/rpc.md by number. */
export const CATALOGUE: ReadonlyMap<number, CatalogueEntry> = new Map([
  entry(-32_700, "ParseError", false, "send one JSON text, in UTF-8"),
  entry(-32_600, "InvalidRequest", false, "send a request of JSON-RPC 2.0"),
  entry(-32_601, "MethodNotFound", false, "see docs/rpc.md for the methods; node_info names the groups"),
  entry(-32_602, "InvalidParams", false, "correct the parameter at `path`; see docs/rpc.md"),
  entry(-32_603, "InternalError", true, "the node's log has more; ask another node"),
  entry(-32_040, "NotFound", false, "check the name, or ask a node that keeps more"),
  entry(-32_041, "NotReady", true, "the node is starting or catching up: wait, or ask another node"),
  entry(-32_042, "Limit", true, "too much at once: wait `retryAfterMs`, or ask for less"),
  entry(-32_043, "NotKept", false, "ask a node that keeps this: node_info has `role` and `indexes`"),
  entry(-32_044, "BehindRequested", true, "the node is behind: wait longer, or ask another"),
  entry(-32_045, "Denied", false, "this node does not let you; ask its operator"),
  entry(1001, "Malformed", false, "build the transaction again, with a client of this protocol version"),
  entry(1002, "BadSignature", false, "sign with the sender's key, for this chain, after the last change"),
  entry(1003, "WrongChain", false, "build and sign the transaction for the chain of this node"),
  entry(1004, "TooLarge", false, "make it smaller: node_info has the limits"),
  entry(1005, "NonceUsed", false, "choose another nonce: account_get has the next"),
  entry(1006, "NonceOutsideWindow", false, "choose a nonce between `next` and `last` of account_get"),
  entry(1007, "Expired", false, "build it again with a later validUntilMs"),
  entry(1008, "NotYetValid", true, "choose an earlier validUntilMs, or wait"),
  entry(1009, "FeeTooLow", false, "offer at least the floor"),
  entry(1010, "BalanceTooLow", false, "fund the account, or offer less fuel"),
  entry(1011, "PoolFull", true, "wait a moment and submit the same bytes again"),
  entry(1012, "KeyNotAllowed", false, "sign with a key that may do this"),
  entry(1013, "PolicyNotMet", false, "more must sign or agree: account_keys and module_get show who"),
  entry(1014, "InterfaceMismatch", false, "read the module's interface again and build anew"),
  entry(2001, "ModuleNotFound", false, "check the address or name of the module"),
  entry(2002, "FunctionNotFound", false, "module_interface lists the functions"),
  entry(2003, "BadArguments", false, "correct the argument at `path`; module_interface has the types"),
  entry(2004, "OutOfFuel", false, "offer more fuel, or ask for less work"),
  entry(2005, "Trapped", false, "the module has a fault: show its author the backtrace"),
  entry(2006, "ModuleError", false, "the module refused: its message or error value says why"),
  entry(2007, "LimitExceeded", false, "the call needs more than the ledger allows: ask for less"),
  entry(2008, "ModulePaused", true, "wait until those who paused it resume it: queries answer"),
  entry(2009, "CodeRefused", false, "build the component for pollen:host only, within its limits"),
  entry(2010, "NameTaken", false, "choose another name"),
  entry(2011, "CodeNotFound", false, "attach the component to the transaction"),
  entry(2012, "Reentered", false, "a module cannot be called while it is running"),
  entry(2013, "TooDeep", false, "calls between modules nest too deep"),
  entry(2014, "CodeNotActive", true, "publish the code, then wait codeActivationMs of ledger time"),
]);

/** At most 80 characters, none of which moves a terminal's cursor. */
function shortened(text: string): string {
  const letters = [...text];
  const short = letters.slice(0, 80).map((letter) => (/\p{Cc}/u.test(letter) ? escaped(letter) : letter));
  return short.join("") + (letters.length > 80 ? "…" : "");
}

function escaped(letter: string): string {
  const plain: Record<string, string> = { "\t": "\\t", "\n": "\\n", "\r": "\\r" };
  return plain[letter] ?? `\\u{${letter.codePointAt(0)!.toString(16)}}`;
}
