/** Events of modules, to be followed by a {@link Stream}. */

import { compareCursors, eventNotice, type Cursor, type EventView } from "./api.js";
import type { Feed, FollowOptions, Stream } from "./stream.js";

/** Which events, and from where on. */
export interface EventsOptions extends FollowOptions {
  /** Only of this module: address or `@name`. */
  module?: string;
  /** Only of this name. */
  name?: string;
  /** Only what comes after; from now on unless told. */
  after?: Cursor;
}

export type EventStream = Stream<Cursor, EventView>;

const PAGE = 500;

export function eventsFeed({ module, name }: EventsOptions): Feed<Cursor, EventView> {
  const filter = { ...(module === undefined ? {} : { module }), ...(name === undefined ? {} : { name }) };
  return {
    group: "events",
    now: async (client) => (await client.head()).at.height.toString(),
    params: (after) => ({ ...filter, after }),
    read(json, path) {
      const notice = eventNotice(json, path);
      return notice.type === "event" ? { type: "item", item: notice.event } : notice;
    },
    async page(client, after, waitMs, signal) {
      const params = { ...filter, after, limit: PAGE, waitMs };
      const { events: items, next, more } = await client.request("events_query", params, signal === undefined ? {} : { signal });
      return { items, next, more };
    },
    placeOf: (event) => event.cursor,
    compare: compareCursors,
  };
}
