/** Events of modules, to be followed by a {@link Stream}. */

import { compareCursors, eventNotice, readCursor, type Cursor, type EventsPage, type EventView } from "./api.js";
import { refuseBehind, type Feed, type FollowOptions, type Stream } from "./stream.js";

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
    async page(client, after, { waitMs, until, signal }) {
      const height = until === undefined ? 0n : readCursor(until)![0];
      const check = (page: EventsPage) => refuseBehind(page.at.height < height);
      const options = { check, ...(signal === undefined ? {} : { signal }) };
      const page = await client.request("events_query", { ...filter, after, limit: PAGE, waitMs }, options);
      return { items: page.events, next: page.next, more: page.more };
    },
    placeOf: (event) => event.cursor,
    compare: compareCursors,
  };
}
