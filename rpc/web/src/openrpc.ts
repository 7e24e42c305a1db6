/** The node's own description of its methods (OpenRPC), read for a console: parameters with types in words, examples. Pure. */

export interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  format?: string;
}

export interface Param {
  name: string;
  docs: string;
  type: string;
  isRequired: boolean;
  /** Words to choose from, where there are no others. */
  choices: string[] | null;
  /** How what is typed becomes JSON. */
  kind: "text" | "number" | "boolean" | "json";
}

export interface Method {
  name: string;
  docs: string;
  params: Param[];
  /** A call of a development network, and its answer. */
  example: { params: Record<string, unknown>; result: unknown } | null;
  isSubscription: boolean;
}

interface Document {
  methods: {
    name: string;
    summary?: string;
    description?: string;
    params: { name: string; description?: string; summary?: string; required?: boolean; schema: Schema }[];
    examples?: { params?: { name: string; value: unknown }[]; result?: { value: unknown } }[];
  }[];
  components?: { schemas?: Record<string, Schema> };
}

/** Methods in the order of their groups. Throws `TypeError` for what is no such document. */
export function readDocument(json: unknown): Method[] {
  const { methods, components } = json as Document;
  if (!Array.isArray(methods)) throw new TypeError("this is no OpenRPC document: it has no methods");
  const schemas = components?.schemas ?? {};
  return methods
    .map(({ name, summary, description, params, examples }) => {
      const example = examples?.[0];
      return {
        name,
        docs: description ?? summary ?? "",
        params: params.map((param) => readParam(param, schemas)),
        example: example === undefined ? null : { params: Object.fromEntries((example.params ?? []).map((one) => [one.name, one.value])), result: example.result?.value },
        isSubscription: /_(un)?subscribe$/.test(name),
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function readParam({ name, description, summary, required, schema }: Document["methods"][number]["params"][number], schemas: Record<string, Schema>): Param {
  const whole = resolved(schema, schemas);
  const docs = description ?? summary ?? schema.description ?? whole.description ?? "";
  return { name, docs, type: typeWords(schema, schemas), isRequired: required === true, choices: choicesOf(whole, schemas), kind: kindOf(whole, schemas) };
}

function resolved(schema: Schema, schemas: Record<string, Schema>): Schema {
  const name = schema.$ref?.split("/").at(-1);
  return name === undefined ? schema : (schemas[name] ?? schema);
}

/** The alternatives of a schema without `null`. */
function alternatives(schema: Schema, schemas: Record<string, Schema>): Schema[] {
  const parts = schema.anyOf ?? schema.oneOf;
  return parts === undefined ? [schema] : parts.map((part) => resolved(part, schemas)).filter(({ type }) => type !== "null");
}

function typesOf(schema: Schema): string[] {
  return (Array.isArray(schema.type) ? schema.type : schema.type === undefined ? [] : [schema.type]).filter((type) => type !== "null");
}

function choicesOf(schema: Schema, schemas: Record<string, Schema>): string[] | null {
  const words = alternatives(schema, schemas).flatMap((part): unknown[] => {
    const inside = alternatives(part, schemas);
    return inside.flatMap((one) => one.enum ?? (one.const === undefined ? [undefined] : [one.const]));
  });
  return words.length > 0 && words.every((word) => typeof word === "string") ? (words as string[]) : null;
}

function kindOf(schema: Schema, schemas: Record<string, Schema>): Param["kind"] {
  const types = new Set(alternatives(schema, schemas).flatMap((part) => alternatives(part, schemas)).flatMap(typesOf));
  if (types.has("object") || types.has("array") || types.size === 0) return "json";
  if (types.has("string")) return "text";
  if (types.has("boolean")) return "boolean";
  return "number";
}

/** The type in a few words: names of schemas as they are. */
export function typeWords(schema: Schema, schemas: Record<string, Schema>): string {
  if (schema.$ref !== undefined) return schema.$ref.split("/").at(-1)!;
  const parts = schema.anyOf ?? schema.oneOf;
  if (parts !== undefined) return parts.filter(({ type }) => type !== "null").map((part) => typeWords(part, schemas)).join(" or ") || "null";
  const types = typesOf(schema);
  if (types.includes("array")) return `list of ${schema.items === undefined ? "anything" : typeWords(schema.items, schemas)}`;
  return types.join(" or ") || "anything";
}

/** What was typed into fields as parameters: empty ones are left out. Throws `SyntaxError` for what is no JSON. */
export function paramsOf(params: readonly Param[], typed: Record<string, string>): Record<string, unknown> {
  const given: [string, unknown][] = [];
  for (const { name, kind } of params) {
    const text = (typed[name] ?? "").trim();
    if (text === "") continue;
    if (kind === "text") given.push([name, text]);
    else if (kind === "number") given.push([name, /^-?\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text]);
    else if (kind === "boolean") given.push([name, text === "true"]);
    else given.push([name, json(name, text)]);
  }
  return Object.fromEntries(given);
}

/** JSON; a bare word is taken as text, so that a quote is not needed for one. */
function json(name: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    if (/^[\w@.:+/=-]+$/.test(text)) return text;
    throw new SyntaxError(`${name}: this is no JSON`);
  }
}

/** The values of parameters as they are typed. */
export function typedOf(params: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]));
}
