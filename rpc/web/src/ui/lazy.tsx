/** Places that are loaded when they are opened first, so that a first visit loads what it shows. */

import type { FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Failure, Loading } from "./parts.js";

/** Parts have other names in every version: a node that was upgraded no longer has those of the page before. */
const GONE = "This part of the page could not be loaded. The node may have a newer page by now.";

/** A component that comes with its own script; `Meanwhile` until it is there. Where it cannot be loaded it says so. */
export function lazy<P extends object>(load: () => Promise<FunctionComponent<P>>, Meanwhile: FunctionComponent<object> = () => <Loading />): FunctionComponent<P> {
  let loaded: FunctionComponent<P> | null = null;
  return (props) => {
    const [, setTries] = useState(0);
    const [error, setError] = useState<unknown>(null);
    useEffect(() => {
      if (loaded !== null) return;
      let isWanted = true;
      load().then(
        (component) => {
          loaded = component;
          if (isWanted) setTries((tries) => tries + 1);
        },
        (why: unknown) => isWanted && setError(why),
      );
      return () => {
        isWanted = false;
      };
    }, [error === null]);
    if (loaded !== null) {
      const Component = loaded;
      return <Component {...props} />;
    }
    if (error === null) return <Meanwhile />;
    return <Failure error={new Error(GONE)} again={() => location.reload()} name="Load the page anew" />;
  };
}
