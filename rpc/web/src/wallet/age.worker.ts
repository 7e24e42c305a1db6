/** Answers an age question beside the page. One question, one answer; then the page ends the worker. */

import { answer, type AgeQuestion } from "./age.js";

addEventListener("message", (event: MessageEvent<AgeQuestion>) => {
  void answer(event.data).then((told) => postMessage(told));
});
