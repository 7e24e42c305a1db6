/** The page as a whole: header with places and search, what the node's state is, the place that the address names. */

import { connection, head } from "./node.js";

export function App() {
  return (
    <main>
      <h1>Pollen</h1>
      <p>{connection.value.kind}</p>
      <p>{head.value?.at.height.toString()}</p>
    </main>
  );
}
