/**
 * A form made from the types of an interface: a field for every value, with its type and what is wrong with it beside it.
 */

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { typeText, type Type } from "@pollen/client";
import { casesOf, emptyDraft, type BytesForm, type Draft } from "../draft.js";

/** What is wrong, and in which field. */
export interface Wrong {
  path: string;
  words: string;
}

interface FieldProps {
  name: string;
  type: Type;
  draft: Draft;
  /** Where the field stands, as errors name it: `box.items[3]`. */
  path: string;
  wrong: Wrong | null;
  change(draft: Draft): void;
}

const HINTS: Partial<Record<string, string>> = {
  amount: "such as 1.5 pollen, or grains",
  account: "an address",
  hash: "64 hexadecimal digits",
  "code-hash": "64 hexadecimal digits",
  id: "64 hexadecimal digits",
  char: "one character",
};

export function Fields({ fields, drafts, path = "", wrong, change }: { fields: [string, Type][]; drafts: Record<string, Draft>; path?: string; wrong: Wrong | null; change(drafts: Record<string, Draft>): void }) {
  return (
    <>
      {fields.map(([name, type]) => (
        <Field key={name} name={name} type={type} draft={drafts[name]!} path={path === "" ? name : `${path}.${name}`} wrong={wrong} change={(draft) => change({ ...drafts, [name]: draft })} />
      ))}
    </>
  );
}

export function Field(props: FieldProps): ComponentChildren {
  const { type } = props;
  if (typeof type === "string") return type === "bool" ? <Bool {...props} /> : type === "bytes" ? <BytesField {...props} /> : <Text {...props} type={type} />;
  if ("enum" in type) return <Choice {...props} options={type.enum} chosen={props.draft as string} choose={props.change} />;
  if ("option" in type) return <Option {...props} inside={type.option} />;
  if ("list" in type) return <List {...props} item={type.list} />;
  if ("tuple" in type) return <Tuple {...props} parts={type.tuple} />;
  if ("record" in type) {
    return (
      <Group {...props}>
        <Fields fields={type.record} drafts={(props.draft as { fields: Record<string, Draft> }).fields} path={props.path} wrong={props.wrong} change={(fields) => props.change({ fields })} />
      </Group>
    );
  }
  if ("flags" in type) return <Flags {...props} names={type.flags} />;
  return <Cases {...props} cases={casesOf(type)} />;
}

function Label({ id, name, type }: { id?: string; name: string; type: Type }) {
  return <span class="label">{id === undefined ? <span>{name}</span> : <label for={id}>{name}</label>}<span class="type">{typeText(type)}</span></span>;
}

function Mistake({ id, path, wrong }: { id: string; path: string; wrong: Wrong | null }) {
  return wrong?.path === path ? <span class="wrong" id={`${id}-wrong`}>{wrong.words}</span> : null;
}

/** What an input says of its mistake to who does not see it. */
function marks(id: string, path: string, wrong: Wrong | null): { "aria-invalid"?: "true"; "aria-describedby"?: string } {
  return wrong?.path === path ? { "aria-invalid": "true", "aria-describedby": `${id}-wrong` } : {};
}

function Text({ name, type, draft, path, wrong, change }: FieldProps & { type: Extract<Type, string> }) {
  const id = useId();
  const isNumber = /^[us]\d/.test(type);
  return (
    <div class="field">
      <Label id={id} name={name} type={type} />
      <input
        id={id}
        type="text"
        {...(isNumber ? { inputMode: "numeric" as const } : {})}
        value={draft as string}
        placeholder={HINTS[type] ?? ""}
        autocomplete="off"
        spellcheck={false}
        class={["account", "hash", "code-hash", "id"].includes(type) ? "mono" : ""}
        {...marks(id, path, wrong)}
        onInput={(event) => change(event.currentTarget.value)}
      />
      <Mistake id={id} path={path} wrong={wrong} />
    </div>
  );
}

function Bool({ name, type, draft, change }: FieldProps) {
  return (
    <label class="check"><input type="checkbox" checked={draft as boolean} onChange={(event) => change(event.currentTarget.checked)} /> {name} <span class="type">{typeText(type)}</span></label>
  );
}

function BytesField({ name, type, draft, path, wrong, change }: FieldProps) {
  const id = useId();
  const { bytes, form } = draft as { bytes: string; form: BytesForm };
  return (
    <div class="field">
      <Label id={id} name={name} type={type} />
      <div class="row bytes-field">
        <input id={id} type="text" value={bytes} autocomplete="off" spellcheck={false} {...marks(id, path, wrong)} onInput={(event) => change({ bytes: event.currentTarget.value, form })} />
        <select aria-label={`${name}: written as`} value={form} onChange={(event) => change({ bytes, form: event.currentTarget.value as BytesForm })}>
          <option value="text">text</option>
          <option value="hex">hex</option>
          <option value="base64">base64</option>
        </select>
      </div>
      <Mistake id={id} path={path} wrong={wrong} />
    </div>
  );
}

function Choice({ name, type, path, wrong, options, chosen, choose }: FieldProps & { options: string[]; chosen: string; choose(name: string): void }) {
  const id = useId();
  return (
    <div class="field">
      <Label id={id} name={name} type={type} />
      <select id={id} value={chosen} {...marks(id, path, wrong)} onChange={(event) => choose(event.currentTarget.value)}>
        {options.map((option) => <option key={option} value={option}>{option}</option>)}
      </select>
      <Mistake id={id} path={path} wrong={wrong} />
    </div>
  );
}

function Group({ name, type, path, wrong, children }: FieldProps & { children: ComponentChildren }) {
  const id = useId();
  return (
    <fieldset>
      <legend>{name} <span class="type">{typeText(type)}</span></legend>
      {children}
      <Mistake id={id} path={path} wrong={wrong} />
    </fieldset>
  );
}

function Option({ inside, ...props }: FieldProps & { inside: Type }) {
  const { some, value } = props.draft as { some: boolean; value: Draft };
  return (
    <div class="field">
      <label class="check"><input type="checkbox" checked={some} onChange={(event) => props.change({ some: event.currentTarget.checked, value })} /> give {props.name} <span class="type">{typeText(props.type)}</span></label>
      {some && <Field {...props} type={inside} draft={value} change={(draft) => props.change({ some, value: draft })} />}
    </div>
  );
}

function List({ item, ...props }: FieldProps & { item: Type }) {
  const { items } = props.draft as { items: Draft[] };
  const replace = (place: number, draft: Draft) => props.change({ items: items.map((one, at) => (at === place ? draft : one)) });
  return (
    <Group {...props}>
      {items.map((draft, place) => (
        <div key={place} class="list-item">
          <Field name={`item ${place + 1}`} type={item} draft={draft} path={`${props.path}[${place}]`} wrong={props.wrong} change={(next) => replace(place, next)} />
          <button type="button" class="plain" aria-label={`remove item ${place + 1} of ${props.name}`} onClick={() => props.change({ items: items.filter((_, at) => at !== place) })}>remove</button>
        </div>
      ))}
      <div class="row"><button type="button" onClick={() => props.change({ items: [...items, emptyDraft(item)] })}>Add an item{items.length === 0 ? ` to ${props.name}` : ""}</button></div>
    </Group>
  );
}

function Tuple({ parts, ...props }: FieldProps & { parts: Type[] }) {
  const { items } = props.draft as { items: Draft[] };
  return (
    <Group {...props}>
      {parts.map((type, place) => (
        <Field key={place} name={`part ${place + 1}`} type={type} draft={items[place]!} path={`${props.path}[${place}]`} wrong={props.wrong} change={(next) => props.change({ items: items.map((one, at) => (at === place ? next : one)) })} />
      ))}
    </Group>
  );
}

function Flags({ names, ...props }: FieldProps & { names: string[] }) {
  const { flags } = props.draft as { flags: string[] };
  return (
    <Group {...props}>
      <div class="row">
        {names.map((name) => (
          <label key={name} class="check"><input type="checkbox" checked={flags.includes(name)} onChange={(event) => props.change({ flags: event.currentTarget.checked ? [...flags, name] : flags.filter((one) => one !== name) })} /> {name}</label>
        ))}
      </div>
    </Group>
  );
}

function Cases({ cases, ...props }: FieldProps & { cases: [string, Type | null][] }) {
  const { chosen, payload } = props.draft as { chosen: string; payload: Draft | null };
  const carried = cases.find(([name]) => name === chosen)?.[1] ?? null;
  const choose = (name: string) => {
    const next = cases.find(([one]) => one === name)?.[1] ?? null;
    props.change({ chosen: name, payload: next === null ? null : emptyDraft(next) });
  };
  return (
    <>
      <Choice {...props} options={cases.map(([name]) => name)} chosen={chosen} choose={choose} />
      {carried !== null && payload !== null && (
        <fieldset><Field {...props} name={chosen} type={carried} draft={payload} path={`${props.path}.${chosen}`} change={(next) => props.change({ chosen, payload: next })} /></fieldset>
      )}
    </>
  );
}
