// Pages are complete without this script.
"use strict";

// Moments are written in the site's time. The reader's own time is in the tooltip.
document.addEventListener("pointerover", ({ target }) => {
  const time = target.closest("time[datetime]:not([title])");
  const moment = new Date(time?.dateTime);
  if (!Number.isNaN(moment.getTime())) {
    time.title = moment.toLocaleString();
  }
});

// A double click sends a form once. The answer to the first request would be lost, and with it the
// secret of a new token.
const TIMEOUT = 10_000;
let sentAt = -Infinity;

document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.timeStamp - sentAt < TIMEOUT) event.preventDefault();
  else sentAt = event.timeStamp;
});

// The page may be shown again, by the button 'Back'.
addEventListener("pageshow", () => {
  sentAt = -Infinity;
});
