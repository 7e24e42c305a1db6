/** The beginning: styles, the node, the wallet, the page. */

import "./styles/base.css";
import "./styles/parts.css";
import "./styles/pages.css";
import { render } from "preact";
import { App } from "./app.js";
import { start } from "./node.js";
import { startTrust, startWallet } from "./seams.js";
import { measureTraffic } from "./traffic.js";

start();
measureTraffic();
startWallet();
startTrust();
const place = document.getElementById("page")!;
place.replaceChildren();
render(<App />, place);
