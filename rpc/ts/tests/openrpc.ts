/** Holds what nodes take and answer against what they say of it: their OpenRPC document (`rpc.discover`). */

import { Ajv2020 } from "ajv/dist/2020.js";

interface DescribedMethod {
  name: string;
  params: { name: string; required: boolean; schema: unknown }[];
  result: { schema: unknown };
  "x-subscription"?: { notice: string; schema: unknown };
}

export class Document {
  readonly methods: ReadonlyMap<string, DescribedMethod>;
  /** Methods and notices that were held against it. */
  readonly seen = new Set<string>();
  /** What did not fit. */
  readonly faults = new Set<string>();
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });

  private constructor(document: { methods: DescribedMethod[]; components: { schemas: Record<string, Record<string, unknown>> } }) {
    for (const bits of [8, 16, 32, 53]) {
      const max = 2 ** bits - 1;
      // A JSON number of 64 bits is a whole one that every program reads alike.
      const name = bits === 53 ? 64 : bits;
      this.#ajv.addFormat(`uint${name}`, { type: "number", validate: (value) => Number.isSafeInteger(value) && value >= 0 && value <= max });
      this.#ajv.addFormat(`int${name}`, { type: "number", validate: (value) => Number.isSafeInteger(value) && Math.abs(value) <= max });
    }
    this.methods = new Map(document.methods.map((method) => [method.name, method]));
    for (const schema of Object.values(document.components.schemas)) close(schema);
    this.#ajv.addSchema({ $id: "openrpc:document", ...document }, undefined, undefined, false);
  }

  static async of(url: string): Promise<Document> {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "rpc.discover" });
    const { result } = (await (await fetch(url, { method: "POST", body })).json()) as { result: never };
    return new Document(result);
  }

  /** `fetch` that looks at every call. */
  readonly fetch: typeof fetch = async (url, init) => {
    const { method, params } = JSON.parse(String(init?.body)) as { method: string; params: Record<string, unknown> };
    const response = await fetch(url, init);
    const { result } = (await response.clone().json()) as { result?: unknown };
    if (result !== undefined) this.#call(method, params, result);
    return response;
  };

  /** A WebSocket that looks at every notice. */
  readonly WebSocket = ((document: Document) =>
    class extends WebSocket {
      constructor(url: string) {
        super(url);
        this.addEventListener("message", ({ data }) => {
          const { method, params } = JSON.parse(String(data)) as { method?: string; params?: { result: unknown } };
          if (method !== undefined) document.#notice(method, params!.result);
        });
      }
    })(this);

  #call(method: string, params: Record<string, unknown>, result: unknown): void {
    const index = [...this.methods.keys()].indexOf(method);
    const described = this.methods.get(method);
    if (described === undefined) return void this.faults.add(`${method} is not there`);
    for (const [name, value] of Object.entries(params)) {
      const place = described.params.findIndex((param) => param.name === name);
      if (place < 0) this.faults.add(`${method}: no parameter ${name}`);
      else this.#hold(`${method}.params.${name}`, `/methods/${index}/params/${place}/schema`, value);
    }
    for (const { name, required } of described.params) {
      if (required && params[name] === undefined) this.faults.add(`${method}: ${name} is needed, and was not`);
    }
    this.#hold(method, `/methods/${index}/result/schema`, result);
  }

  #notice(method: string, notice: unknown): void {
    const index = [...this.methods.values()].findIndex((one) => one["x-subscription"]?.notice === method);
    if (index < 0) return void this.faults.add(`${method} is not there`);
    this.#hold(method, `/methods/${index}/x-subscription/schema`, notice);
  }

  #hold(what: string, pointer: string, value: unknown): void {
    this.seen.add(what);
    for (const fault of this.#differences(pointer, value)) this.faults.add(`${what}${fault}`);
  }

  /** In what a value is not of a type of the document. */
  differences(type: string, value: unknown): string[] {
    return this.#differences(`/components/schemas/${type}`, value);
  }

  #differences(pointer: string, value: unknown): string[] {
    const validate = this.#ajv.getSchema(`openrpc:document#${pointer}`)!;
    if (validate(value)) return [];
    return validate.errors!.map(
      ({ instancePath, message, params }) => `${instancePath.replace(/\/\d+/g, "/*")}: ${message} ${JSON.stringify(params)}`,
    );
  }
}

/** Lets an object have no fields that the document does not tell. */
function close(schema: Record<string, unknown>): void {
  if ("properties" in schema || "allOf" in schema) schema["unevaluatedProperties"] ??= false;
  for (const form of (schema["oneOf"] ?? schema["anyOf"] ?? []) as Record<string, unknown>[]) {
    if ("properties" in form && !("properties" in schema)) form["unevaluatedProperties"] ??= false;
  }
}
