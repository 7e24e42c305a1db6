/** The beginning: styles, the node, the page. */

import "./styles/base.css";
import { render } from "preact";
import { App } from "./app.js";
import { start } from "./node.js";

start();
render(<App />, document.getElementById("page")!);
